"""The figures of AI-KD: what they show, and the numbers in them."""

import re
from typing import Any, NamedTuple

import numpy as np

from advkd.artifacts.drawing import reliability, sweeps, tsne
from advkd.artifacts.drawing.page import Drawing
from advkd.artifacts.figure_captions import figure_caption, seeds_in_words
from advkd.artifacts.measured import measured
from advkd.artifacts.number_format import OVER_IMAGES, format_measured
from advkd.artifacts.seed_results import finished_runs, run_status
from advkd.artifacts.table_cells import cell_row
from advkd.metrics import calibration, classification
from advkd.runs.lookup import folder_of
from advkd.settings import catalog, config
from advkd.settings.config import Resolved
from advkd.settings.published_cells import Cell
from advkd.settings.user import User

CLASSES = 20  # "arbitrary selected 20 classes", section 4.3
SEED = 0  # of the runs in Figure 6, of the random classes, and of t-SNE
WIDTHS = (64, 32)  # the paper's choice, section 4.4
WIDTH_NAMES = ("$FC_1$", "$FC_2$")
TEMPERATURES = {"tau_G": ("$\\tau_G$ (superior)", 3), "tau_P": ("$\\tau_P$ (previous epoch)", 1)}  # label and choice
POINT_KEYS = ("run", "status", "mean", "std", "n", "values")  # the keys of a cell's row that Figure 7's numbers have


class Features(NamedTuple):
    """The features of evaluation images: labels (n,) and features (n, F)."""

    labels: np.ndarray
    features: np.ndarray


def draw_reliability_diagrams(figure: str, user: User) -> Drawing:
    """Draw Figures 4 and 5: accuracy against confidence of all methods on all data sets, images of all seeds pooled."""
    panels: dict[str, list[reliability.Curve]] = {}
    numbers: dict[str, dict[str, Any]] = {}
    shown: list[Resolved] = []
    methods_with_bars: list[str] = []
    for cell in catalog.cells(figure):
        dataset, method = cell.row.split(" / ")
        runs, status = finished_runs(catalog.resolved(cell, user))
        bins = pool_bins(runs, scaled=cell.metric == "reliability_ts")
        panels.setdefault(dataset, []).append(reliability.Curve(method, bins, status))
        names = [str(run.run) for run in runs]
        numbers.setdefault(dataset, {})[method] = {"runs": names, **bins_as_json(bins)}
        shown += runs
        if cell.run.endswith("/aikd") and method not in methods_with_bars:
            methods_with_bars.append(method)
    pooled = ", images pooled" if len({run.run.seed for run in shown}) > 1 else ""
    note = (
        f"{seeds_in_words(shown)}{pooled}; last epoch; 10 bins, hollow with fewer than {reliability.FEW} images and not"
        " drawn without any. Gap: accuracy minus confidence. TS: temperature scaling, fitted on one half of the"
        " evaluation set and applied to the other."
    )
    caption = figure_caption(figure, user, shown, note)
    return reliability.draw(panels, tuple(methods_with_bars), caption), numbers


def pool_bins(runs: list[Resolved], scaled: bool) -> calibration.Bins | None:
    """Return the reliability bins of the images of all runs; None without runs.

    Args:
        runs: finished classifiers.
        scaled: whether each run's logits are first scaled by its own temperatures.
    """
    if not runs:
        return None
    confidence, correct = [], []
    for run in runs:
        labels, logits = folder_of(run).predictions("logits")
        correct.append(~classification.wrong(logits, labels, 1))
        if scaled:
            logits = calibration.cross_fit(logits, labels).logits
        confidence.append(classification.confidence(logits))
    return calibration.reliability(np.concatenate(confidence), np.concatenate(correct))


def bins_as_json(bins: calibration.Bins | None) -> dict[str, Any]:
    """Return reliability bins for a JSON file, with None for the means of empty bins."""
    if bins is None:
        return {}
    return {
        "ece_of_pooled": calibration.expected_calibration_error(bins),
        "count": bins.count.tolist(),
        "accuracy": numbers_or_none(bins.accuracy),
        "confidence": numbers_or_none(bins.confidence),
    }


def numbers_or_none(values: np.ndarray) -> list[float | None]:
    """Return values as a list, with None for NaN."""
    return [None if np.isnan(value) else float(value) for value in values]


