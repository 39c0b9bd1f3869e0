"""What is kept of a run is enough to repeat its tests."""

import shutil

import numpy as np
import pytest
from gip_runs import finish

from advkd.artifacts.seed_results import join_seeds
from advkd.errors import UserError
from advkd.report import measure
from advkd.runs.folder_names import ANSWERS, MODEL, PREDICTIONS
from advkd.runs.keep import keep
from advkd.runs.lookup import folder_of, state_of
from advkd.runs.predictions import classifier_metrics
from advkd.settings import config

KD = "gip/cifar100/resnet18/kd/seed0"


USER = {"scale": "paper"}


@pytest.fixture
def run(checkout):
    resolved = config.resolve(KD, config.user(USER))
    finish(resolved, right=63)
    return resolved


@pytest.fixture
def kept(run, tmp_path):
    """The run as somebody else gets it: what was kept stands in its place."""
    keep([run], tmp_path / "kept")
    folder = folder_of(run)
    shutil.rmtree(folder.path)
    shutil.copytree(tmp_path / "kept" / folder.path, folder.path)
    return folder


def test_errors_follow_from_the_answers(run, tmp_path):
    assert keep([run], tmp_path) == 1
    kept = tmp_path / folder_of(run).path
    values = classifier_metrics(folder_of(run))["values"]
    answers = np.load(kept / ANSWERS)
    assert 100 * np.mean(answers["predicted"] == answers["label"]) == values["accuracy"] == 63
    assert 100 * np.mean(~answers["top5"]) == pytest.approx(values["top5_error"])
    highest = np.exp(1) / (np.exp(1) + 24)  # of logits that are 1 for one of 25 classes and 0 for the others
    np.testing.assert_allclose(answers["confidence"], highest, rtol=1e-3)
    assert {path.name for path in kept.iterdir()} == {ANSWERS, "metrics.json", "provenance.json", "result.json"}


def test_kept_runs_have_the_same_numbers(run, tmp_path):
    keep([run], tmp_path)
    before = join_seeds([run], "accuracy")
    folder_of(run).file(PREDICTIONS).unlink()
    for path in (tmp_path / folder_of(run).path).iterdir():
        assert path.name == ANSWERS or path.read_bytes() == folder_of(run).file(path.name).read_bytes()
    assert join_seeds([run], "accuracy") == before


def test_a_run_that_is_kept_again_is_replaced_as_a_whole(run, tmp_path):
    keep([run], tmp_path)
    kept = tmp_path / folder_of(run).path
    (kept / "history.csv").write_text("of another training")
    keep([run], tmp_path)
    assert {path.name for path in kept.iterdir()} == {ANSWERS, "metrics.json", "provenance.json", "result.json"}
    assert [path.name for path in kept.parent.iterdir()] == ["seed0"]


def test_only_finished_runs_are_kept_and_none_onto_itself(run, tmp_path, checkout):
    other = config.resolve("gip/cifar100/resnet18/kd/seed1", config.user({"scale": "paper"}))
    assert keep([other], tmp_path) == 0 and not (tmp_path / folder_of(other).path).exists()
    with pytest.raises(UserError, match="is where the runs are: name another folder"):
        keep([run], checkout)


def test_tests_are_repeated_from_the_answers(checkout, tmp_path):
    """McNemar's test and its interval of two kept runs are those of their logits."""
    user = config.user(USER)
    runs = [config.resolve(f"gip/cifar100/resnet18/{method}/seed0", user) for method in ("kd", "baseline")]
    for resolved, right in zip(runs, (63, 41), strict=True):
        finish(resolved, right=right)
    names = [str(resolved.run) for resolved in runs]
    before = measure.report(names[0], names[1], user)
    keep(runs, tmp_path / "kept")
    shutil.rmtree("results")
    shutil.copytree(tmp_path / "kept" / "results", "results")
    assert not folder_of(runs[0]).has(PREDICTIONS)
    assert measure.report(names[0], names[1], user) == before
    assert "22 only there" in before


def test_a_kept_run_is_called_so_and_may_be_kept_again(kept, run, tmp_path):
    state = state_of(run)
    assert str(state) == "done (kept without its weights): trained by commit c0ffee" and state.done
    assert keep([run], tmp_path / "again") == 1
    again = tmp_path / "again" / kept.path
    assert {path.name for path in again.iterdir()} == {path.name for path in kept.path.iterdir()}
    for array in np.load(kept.file(ANSWERS)).files:
        assert np.array_equal(np.load(kept.file(ANSWERS))[array], np.load(again / ANSWERS)[array])


def test_with_its_weights_a_run_is_not_called_kept(run):
    classifier_metrics(folder_of(run))
    folder_of(run).file(MODEL).touch()
    assert "kept" not in str(state_of(run))


@pytest.mark.parametrize("array", ["label", "predicted", "top5", "confidence"])
def test_changed_answers_are_refused(kept, run, array):
    arrays = dict(np.load(kept.file(ANSWERS)))
    arrays[array][7] = not arrays[array][7]
    np.savez_compressed(kept.file(ANSWERS), **arrays)
    with pytest.raises(UserError, match=r"answers.npz is not what .*metrics.json differs\): take it again from where"):
        measure.report(KD, KD, config.user(USER))


def test_lost_answers_are_named(kept, run):
    kept.file(ANSWERS).unlink()
    with pytest.raises(UserError, match=r"predictions.npz is missing"):
        measure.report(KD, KD, config.user(USER))
