"""The confusion matrix of a classifier as a picture and as a CSV file."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from advkd.artifacts.drawing.page import LONGEST_NAME, drawable, style
from advkd.files import as_csv_text, atomic

CORNER = "true class \\ predicted"
NUMBERED = 25  # classes up to which each cell shows its number of images
NAMED = 60  # classes up to which the axes show names
CELL, MARGIN, LEAST = 0.32, 1.6, 2.4  # inches: a cell with its number, room for names, and the smallest matrix
DPI = 150


def confusion_csv(matrix: np.ndarray, classes: Sequence[str]) -> str:
    """Return the CSV file of a confusion matrix, int (C, C): a row for each true class, a column for each predicted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([CORNER, *map(as_csv_text, classes)])
    for name, row in zip(classes, matrix.tolist(), strict=True):
        writer.writerow([as_csv_text(name), *row])
    return text.getvalue()


def draw_confusion(matrix: np.ndarray, classes: Sequence[str], title: str, path: Path) -> None:
    """Draw a confusion matrix, int (C, C), as a PNG: each row is shaded by the part of the true class's images."""
    count = len(classes)
    side = max(LEAST, min(CELL * count, 8.0))
    total = matrix.sum(1, keepdims=True)
    part = np.divide(matrix, total, out=np.zeros(matrix.shape), where=total > 0)
    with style():
        figure = Figure(figsize=(side + MARGIN + 0.4, side + MARGIN), layout="constrained")
        axes = figure.subplots()
        axes.imshow(part, cmap="Blues", vmin=0, vmax=1)
        axes.set(xlabel="predicted class", ylabel="true class")
        axes.set_title(drawable(title))
        if count <= NAMED:
            names = [drawable(name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…") for name in classes]
            axes.set_xticks(range(count), names, rotation=90)
            axes.set_yticks(range(count), names)
        if count <= NUMBERED:
            for (row, column), number in np.ndenumerate(matrix):
                if number:
                    colour = "white" if part[row, column] > 0.5 else "black"
                    axes.text(column, row, str(number), ha="center", va="center", color=colour)
        FigureCanvasAgg(figure)
        with atomic(path) as temporary:
            figure.savefig(temporary, format="png", dpi=DPI)
