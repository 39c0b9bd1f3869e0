import threading

import numpy as np
import pytest

from advkd.errors import UserError
from advkd.files import read_json, sha256, write_json
from advkd.metrics import classification
from advkd.runs import predictions
from advkd.runs.code import code_hash


def finish(folder, seed=0):
    """Leave the predictions and the result of a finished run in `folder`."""
    rng = np.random.default_rng(seed)
    labels = np.arange(60) % 6
    logits = (rng.normal(size=(60, 6)) + 2 * np.eye(6)[labels]).astype(np.float32)
    folder.mkdir(exist_ok=True)
    np.savez(folder / "predictions.npz", labels=labels, logits=logits, best_logits=logits)
    checksums = {"model.safetensors": "0" * 64, "predictions.npz": sha256(folder / "predictions.npz")}
    write_json(folder / "result.json", {"status": "done", "config_hash": "a", "sha256": checksums})
    return folder


@pytest.fixture
def run(tmp_path):
    return finish(tmp_path / "run")


@pytest.fixture
def counted(monkeypatch):
    """The evaluations that were made."""
    made = []
    real = classification.evaluate
    monkeypatch.setattr(classification, "evaluate", lambda path: made.append(path) or real(path))
    return made


def test_computed_once_and_kept(run, counted):
    first = predictions.metrics(run)
    assert first == predictions.metrics(run) == read_json(run / "metrics.json") and len(counted) == 1
    assert first["status"] == "done" and first["sha256"] == read_json(run / "result.json")["sha256"]
    assert first["evaluated"] == {"code": code_hash("metrics")}
    assert {"values": first["values"], "meta": first["meta"]} == classification.evaluate(run / "predictions.npz")


@pytest.mark.parametrize(
    "change",
    [
        lambda run: finish(run, seed=1),
        lambda run: write_json(run / "metrics.json", read_json(run / "metrics.json") | {"evaluated": {"code": "old"}}),
        lambda run: (run / "metrics.json").write_text("{"),
        lambda run: (run / "metrics.json").unlink(),
    ],
    ids=["other predictions", "older code", "damaged", "removed"],
)
def test_computed_again(run, counted, change):
    predictions.metrics(run)
    change(run)
    found = predictions.metrics(run)
    assert len(counted) == 2 and found == read_json(run / "metrics.json")
    assert found["values"] == classification.evaluate(run / "predictions.npz")["values"]


def test_kept_metrics_outlive_the_predictions(run):
    predictions.metrics(run)
    (run / "predictions.npz").unlink()
    older = read_json(run / "metrics.json") | {"evaluated": {"code": "old"}}
    write_json(run / "metrics.json", older)
    assert predictions.metrics(run) == older
    write_json(run / "metrics.json", older | {"sha256": {"predictions.npz": "of another training"}})
    with pytest.raises(UserError, match=r"predictions\.npz"):
        predictions.metrics(run)


def test_unfinished_diverged_and_blocked_runs(tmp_path):
    with pytest.raises(UserError, match=r"no finished run \(no result.json\)"):
        predictions.metrics(tmp_path)
    write_json(tmp_path / "result.json", {"status": "diverged", "step": 7, "terms": {"L": "nan"}, "sha256": {}})
    assert predictions.metrics(tmp_path) == {"status": "diverged", "step": 7, "values": {}}
    parent = {"parent": "aikd/cifar100/preact_resnet18/baseline/seed0", "reason": "diverged at step 7"}
    write_json(tmp_path / "result.json", {"status": "blocked", **parent, "sha256": {}})
    assert predictions.metrics(tmp_path) == {"status": "blocked", **parent, "values": {}}
    assert not (tmp_path / "metrics.json").exists()


def test_missing_and_changed_predictions_are_one_line(run):
    path = run / "predictions.npz"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    with pytest.raises(UserError, match=r"predictions.npz is not what the run wrote .*: delete") as error:
        predictions.metrics(run)
    assert "\n" not in str(error.value)
    path.unlink()
    with pytest.raises(UserError, match=r"predictions.npz is missing"):
        predictions.metrics(run)
    assert not (run / "metrics.json").exists()


def test_two_at_once(run):
    found = []
    threads = [threading.Thread(target=lambda: found.append(predictions.metrics(run))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(one == read_json(run / "metrics.json") for one in found)
    assert sorted(path.name for path in run.iterdir()) == ["metrics.json", "predictions.npz", "result.json"]
