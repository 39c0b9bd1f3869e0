"""The figure of what generated images are worth to a classifier: what it shows, and the numbers in it."""

from typing import Any

from advkd.artifacts.drawing import learning_curves
from advkd.artifacts.drawing.page import Drawing
from advkd.artifacts.figure_captions import figure_caption
from advkd.artifacts.measured import measured
from advkd.artifacts.seed_results import finished_runs
from advkd.artifacts.table_cells import cell_row
from advkd.settings import catalog
from advkd.settings.config import Resolved
from advkd.settings.user import User

KEYS = ("status", "mean", "std", "n", "values", "images_error")
NOTE = (
    "Mean over the classes of the average precision on crops of other photos, last epoch; mean over seeds, which take"
    " turns with draws of the real crops. Bars: the larger of the standard errors over seeds and over photos (resampled"
    " whole). Hollow: real crops alone, also if augmented; filled: with generated ones."
)


def draw_learning_curves(figure: str, user: User) -> Drawing:
    """Draw Figure S1: average precision over the number of real crops of each class, one line for what was added."""
    lines: dict[str, learning_curves.Line] = {}
    shown: dict[str, Resolved] = {}
    numbers: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    for cell in catalog.cells(figure):
        row = cell_row(cell, user)
        runs = catalog.resolved(cell, user)
        line = lines.setdefault(cell.row, learning_curves.Line(cell.row, {}, bool(runs[0].generators)))
        numbers.setdefault(cell.row, {})[cell.column] = {key: row[key] for key in KEYS if key in row}
        number = measured(row)
        if number is None:
            left_out[f"{cell.row}, {cell.column}"] = row["status"]
            continue
        line.points[int(cell.column.split()[0])] = (number.mean, number.error)
        shown |= {run.run.group: run for run in finished_runs(runs)[0][:1]}
    caption = figure_caption(figure, user, list(shown.values()), NOTE, left_out)
    drawn = None
    if shown:
        drawn = learning_curves.draw(list(lines.values()), "Real crops of each class", "Mean average precision (%)")
    return Drawing(drawn, caption, numbers)
