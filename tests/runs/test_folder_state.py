import fcntl

import pytest
from one_folder import empty_folder, finish

from advkd.runs import folder_names as names
from advkd.runs.code import gan_evaluation_code
from advkd.runs.folder_state import recorded_state
from advkd.runs.state import Kind


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return empty_folder()


def state(folder, config_hash="a", code="today"):
    return recorded_state(folder, config_hash, code)


def test_the_states_of_a_run(folder, monkeypatch):
    assert str(state(folder)) == "not started"
    folder.file(names.LOG).write_text("begun\nstep 3\n")
    assert str(state(folder)) == f"unfinished: no checkpoint; see {folder.file('log.txt')} (step 3)"
    folder.file(names.CHECKPOINTS[0]).touch()
    assert state(folder).detail.startswith("a checkpoint is kept")
    folder.write_result({"status": "diverged", "step": 3, "epoch": 2, "config_hash": "a", "sha256": {}})
    assert str(state(folder)) == f"diverged: at epoch 2; see {folder.file('log.txt')}"
    blocked = {"status": "blocked", "parent": "P", "reason": "diverged at step 3"}
    folder.write_result({**blocked, "config_hash": "a", "sha256": {}})
    assert str(state(folder)) == "blocked: P diverged at step 3" and state(folder).finished
    finish(folder)
    assert str(state(folder)) == "done" and state(folder).done
    assert state(folder, config_hash="b").kind == Kind.STALE and not state(folder, config_hash="b").finished
    assert str(state(folder, code="b")) == "done (counts; code changed since): --config retrain=stale trains it again"
    assert state(folder, code="b").done


def test_a_training_that_works_is_running(folder):
    with folder.locked():
        assert str(state(folder)) == "running: starting"
    assert state(folder).kind == Kind.NOT_STARTED
    with folder.file(names.LOCK).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert state(folder).kind == Kind.NOT_STARTED, "others look at the lock too"


def test_a_gan_is_evaluated_by_some_code(folder):
    finish(folder, sha256={names.SAMPLES: "0"})
    folder.file(names.SAMPLES).touch()
    assert str(state(folder)) == "trained, not evaluated: snakemake evaluates it once something needs its metrics"
    metrics = {"values": {}, "meta": {"features": None}, "evaluated": {"code": gan_evaluation_code()}}
    folder.write_metrics(metrics)
    assert state(folder).kind == Kind.DONE
    for code in ("today", "another"):
        assert str(recorded_state(folder, "a", code, "inception")).startswith("done (evaluated on other features): ")
    folder.write_metrics({**metrics, "evaluated": {"code": "old"}})
    assert (
        str(state(folder))
        == "done (counts; code of its metrics changed since): --config retrain=stale evaluates it again"
    )
    folder.write_metrics({"values": {}})
    assert state(folder).kind == Kind.DAMAGED
    assert state(folder).detail.endswith("delete it, and the next snakemake evaluates the run again")


@pytest.mark.parametrize("name", [names.RESULT, names.PROVENANCE, names.PREDICTIONS])
def test_a_damaged_run(folder, name):
    finish(folder)
    if name == names.RESULT:
        folder.file(name).write_text("{")
    else:
        folder.file(name).unlink()
    found = state(folder)
    assert found.kind == Kind.DAMAGED and str(folder.file(name)) in found.detail and "advkd train" in found.detail


def test_a_classifier_s_metrics_stand_for_its_predictions(folder):
    finish(folder)
    folder.file(names.PREDICTIONS).unlink()
    folder.write_metrics({"values": {}})
    assert state(folder).kind == Kind.KEPT, "as in an archive of results"
    folder.write_metrics({"no": "values"})
    assert state(folder).kind == Kind.DAMAGED
