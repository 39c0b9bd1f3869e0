"""Metrics of a classifier from its logits, in float64 and without torch: AI-KD, Tables 2 and 3; GIP, Tables 1 to 7.

An image is right at k if its class is among the k largest logits.

Choices:
    - [aikd, gip] Measured: equal logits. Here: the lower class number ranks first, as in argmax. Why: a classifier with
      equal logits for all classes is then at chance.
    - [aikd: Table 2] Measured: macro F1 of a class without images. Here: 0.
"""

from typing import Any

import numpy as np

from advkd.metrics import calibration
from advkd.metrics.significance import bootstrap_interval

BINS = (10, 15)  # of ECE: those of PS-KD and of Guo et al.
TOP = 5


def evaluate(labels: np.ndarray, logits: np.ndarray, best: np.ndarray) -> dict[str, dict[str, Any]]:
    """Return the metrics of a classifier in the units of the papers' tables.

    Args:
        labels: (M,), integers; the images are of at least two classes.
        logits: (M, C), float64 and finite, of the last epoch.
        best: (M, C), of the epoch with the lowest Top-1 error.

    Returns:
        A dictionary with two entries. All values are of the last epoch, except those that begin with `best.`; they are
        in % where no unit is given.

        - values:
          top1_error, top5_error, accuracy (100 - top1_error), and their 95 % intervals over images as top1_low,
          top1_high, …;
          f1 (macro average, in [0, 1]);
          ece, ece15 (10 and 15 bins), nll (nats);
          ece_ts, ece15_ts, nll_ts, temperature: with temperature scaling, each half of the images at the temperature
          fitted on the other half, and the mean of the two temperatures;
          ece_ts_whole, ece15_ts_whole, nll_ts_whole, temperature_whole: with the temperature fitted on all images;
          best.top1_error, best.top5_error, best.accuracy, best.f1, best.ece: of the epoch with the lowest Top-1 error.
        - meta: n_images, classes, absent_classes (classes without images, whose F1 counts as 0), top_k (5, or the
          number of classes if that is lower), bins, temperature_folds, temperature_bounds.

    Raises:
        ValueError: the logits differ in shape, or a label has no logit. The message has no subject, because
            the caller puts the file's name before it.
    """
    images, classes = logits.shape
    if best.shape != logits.shape:
        raise ValueError(f"has logits of shape {logits.shape} but best_logits of shape {best.shape}")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"has labels from {labels.min()} to {labels.max()} but logits of {classes} classes")
    fitted = calibration.cross_fit(logits, labels)
    whole = calibration.fit_temperature(logits, labels)
    values = error_rates(logits, labels) | calibration_errors(logits, labels)
    values["nll"] = calibration.nll(logits, labels)
    for suffix, scaled in (("_ts", fitted.logits), ("_ts_whole", logits / whole)):
        values |= {f"{name}{suffix}": value for name, value in calibration_errors(scaled, labels).items()}
        values[f"nll{suffix}"] = calibration.nll(scaled, labels)
    values |= {"temperature": float(np.mean(fitted.temperatures)), "temperature_whole": whole}
    for name, k in (("top1", 1), ("top5", TOP)):
        low, high = bootstrap_interval(wrong(logits, labels, k))
        values |= {f"{name}_low": 100 * low, f"{name}_high": 100 * high}
    values |= {"accuracy_low": 100 - values["top1_high"], "accuracy_high": 100 - values["top1_low"]}
    best_values = error_rates(best, labels) | calibration_errors(best, labels, BINS[:1])
    values |= {f"best.{name}": value for name, value in best_values.items()}
    meta = {
        "n_images": images,
        "classes": classes,
        "absent_classes": classes - len(np.unique(labels)),
        "top_k": min(TOP, classes),
        "bins": list(BINS),
        "temperature_folds": list(fitted.temperatures),
        "temperature_bounds": [calibration.COLDEST, calibration.HOTTEST],
    }
    return {"values": values, "meta": meta}


def error_rates(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return top1_error, top5_error and accuracy in %, and f1, the macro average over all classes, in [0, 1].

    Args:
        logits: (M, C).
        labels: (M,), classes in [0, C).
    """
    from sklearn.metrics import f1_score

    top1_error = 100 * float(wrong(logits, labels, 1).mean())
    classes = range(logits.shape[1])  # all of them, also those without images
    f1 = f1_score(labels, logits.argmax(axis=1), labels=classes, average="macro", zero_division=0)
    return {
        "top1_error": top1_error,
        "accuracy": 100 - top1_error,
        "top5_error": 100 * float(wrong(logits, labels, TOP).mean()),
        "f1": float(f1),
    }


def calibration_errors(logits: np.ndarray, labels: np.ndarray, bins: tuple[int, ...] = BINS) -> dict[str, float]:
    """Return the ECE in % for each number of bins: `ece` for 10 bins, `ece15` for 15.

    Args:
        logits: (M, C).
        labels: (M,), classes in [0, C).
        bins: numbers of bins.
    """
    confidences = confidence(logits)
    right = ~wrong(logits, labels, 1)
    errors = {}
    for count in bins:
        name = "ece" if count == BINS[0] else f"ece{count}"
        errors[name] = calibration.expected_calibration_error(calibration.reliability(confidences, right, count))
    return errors


def confidence(logits: np.ndarray) -> np.ndarray:
    """Return the largest softmax probability (M,) of logits (M, C)."""
    from scipy.special import softmax

    return np.asarray(softmax(logits, axis=1).max(axis=1))


def wrong(logits: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Return for each image whether its class is not among its min(k, C) largest logits.

    Of equal logits, that of the lower class number ranks first.

    Args:
        logits: (M, C).
        labels: (M,), classes in [0, C).
        k: number of the largest logits.

    Returns:
        (M,) bool.
    """
    true_logit = logits[np.arange(len(labels)), labels][:, None]
    lower_class = np.arange(logits.shape[1]) < labels[:, None]
    ranks_ahead = (logits > true_logit) | ((logits == true_logit) & lower_class)
    return np.asarray(ranks_ahead.sum(axis=1) >= k)
