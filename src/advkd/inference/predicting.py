"""`advkd predict`: the classes of many images. What cannot be read is listed and left out."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from advkd.artifacts.plain_text import printable_line
from advkd.errors import UserError
from advkd.files import as_csv_text, write_text
from advkd.inference.classifier import BATCH, Classifier, Predictions, batches
from advkd.progress import Progress, say


@dataclass(frozen=True)
class Answers:
    """What a classifier says of those images that can be read.

    Attributes:
        files: the images, in the order in which they were named.
        rows: their places among all that were named.
        logits: float32 (N, C).
        predictions: labels and probabilities.
        unreadable: what is wrong with each of the others, in one line.
    """

    files: list[Path]
    rows: list[int]
    logits: np.ndarray
    predictions: Predictions
    unreadable: list[str]


def answer(model: Classifier, files: Sequence[Path]) -> Answers:
    """Show images to a classifier; raises UserError where none of them can be read."""
    if model.temperature is None:
        say(f"probabilities are not calibrated: {model.description.uncalibrated}")
    rows: list[int] = []
    logits, unreadable = [], []
    progress = Progress("predicting", len(files), "image")
    for some in batches(enumerate(files), BATCH):
        views = []
        for row, file in some:
            try:
                views.append(model.transform(file))
            except UserError as error:
                unreadable.append(str(error))
                continue
            rows.append(row)
        if views:
            logits.append(model.of_views(torch.stack(views)))
        progress.update(some[-1][0] + 1)
    progress.close()
    if not rows:
        raise UserError(f"none of {len(files)} images can be read; the first: {unreadable[0]}")
    together = torch.cat(logits)
    return Answers([files[row] for row in rows], rows, together.numpy(), model.predictions(together), unreadable)


def report_unreadable(answers: Answers) -> int:
    """List the images that could not be read; return the exit status: 1 where there are some."""
    for reason in answers.unreadable:
        say(f"left out: {printable_line(reason)}")
    if answers.unreadable:
        count = len(answers.unreadable)
        say(f"{count} of {count + len(answers.files)} images could not be read and are left out")
    return 1 if answers.unreadable else 0


def predict(model: Classifier, files: Sequence[Path], out: Path | None) -> int:
    """Write the class and the probabilities of images to a CSV file, or print the classes.

    Args:
        model: the classifier.
        files: the images.
        out: the file to write; None: print.

    Returns:
        The exit status: 1 where some of the images could not be read.

    Raises:
        UserError: none can be read, or `out` cannot be written.
    """
    answers = answer(model, files)
    if out:
        write_text(out, as_csv(model, answers))
        say(f"{len(answers.files)} images -> {out}")
    else:
        width = max(len(printable_line(name)) for name in model.classes)
        for file, label, row in zip(answers.files, *answers.predictions, strict=True):
            print(f"{printable_line(label):<{width}}  {row.max():7.2%}  {printable_line(str(file))}")
    return report_unreadable(answers)


def as_csv(model: Classifier, answers: Answers) -> str:
    """Return one line for each image: its file, label and probability, and the probabilities of all classes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "label", "probability", *(f"probability of {name}" for name in model.classes)])
    for file, label, row in zip(answers.files, *answers.predictions, strict=True):
        numbers = [f"{value:.6g}" for value in row.tolist()]
        writer.writerow([as_csv_text(str(file)), as_csv_text(label), f"{row.max():.6g}", *numbers])
    return text.getvalue()
