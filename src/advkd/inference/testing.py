"""`advkd test`: how good a classifier is on a folder of images that it has not seen."""

import csv
import importlib
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from advkd.files import as_csv_text, new_folder, write_json, write_text
from advkd.inference.class_results import OfClass, class_lines, confusion_matrix, of_classes, wilson
from advkd.inference.classifier import Classifier
from advkd.inference.pictures import find_labelled_images
from advkd.inference.predicting import Answers, answer, as_csv, report_unreadable
from advkd.metrics import calibration, classification
from advkd.progress import say


@dataclass(frozen=True)
class Result:
    """How good a classifier is on some images.

    Attributes:
        values: accuracy and its 95 % interval (accuracy_low, accuracy_high; Wilson's), f1 (macro average over the
            classes that have images, in [0, 1]), ece and ece15 (10 and 15 bins), nll (nats); with the run's temperature
            ece_ts, ece15_ts and nll_ts. In % where no unit is given.
        classes: the classes that have images.
        matrix: int (C, C), number of images by true and by predicted class.
    """

    values: dict[str, float]
    classes: list[OfClass]
    matrix: np.ndarray


def judge_folder(model: Classifier, data: Path, out: Path | None) -> int:
    """Print how good a classifier is on a folder of images, and write it to a new folder.

    Args:
        model: the classifier.
        data: holds a folder for each class; `find_labelled_images` says how.
        out: a folder to make, for metrics.json, classes.csv, confusion.csv, confusion.png and predictions.csv; None:
            nothing is written.

    Returns:
        The exit status: 1 where some images could not be read.

    Raises:
        UserError: as `find_labelled_images`; none of the images can be read; or `out` holds something.
    """
    _load_what_is_needed(out)
    if out is None:
        return _judge(model, data, None)
    with new_folder(out) as draft:
        status = _judge(model, data, draft)
    say(f"{model.description.run} on {data} -> {out}")
    return status


def _load_what_is_needed(out: Path | None) -> None:
    """Load what a small installation may lack, so that this is told before the images are looked at."""
    names = ["scipy.stats", *(["matplotlib"] if out else [])]
    for name in names:
        importlib.import_module(name)


def _judge(model: Classifier, data: Path, draft: Path | None) -> int:
    files, labels = find_labelled_images(data, model.classes)
    answers = answer(model, files)
    result = judge(model, answers, np.array(labels)[answers.rows])
    print("\n".join(_lines(model, data, result)))
    if draft:
        _write(model, data, answers, result, draft)
    return report_unreadable(answers)


def judge(model: Classifier, answers: Answers, labels: np.ndarray) -> Result:
    """Compare a classifier's answers on N images with their classes, int (N,)."""
    predicted = answers.logits.argmax(1)
    matrix = confusion_matrix(labels, predicted, len(model.classes))
    right = int(matrix.trace())
    low, high = wilson(right, len(labels))
    logits = answers.logits.astype(np.float64)
    values = {
        "accuracy": 100 * right / len(labels),
        "accuracy_low": 100 * low,
        "accuracy_high": 100 * high,
        "f1": _f1(matrix),
        **classification.calibration_errors(logits, labels),
        "nll": calibration.nll(logits, labels),
    }
    if model.temperature is not None:
        scaled = logits / model.temperature
        errors = classification.calibration_errors(scaled, labels)
        values |= {f"{name}_ts": value for name, value in errors.items()}
        values["nll_ts"] = calibration.nll(scaled, labels)
    return Result(values, of_classes(model.classes, matrix), matrix)


def _f1(matrix: np.ndarray) -> float:
    """Return the mean F1 of the classes that have images, in [0, 1]."""
    images, called = matrix.sum(axis=1), matrix.sum(axis=0)
    f1 = 2 * matrix.diagonal() / np.maximum(images + called, 1)
    return float(f1[images > 0].mean())


def _lines(model: Classifier, data: Path, result: Result) -> Iterator[str]:
    values, description = result.values, model.description
    count = int(result.matrix.sum())
    yield f"{description.run}, {description.epoch} epoch, on {count} images of {len(result.classes)} classes in {data}:"
    interval = f"(95 % interval over images {values['accuracy_low']:.1f} to {values['accuracy_high']:.1f})"
    yield f"  accuracy                    {values['accuracy']:.1f} % {interval}"
    yield f"  macro F1                    {values['f1']:.3f}"
    for key, name, unit, digits in (("ece", "expected calibration error", " %", 1), ("nll", "NLL", " nats", 3)):
        found = values.get(f"{key}_ts", values[key])
        plain = ""
        if f"{key}_ts" in values:
            plain = f" ({values[key]:.{digits}f}{unit} without the temperature {model.temperature:.3f})"
        yield f"  {name:<26}  {found:.{digits}f}{unit}{plain}"
    yield from class_lines(result.classes)


def _write(model: Classifier, data: Path, answers: Answers, result: Result, draft: Path) -> None:
    from advkd.inference.confusion import confusion_csv, draw_confusion

    description = model.description
    content: dict[str, Any] = {
        "run": description.run,
        "epoch": description.epoch,
        "config_hash": description.provenance["config_hash"],
        "temperature": model.temperature,
        "images": len(answers.files),
        "unreadable": len(answers.unreadable),
        "values": result.values,
        "classes": [asdict(of) for of in result.classes],
    }
    write_json(draft / "metrics.json", content)
    write_text(draft / "classes.csv", _classes_csv(result))
    write_text(draft / "confusion.csv", confusion_csv(result.matrix, model.classes))
    write_text(draft / "predictions.csv", as_csv(model, answers))
    title = f"{description.run}\n{result.values['accuracy']:.1f} % of {len(answers.files)} images in {data.name}"
    draw_confusion(result.matrix, model.classes, title, draft / "confusion.png")


def _classes_csv(result: Result) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["class", "images", "recall", "recall low", "recall high", "precision", "most often taken for"])
    for of in result.classes:
        numbers = ["" if value is None else f"{value:.6g}" for value in (of.recall, of.low, of.high, of.precision)]
        writer.writerow([as_csv_text(of.name), of.images, *numbers, as_csv_text(of.taken_for)])
    return text.getvalue()
