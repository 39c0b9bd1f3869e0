import threading

import numpy as np
import pytest

from advkd.errors import UserError
from advkd.files import read_json, sha256, write_json
from advkd.metrics import classification
from advkd.runs.code import classifier_evaluation_code
from advkd.runs.damaged import Damaged
from advkd.runs.folder import RunFolder
from advkd.runs.predictions import classifier_metrics


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


def kept(run):
    """Return the content of metrics.json without its own digest."""
    metrics = read_json(run / "metrics.json")
    del metrics["digest"]
    return metrics


def evaluated(run):
    return classification.evaluate(*RunFolder(run).predictions("logits", "best_logits"))


@pytest.fixture
def counted(monkeypatch):
    """The evaluations that were made."""
    made = []
    real = classification.evaluate
    monkeypatch.setattr(classification, "evaluate", lambda *arrays: made.append(1) or real(*arrays))
    return made


def test_computed_once_and_kept(run, counted):
    first = classifier_metrics(RunFolder(run))
    assert first == classifier_metrics(RunFolder(run)) == kept(run) and len(counted) == 1
    assert first["status"] == "done" and first["sha256"] == read_json(run / "result.json")["sha256"]
    assert first["evaluated"] == {"code": classifier_evaluation_code()}
    assert {"values": first["values"], "meta": first["meta"]} == evaluated(run)


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
    classifier_metrics(RunFolder(run))
    change(run)
    found = classifier_metrics(RunFolder(run))
    assert len(counted) == 2 and found == kept(run)
    assert found["values"] == evaluated(run)["values"]


def test_kept_metrics_outlive_the_predictions(run):
    classifier_metrics(RunFolder(run))
    (run / "predictions.npz").unlink()
    older = kept(run) | {"evaluated": {"code": "old"}}
    write_json(run / "metrics.json", older)
    assert classifier_metrics(RunFolder(run)) == older
    write_json(run / "metrics.json", older | {"sha256": {"predictions.npz": "of another training"}})
    with pytest.raises(UserError, match=r"predictions\.npz"):
        classifier_metrics(RunFolder(run))


def test_diverged_and_blocked_runs(tmp_path):
    write_json(tmp_path / "result.json", {"status": "diverged", "config_hash": "a", "step": 7, "sha256": {}})
    assert classifier_metrics(RunFolder(tmp_path)) == {"status": "diverged", "step": 7, "values": {}}
    parent = {"parent": "aikd/cifar100/preact_resnet18/baseline/seed0", "reason": "diverged at step 7"}
    write_json(tmp_path / "result.json", {"status": "blocked", "config_hash": "a", **parent, "sha256": {}})
    assert classifier_metrics(RunFolder(tmp_path)) == {"status": "blocked", **parent, "values": {}}
    assert not (tmp_path / "metrics.json").exists()


def test_missing_and_changed_predictions_are_one_line(run):
    path = run / "predictions.npz"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    with pytest.raises(UserError, match=r"predictions.npz is not what the run wrote .*: delete") as error:
        classifier_metrics(RunFolder(run))
    assert "\n" not in str(error.value)
    path.unlink()
    with pytest.raises(UserError, match=r"predictions.npz is missing"):
        classifier_metrics(RunFolder(run))
    assert not (run / "metrics.json").exists()


def test_two_at_once(run):
    found = []
    threads = [threading.Thread(target=lambda: found.append(classifier_metrics(RunFolder(run)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(one == kept(run) for one in found)
    assert sorted(path.name for path in run.iterdir()) == ["metrics.json", "predictions.npz", "result.json"]


def changed(run, **changes):
    """Write the predictions with changes, and their checksum; returns the run's folder."""
    with np.load(run / "predictions.npz") as arrays:
        content = {**arrays, **changes}
    np.savez(run / "predictions.npz", **content)
    result = read_json(run / "result.json")
    write_json(run / "result.json", {**result, "sha256": {"predictions.npz": sha256(run / "predictions.npz")}})
    return RunFolder(run)


def test_predictions_that_cannot_be_evaluated(run):
    with np.load(run / "predictions.npz") as arrays:
        labels, logits = arrays["labels"], arrays["logits"]
    broken = logits.copy()
    broken[[3, 3, 5], [0, 1, 0]] = np.nan, np.inf, -np.inf
    for changes, reason in (
        ({"labels": labels + 1}, "has labels from 1 to 6 but logits of 6 classes"),
        ({"labels": labels.astype(float)}, "has labels of type float64 and shape (60,), not integers (M,)"),
        ({"labels": labels[:, None]}, "has labels of type int64 and shape (60, 1), not integers (M,)"),
        ({"labels": np.int64(3)}, "has labels of type int64 and shape (), not integers (M,)"),
        ({"labels": labels, "logits": broken}, "has logits that are not finite for 2 of 60 images"),
        ({"logits": logits, "best_logits": broken}, "has best_logits that are not finite for 2 of 60 images"),
        ({"best_logits": logits[:, 1:]}, "has logits of shape (60, 6) but best_logits of shape (60, 5)"),
        ({"best_logits": logits[:7]}, "has best_logits of type float32 and shape (7, 6) for 60 labels"),
        ({"best_logits": logits.astype(int)}, "has best_logits of type int64 and shape (60, 6) for 60 labels"),
    ):
        with pytest.raises(Damaged) as error:
            classifier_metrics(changed(run, **changes))
        assert error.value.reason == reason
        assert "delete result.json beside it, then: advkd train" in str(error.value)
    with pytest.raises(UserError, match="all of one class"):
        classifier_metrics(changed(run, labels=np.zeros(60, int), logits=logits, best_logits=logits))


def test_damaged_bytes_are_told_or_change_nothing(run):
    path, folder = run / "predictions.npz", RunFolder(run)
    whole = path.read_bytes()
    for content in (whole[:1000], b"", b"not an archive"):
        path.write_bytes(content)
        with pytest.raises(Damaged, match=r"predictions\.npz is not what the run wrote"):
            folder.predictions("logits")
    refused = 0
    for position in [*range(0, 300, 2), *range(len(whole) - 300, len(whole), 2), whole.index(b"logits.npy") + 500]:
        damaged = bytearray(whole)
        damaged[position] ^= 255
        path.write_bytes(damaged)
        try:
            folder.predictions("logits", "best_logits")  # a date may change without harm
        except UserError as error:
            assert "predictions.npz" in str(error) and "\n" not in str(error)
            refused += 1
    assert refused > 150, "and the byte within the logits too, tried last"
    with pytest.raises(Damaged):
        folder.predictions("logits")
