"""The package as a user has it: installed from the wheel in a fresh environment, and used from an empty folder."""

import csv
import json
from importlib import metadata

import numpy as np
import pytest
from environments import advkd, run
from trained_photos import draw_photos, train_on_photos

import advkd as package

LIBRARY = """
import sys, advkd, numpy, torch
from advkd.methods import AiKd
from advkd.metrics import frechet_distance

model = advkd.load(sys.argv[1])
predicted = model.predict(sys.argv[2:])
print(*predicted.labels, sep="|")
print(*(f"{value:.6f}" for row in predicted.probabilities for value in row))

networks = [torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3)) for _ in "ab"]
method = AiKd(AiKd.Settings(omega=0.1), networks[0], superior=networks[1], classes=3)
method.begin_epoch(0)
loss, terms = method(torch.randn(4, 3, 2, 2), torch.tensor([0, 1, 2, 0]))
loss.backward()
method.end_epoch(0)
assert torch.isfinite(loss) and networks[0][1].weight.grad.abs().sum() > 0
features = numpy.random.default_rng(0).normal(size=(64, 4))
assert abs(frechet_distance(features, features + 1).distance - 4) < 1e-6
"""
PAPERS = [
    (["audit"], "The papers' own numbers, derived again"),
    (["claims"], "not run"),
    (["deviations"], "# "),
    (["config", "okd/codebrim/sagan/okd/seed0", "--config", "scale=paper"], "config/okd.yaml"),
    (["explain", "okd_table1", "OKD-SAGAN", "G2"], "118.23"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trained run, which is copied without its project, and photos."""
    return train_on_photos(
        draw_photos(tmp_path_factory.mktemp("photos")),
        "preact_resnet18",
        tmp_path_factory.mktemp("run"),
        stored_size=48,
    )


def test_the_environments_are_fresh(core, whole, tmp_path):
    """They hold the wheel, and making them left the environment of the tests as it was."""
    for python in (core, whole):
        place = run(python, tmp_path, "-c", "import advkd; print(advkd.__file__)").stdout
        assert place.startswith(str(python.parent.parent)) and "site-packages" in place
    recorded = json.loads(metadata.distribution("advkd").read_text("direct_url.json"))
    assert recorded["dir_info"] == {"editable": True}


def test_the_core_loads_predicts_and_trains(core, trained, tmp_path):
    folder, photos = trained
    done = run(core, tmp_path, "-c", LIBRARY, str(folder), *map(str, photos))
    labels, probabilities = done.stdout.splitlines()
    ours = package.load(folder).predict(photos)
    assert labels.split("|") == list(map(str, ours.labels))
    np.testing.assert_allclose([float(word) for word in probabilities.split()], np.ravel(ours.probabilities), atol=1e-5)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["report"], ["status"], ["audit"], ["run", "okd_table1"]], ids=" ".join)
def test_a_command_without_its_extra_says_so_in_one_line(core, words, tmp_path):
    advkd(core, tmp_path, "init")
    done = advkd(core, tmp_path, *words, status=2)
    assert done.stderr == f"advkd {words[0]} needs the extra workflow: install advkd[workflow]\n" and not done.stdout


@pytest.mark.parametrize(("words", "said"), PAPERS, ids=[words[0] for words, _ in PAPERS])
def test_what_the_papers_say_is_told_in_an_empty_folder(whole, words, said, tmp_path):
    done = advkd(whole, tmp_path, *words)
    assert said in done.stdout and str(tmp_path) not in done.stdout
    assert not list(tmp_path.iterdir())


def test_results_need_a_project(whole, tmp_path):
    done = advkd(whole, tmp_path, "status", status=2)
    assert done.stderr.count("\n") == 1 and "advkd init makes one" in done.stderr and not list(tmp_path.iterdir())


def test_a_project_makes_a_table_from_the_data_on(whole, tmp_path):
    folder = tmp_path / "my project"
    advkd(whole, tmp_path, "init", str(folder))
    advkd(whole, folder, "run", "aikd_table4", "--cores", "2")
    with (folder / "results/smoke/tables/aikd_table4.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 4 and all(np.isfinite(float(row["mean"])) for row in rows)
    about = [json.loads(path.read_text()) for path in folder.glob("results/smoke/runs/aikd/**/provenance.json")]
    assert len(about) == 5 and all(one["attempts"][-1]["commit"] is None for one in about)
    again = advkd(whole, folder, "run", "aikd_table4", "--dry-run")
    assert "othing to be done" in again.stdout + again.stderr
    assert "aikd_table4" in advkd(whole, folder, "status").stdout
    assert advkd(whole, folder, "claims").stdout != advkd(whole, tmp_path, "claims").stdout
