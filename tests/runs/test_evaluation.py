"""`advkd evaluate` measures a run with what its settings ask for, and with nothing else."""

from pathlib import Path

import numpy as np
import pytest
import tiny_runs
import torch
from test_gan_evaluation import as_features

from advkd.data.store_draft import write_store
from advkd.errors import UserError
from advkd.files import read_json, with_digest, without_digest, write_json
from advkd.runs import gan_evaluation
from advkd.runs.code import gan_evaluation_code
from advkd.runs.evaluation import evaluate
from advkd.runs.lookup import folder_of
from advkd.runs.train import train
from advkd.settings import config

FEATURES = "random_inception64"
RUN = "okd/codebrim/sagan/single/seed0"


@pytest.fixture
def user(checkout, monkeypatch):
    """A user with one trained GAN and the features of its real crops, of a stand-in for Inception."""
    monkeypatch.setattr(gan_evaluation, "build", lambda name, *_: (None, {"features": name, "seed": 0}))
    monkeypatch.setattr(gan_evaluation, "extract", lambda _, images, *__: as_features(images[:, ::16, ::16])[:, :64])
    override = {"okd": {**tiny_runs.TINY, "features": FEATURES}}
    user = config.user({"override": override, "device": "cpu"})
    resolved = config.resolve(RUN, user)
    (made,) = (tiny_runs.make_store(Path("made")) / "stores").iterdir()
    store = Path("data/stores", resolved.store)
    store.parent.mkdir(parents=True)
    made.rename(store)
    assert train(resolved.document(), folder_of(resolved).path, Path("data"), "cpu", 1000) == 0
    gan_evaluation.prepare_reals(store, Path("reals"), FEATURES, None, "", "cpu")
    return user


def run_evaluation(user, run=RUN, reals="reals"):
    out = folder_of(config.resolve(run, user)).file("metrics.json")
    evaluate(run, Path(reals), out, None, user)


def change_reals(**changed):
    meta = without_digest(read_json(Path("reals/meta.json")))
    write_json(Path("reals/meta.json"), with_digest({**meta, **changed}))


def test_metrics_are_bound_to_the_run(user):
    run_evaluation(user)
    folder = folder_of(config.resolve(RUN, user))
    metrics = folder.metrics()
    assert metrics["sha256"] == folder.result()["sha256"] and "fid.G1" in metrics["values"]
    assert metrics["evaluated"]["code"] == gan_evaluation_code()


def test_an_evaluation_has_the_threads_of_its_scale(user):
    torch.set_num_threads(3)
    run_evaluation(user)
    assert torch.get_num_threads() == 1


def test_features_of_older_code_are_part_of_the_evaluation_s_code(user):
    change_reals(code="old")
    run_evaluation(user)
    evaluated = folder_of(config.resolve(RUN, user)).metrics()["evaluated"]
    assert evaluated["code"] == f"old+{gan_evaluation_code()}"


def test_the_reals_of_another_store_are_refused(user):
    images = np.random.default_rng(7).integers(0, 256, (20, 64, 64, 3), dtype=np.uint8)
    none = np.zeros(0, np.int64)
    arrays = {"images": images, "labels": none, "held_out": images[:0], "held_out_labels": none}
    write_store(Path("other"), arrays, "", {})
    gan_evaluation.prepare_reals(Path("other"), Path("others"), FEATURES, None, "", "cpu")
    with pytest.raises(
        UserError, match=r"^others describes other crops than codebrim-\w+, on which okd/.* was trained$"
    ):
        run_evaluation(user, reals="others")


@pytest.mark.parametrize("change", [{"network": {"features": "inception"}}, {"network": {"weights": "random"}}])
def test_the_reals_of_another_network_are_refused(user, change):
    change_reals(**change)
    with pytest.raises(UserError, match=r"^reals was made with .*, the settings of okd/.* ask for "):
        run_evaluation(user)


def test_only_trained_gans_are_evaluated(user):
    for run, reason in (
        ("x" * 5000, "is not the name of a run"),
        ("gip/cifar10/resnet18/kd/seed0", "trains a classifier: advkd measure"),
        (RUN.replace("seed0", "seed1"), "at scale smoke is not started: advkd train"),
    ):
        with pytest.raises(UserError, match=reason):
            evaluate(run, Path("reals"), Path("metrics.json"), None, user)
    other = config.user({"override": {"okd": {**user.override["okd"], "batch": 3}}, "device": "cpu"})
    with pytest.raises(UserError, match="is outdated: its settings changed since"):
        evaluate(RUN, Path("reals"), Path("metrics.json"), None, other)
    assert not Path("metrics.json").exists()