def draw_feature_maps(figure: str, user: User) -> Drawing:
    """Draw Figure 6, t-SNE of 20 classes: each student's features by class, and together with its superior's."""
    cells = [cell for cell in catalog.cells(figure) if cell.of]
    runs: dict[str, Resolved] = {}
    for cell in cells:
        for group in (cell.run, cell.of):
            runs[group] = config.resolve(f"{group}/seed{SEED}", user)
    statuses = {group: run_status(run) for group, run in runs.items()}
    finished = {group: run for group, run in runs.items() if statuses[group] == "done"}
    features = {group: read_features(run) for group, run in finished.items()}
    labels: np.ndarray = np.zeros(0, int)
    names: dict[int, str] = {}
    if features:
        labels = tsne.choose(next(iter(features.values())).labels, CLASSES, SEED)
        all_names = folder_of(next(iter(finished.values()))).provenance()["data"]["classes"]
        names = {int(label): all_names[label] for label in labels}
    shown = {group: select_classes(of_group, labels) for group, of_group in features.items()}
    columns = [map_column(cell, shown, statuses) for cell in cells]
    note = (
        f"Seed {SEED}; {len(names)} classes drawn at random (seed {SEED}); t-SNE of the inputs of the last layer,"
        f" started from their principal components, perplexity {tsne.PERPLEXITY:g} or a third of the points. Above: the"
        " student alone. Below: student and superior in one map. Distances between clusters have no meaning."
    )
    numbers = {
        "seed": SEED,
        "classes": {str(label): name for label, name in names.items()},
        "points": {str(runs[group].run): len(of_group.labels) for group, of_group in shown.items()},
    }
    return tsne.draw(columns, names, figure_caption(figure, user, list(finished.values()), note)), numbers


def read_features(run: Resolved) -> Features:
    """Return the features of a finished classifier."""
    return Features(*folder_of(run).predictions("features"))


def select_classes(features: Features, labels: np.ndarray) -> Features:
    """Return the features of the images with one of these labels."""
    chosen = np.isin(features.labels, labels)
    return Features(features.labels[chosen], features.features[chosen])


def map_column(cell: Cell, features: dict[str, Features], statuses: dict[str, str]) -> tsne.Column:
    """Return the maps of one method.

    Args:
        cell: its `run` is the student's run group, its `of` the superior's.
        features: by run group, those of the shown classes.
        statuses: by run group, also of those without features.
    """
    missing = []
    if cell.run not in features:
        missing.append(f"student: {statuses[cell.run]}")
    if cell.of not in features:
        missing.append(f"superior: {statuses[cell.of]}")
    reason = "\n".join(missing)
    if cell.run not in features:
        return tsne.Column(cell.row, np.zeros(0, int), None, None, None, reason)
    student = features[cell.run]
    alone = tsne.embed(student.features, SEED)
    if cell.of not in features:
        return tsne.Column(cell.row, student.labels, alone, None, None, reason)
    joint = tsne.embed(np.concatenate([student.features, features[cell.of].features]), SEED)
    count = len(student.features)
    return tsne.Column(cell.row, student.labels, alone, joint[:count], joint[count:])


def draw_sweeps(figure: str, user: User) -> Drawing:
    """Draw Figure 7: the Top-1 error over the critic's two widths, and over the two temperatures."""
    grid: dict[tuple[int, int], sweeps.Point] = {}
    lines = {name: sweeps.Line(label, chosen, {}) for name, (label, chosen) in TEMPERATURES.items()}
    shown: list[Resolved] = []
    numbers: dict[str, dict[str, Any]] = {}
    for cell in catalog.cells(figure):
        row = cell_row(cell, user)
        numbers[cell.row] = {key: row[key] for key in POINT_KEYS if key in row}
        shown += finished_runs(catalog.resolved(cell, user))[0]
        widths = re.fullmatch(r"a / FC_1 = (\d+), FC_2 = (\d+)", cell.row)
        temperature = re.fullmatch(r"b / (tau_[GP]) = (\d+)", cell.row)
        if widths:
            grid[int(widths[1]), int(widths[2])] = sweep_point(row)
        elif temperature:
            lines[temperature[1]].points[int(temperature[2])] = sweep_point(row)
    several = len({run.run.seed for run in shown}) > 1
    spread = ", mean ± sample standard deviation" if several else f", ±…{OVER_IMAGES}: standard error over images"
    note = (
        f"{seeds_in_words(shown)}{spread}; last epoch. Outlined and ringed: the paper's choice. The grid of widths is"
        " ours."
    )
    caption = figure_caption(figure, user, shown, note)
    return sweeps.draw(grid, WIDTHS, WIDTH_NAMES, list(lines.values()), "Top-1 error (%)", caption), numbers


def sweep_point(row: dict[str, Any]) -> sweeps.Point:
    """Return the mean and deviation of a cell's row, or its status where it has no mean."""
    if "mean" not in row:
        return sweeps.Point(None, missing=row["status"].split(" (")[0])
    return sweeps.Point(row["mean"], row["std"], format_measured(measured(row)))
