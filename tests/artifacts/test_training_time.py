"""Seconds per epoch come from the times that finished runs recorded, and the hardware stands beside them."""

import pytest
from gip_runs import ATTEMPT, end, finish

from advkd.artifacts.table_cells import collect_rows
from advkd.artifacts.tables import tidy_frame
from advkd.artifacts.training_time import training_time
from advkd.files import read_json, write_json
from advkd.report import explain
from advkd.runs.lookup import folder_of
from advkd.settings import config

GIP = "gip/cifar10/resnet18/gip"
GPU = {**ATTEMPT, "gpu": "NVIDIA GeForce RTX 3090"}


@pytest.fixture
def user(checkout):
    return config.user({"scale": "paper", "seeds": 3})


def trained(name, user, seconds, *attempts):
    """Leave a finished run that took some wall seconds for each of its 200 epochs."""
    one = config.resolve(name, user)
    finish(one)
    path = folder_of(one).path / "provenance.json"
    known = read_json(path)
    write_json(path, {**known, "wall_seconds": seconds * 200, "attempts": list(attempts or [ATTEMPT])})
    return one


def test_seconds_per_epoch_are_a_mean_over_seeds_on_named_hardware(user):
    runs = [trained(f"{GIP}/seed{seed}", user, seconds, GPU) for seed, seconds in enumerate((100, 108, 116))]
    time = training_time(runs)
    assert (time.seconds.mean, time.seconds.std, time.seconds.n) == (108, 8, 3)
    assert str(time) == "108.0 ± 8.0 s per epoch, on NVIDIA GeForce RTX 3090"


def test_all_hardware_of_a_continued_run_is_named(user):
    one = trained(f"{GIP}/seed0", user, 50, ATTEMPT, GPU, ATTEMPT)
    assert training_time([one]).machines == ("CPU, 1 of 2 threads", "NVIDIA GeForce RTX 3090")


def test_runs_that_did_not_end_well_do_not_count(user):
    good = trained(f"{GIP}/seed0", user, 50)
    diverged, missing = (config.resolve(f"{GIP}/seed{seed}", user) for seed in (1, 2))
    end(diverged, status="diverged", epoch=3)
    assert training_time([diverged, missing]) is None
    assert training_time([good, diverged, missing]).seconds.n == 1


def test_a_gan_is_timed_by_a_thousand_iterations(user):
    one = config.resolve("okd/codebrim/sagan/okd/seed0", user)
    result = {"status": "done", "config_hash": one.hash, "steps": 50_000, "sha256": {}}
    write_json(folder_of(one).path / "result.json", result)
    provenance = {"result": result, "wall_seconds": 25_000.0, "attempts": [GPU], "code": "0", "data": {}}
    write_json(folder_of(one).path / "provenance.json", provenance)
    assert str(training_time([one])) == "500.00 s per 1,000 iterations, on NVIDIA GeForce RTX 3090"


def test_a_cell_says_its_time_and_hardware_and_the_csv_does_not(user):
    trained(f"{GIP}/seed0", user, 108, GPU)
    text = explain.report("gip_table1", ["CIFAR-10", "Proposed"], user)
    assert "  training    108.00 s per epoch, on NVIDIA GeForce RTX 3090\n" in text
    frame = tidy_frame(collect_rows("gip_table1", user))
    assert "time" not in frame and "RTX" not in frame.to_csv()


def test_a_run_without_a_readable_time_keeps_its_numbers(user):
    one = trained(f"{GIP}/seed0", user, 108)
    path = folder_of(one).path / "provenance.json"
    write_json(path, {**read_json(path), "wall_seconds": None})
    row = next(
        row for row in collect_rows("gip_table1", user) if row["run"] == GIP and row["column"].startswith("Prop")
    )
    assert row["mean"] == 60 and row["time"] is None
