"""The mean over seeds is a mean of one thing: the same data, code and evaluation."""

import pytest
from gip_runs import finish

from advkd.artifacts.seed_results import join_seeds
from advkd.files import read_json, write_json
from advkd.runs.folder_writer import WritableFolder
from advkd.runs.lookup import folder_of
from advkd.settings import config

GROUP = "gip/cifar10/resnet18/kd"


@pytest.fixture
def runs(checkout):
    """Three finished seeds, which are right about 60, 61 and 62 of 100 images."""
    user = config.user({"scale": "paper", "seeds": 3})
    resolved = [config.resolve(f"{GROUP}/seed{seed}", user) for seed in range(3)]
    for seed, run in enumerate(resolved):
        finish(run, 60 + seed)
    return resolved


def change_provenance(run, **changes):
    path = folder_of(run).path / "provenance.json"
    write_json(path, {**read_json(path), **changes})


def test_seeds_that_are_alike_have_a_mean(runs):
    joined = join_seeds(runs, "accuracy")
    assert (joined.status, joined.ended) == ("done", "")
    assert joined.summary("accuracy")["mean"] == pytest.approx(61)


@pytest.mark.parametrize(
    ("changes", "what"), [({"code": "1" * 12}, "code"), ({"data": {"sha256": {"images.npy": "2" * 64}}}, "data")]
)
def test_seeds_of_other_code_or_data_have_none(runs, changes, what):
    change_provenance(runs[1], **changes)
    joined = join_seeds(runs, "accuracy")
    assert (joined.status, joined.ended) == (
        f"seeds not alike (seed 1 has other {what} than seed 0)",
        "seeds not alike",
    )
    assert "mean" not in joined.summary("accuracy")
    assert join_seeds([runs[0], runs[2]], "accuracy").status == "done"


def test_seeds_that_were_evaluated_by_other_code_have_none(runs):
    for run in runs:
        join_seeds([run], "accuracy")
    folder = WritableFolder(folder_of(runs[2]).path)
    folder.write_metrics(folder.metrics() | {"evaluated": {"code": "old"}})
    (folder.path / "predictions.npz").unlink()  # without its predictions, a run keeps its metrics
    joined = join_seeds(runs, "accuracy")
    assert joined.status == "seeds not alike (seed 2 has other evaluation code than seed 0)"


def test_a_group_says_which_of_its_runs_lack_what(runs):
    (folder_of(runs[0]).path / "result.json").unlink()
    assert join_seeds(runs[:1], "accuracy").status == "not run"
    assert join_seeds(runs, "accuracy").status == "2 of 3 seeds"


def test_a_trained_gan_without_metrics_is_not_evaluated(checkout):
    run = config.resolve("okd/codebrim/sagan/okd/seed0", config.user())
    result = {"status": "done", "config_hash": run.hash, "sha256": {}}
    write_json(folder_of(run).path / "result.json", result)
    write_json(folder_of(run).path / "provenance.json", {"code": "0" * 12, "data": {}, "result": result})
    assert join_seeds([run], "fid.G1").status == "trained, not evaluated"
    write_json(folder_of(run).path / "result.json", {**result, "config_hash": "of other settings"})
    assert join_seeds([run], "fid.G1").status == "outdated"
