import json

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, top_k_accuracy_score

from advkd.metrics import calibration
from advkd.metrics.classification import evaluate, wrong

IMAGES, CLASSES = 600, 12


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(IMAGES) % CLASSES)
    logits = rng.normal(0, 2, (IMAGES, CLASSES)) + 4 * np.eye(CLASSES)[labels]
    best = rng.normal(0, 2, (IMAGES, CLASSES)) + 5 * np.eye(CLASSES)[labels]
    return {
        "labels": labels,
        "logits": logits.astype(np.float32),
        "best_logits": best.astype(np.float32),
        "features": rng.normal(size=(IMAGES, 8)).astype(np.float16),
    }


@pytest.fixture
def changed(arrays):
    """Return labels, logits and best logits, with changes, as a run's predictions are read."""

    def change(**changes):
        labels, logits, best = ({**arrays, **changes}[name] for name in ("labels", "logits", "best_logits"))
        return labels, logits.astype(np.float64), best.astype(np.float64)

    return change


def literal_f1(labels, predicted, classes):
    scores = []
    for one in range(classes):
        hit = np.sum((predicted == one) & (labels == one))
        scores.append(2 * hit / max(1, np.sum(predicted == one) + np.sum(labels == one)))
    return np.mean(scores)


def test_values_against_independent_code(changed, arrays):
    found = evaluate(*changed())
    values, labels = found["values"], arrays["labels"]
    for prefix, name in (("", "logits"), ("best.", "best_logits")):
        logits = arrays[name].astype(np.float64)
        for k in (1, 5):
            right = top_k_accuracy_score(labels, logits, k=k)
            assert values[f"{prefix}top{k}_error"] == pytest.approx(100 - 100 * right, abs=1e-9)
        assert values[f"{prefix}accuracy"] == pytest.approx(100 * accuracy_score(labels, logits.argmax(1)), abs=1e-9)
        assert values[f"{prefix}f1"] == pytest.approx(literal_f1(labels, logits.argmax(1), CLASSES))
        confidence, predicted = torch.softmax(torch.tensor(logits), 1).max(1)
        right = predicted.numpy() == labels
        gaps, _ = np.histogram(1 - confidence.numpy(), 10, (0, 1), weights=right - confidence.numpy())
        assert values[f"{prefix}ece"] == pytest.approx(100 * np.abs(gaps).sum() / IMAGES, abs=1e-9)
    loss = torch.nn.functional.cross_entropy(torch.tensor(arrays["logits"]).double(), torch.tensor(labels))
    assert values["nll"] == pytest.approx(float(loss), rel=1e-12)
    assert found["meta"] == {
        "n_images": IMAGES,
        "classes": CLASSES,
        "absent_classes": 0,
        "top_k": 5,
        "bins": [10, 15],
        "temperature_folds": found["meta"]["temperature_folds"],
        "temperature_bounds": [0.01, 100.0],
    }
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_names_are_complete_and_temperature_scaling_is_told_apart(changed, arrays):
    found = evaluate(*changed())
    values = found["values"]
    assert set(values) == {
        *("top1_error", "top1_low", "top1_high", "top5_error", "top5_low", "top5_high", "f1"),
        *("accuracy", "accuracy_low", "accuracy_high"),
        *(f"{name}{fit}" for name in ("ece", "ece15", "nll") for fit in ("", "_ts", "_ts_whole")),
        *("temperature", "temperature_whole"),
        *(f"best.{name}" for name in ("top1_error", "top5_error", "accuracy", "f1", "ece")),
    }
    labels, logits = arrays["labels"], arrays["logits"].astype(np.float64)
    half = calibration.halves(labels)
    folds = [calibration.fit_temperature(logits[half == side], labels[half == side]) for side in (0, 1)]
    assert found["meta"]["temperature_folds"] == folds and values["temperature"] == pytest.approx(np.mean(folds))
    scaled = torch.tensor(logits / np.array(folds)[1 - half][:, None])
    loss = torch.nn.functional.cross_entropy(scaled, torch.tensor(labels))
    assert values["nll_ts"] == pytest.approx(float(loss), rel=1e-12)
    assert values["nll_ts_whole"] < values["nll_ts"] < values["nll"]
    assert values["top1_low"] < values["top1_error"] < values["top1_high"]
    assert values["accuracy_low"] < values["accuracy"] < values["accuracy_high"]
    assert values["accuracy_low"] + values["top1_high"] == values["accuracy_high"] + values["top1_low"] == 100


def test_under_confident_students_get_a_temperature_below_one(changed, arrays):
    values = evaluate(*changed(logits=arrays["logits"] / 10))["values"]
    assert values["temperature"] < 0.5 and values["ece"] > 3 * values["ece_ts"]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_ties_rank_as_in_a_stable_sort(k):
    rng = np.random.default_rng(k)
    logits = rng.integers(0, 3, (500, 4)).astype(float)
    labels = rng.integers(0, 4, 500)
    ranked = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    expected = ~(ranked == labels[:, None]).any(axis=1)
    np.testing.assert_array_equal(wrong(logits, labels, k), expected)
    if k == 1:
        np.testing.assert_array_equal(wrong(logits, labels, 1), logits.argmax(1) != labels)


def test_a_constant_prediction_is_at_chance(changed):
    values = evaluate(*changed(logits=np.zeros((IMAGES, CLASSES), np.float32)))["values"]
    assert values["top1_error"] == pytest.approx(100 * (1 - 1 / CLASSES))
    assert values["top5_error"] == pytest.approx(100 * (1 - 5 / CLASSES))
    assert values["f1"] == pytest.approx(2 / 13 / CLASSES) and values["temperature"] == 1


def test_few_classes_and_classes_without_images(changed, arrays):
    labels, logits = arrays["labels"] % 3, arrays["logits"][:, :4]
    found = evaluate(*changed(labels=labels, logits=logits, best_logits=logits))
    assert found["values"]["top5_error"] == 0
    assert (found["meta"]["top_k"], found["meta"]["absent_classes"]) == (4, 1)
    assert found["values"]["f1"] == pytest.approx(literal_f1(labels, logits.argmax(1), 4))


def test_no_wrong_image_ends_at_the_documented_bound(changed, arrays):
    sure = 9 * np.eye(CLASSES, dtype=np.float32)[arrays["labels"]]
    found = evaluate(*changed(logits=sure))
    assert found["values"]["temperature"] == found["meta"]["temperature_bounds"][0]
    assert found["values"]["top1_high"] == 0 and found["values"]["nll_ts"] == pytest.approx(0, abs=1e-12)


def test_refusals(changed, arrays):
    with pytest.raises(ValueError, match=r"^has labels from 1 to 12 but logits of 12 classes$"):
        evaluate(*changed(labels=arrays["labels"] + 1))
    with pytest.raises(ValueError, match=r"^has logits of shape \(600, 12\) but best_logits of shape \(600, 11\)$"):
        evaluate(*changed(best_logits=arrays["best_logits"][:, 1:]))
