"""What is kept of a run is enough to repeat its tests."""

import numpy as np
import pytest
from gip_runs import finish

from advkd.artifacts.seed_results import join_seeds
from advkd.errors import UserError
from advkd.runs.folder import PREDICTIONS
from advkd.runs.keep import ANSWERS, keep
from advkd.runs.lookup import folder_of
from advkd.runs.predictions import classifier_metrics
from advkd.settings import config

KD = "gip/cifar100/resnet18/kd/seed0"


@pytest.fixture
def run(checkout):
    resolved = config.resolve(KD, config.user({"scale": "paper"}))
    finish(resolved, right=63)
    return resolved


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
