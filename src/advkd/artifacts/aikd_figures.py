"""The figures of AI-KD: what they show, and the numbers in them."""

import re
from typing import Any, NamedTuple

import numpy as np

from advkd.artifacts.drawing import reliability, sweeps, tsne
from advkd.artifacts.drawing.page import Drawing
from advkd.artifacts.figure_captions import figure_caption, seeds_in_words
from advkd.artifacts.measured import measured
from advkd.artifacts.number_format import OVER_IMAGES, format_measured
from advkd.artifacts.seed_results import finished_runs
from advkd.artifacts.table_cells import cell_row
from advkd.metrics import calibration, classification
from advkd.runs.answers import read_answers
from advkd.runs.folder_names import PREDICTIONS
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


class Confidence(NamedTuple):
    """Of each evaluation image of a run, the confidence (n,), in [0, 1], and whether the prediction is right (n,)."""

    confidence: np.ndarray
    correct: np.ndarray


class Features(NamedTuple):
    """The features of evaluation images: labels (n,) and features (n, F)."""

    labels: np.ndarray
    features: np.ndarray


def draw_reliability_diagrams(figure: str, user: User) -> Drawing:
    """Draw Figures 4 and 5: accuracy against confidence of all methods on all data sets, images of all seeds pooled."""
    panels: dict[str, list[reliability.Curve]] = {}
    numbers: dict[str, dict[str, Any]] = {}
    statuses: dict[str, dict[str, str]] = {}
    shown: list[Resolved] = []
    methods_with_bars: list[str] = []
    for cell in catalog.cells(figure):
        dataset, method = cell.row.split(" / ")
        scaled = cell.metric == "reliability_ts"
        runs, status = finished_runs(catalog.resolved(cell, user), PREDICTIONS if scaled else "")
        sets = [read_confidence(run, scaled) for run in runs]
        bins = pool_bins(sets) if sets else None
        statuses.setdefault(dataset, {})[method] = "" if sets else status
        panels.setdefault(dataset, []).append(reliability.Curve(method, bins, seed_spread(sets)))
        names = [str(run.run) for run in runs]
        numbers.setdefault(dataset, {})[method] = {"runs": names, **bins_as_json(bins)}
        shown += runs
        if cell.run.endswith("/aikd") and method not in methods_with_bars:
            methods_with_bars.append(method)
    several = len({run.run.seed for run in shown}) > 1
    pooled = ", images pooled, error bars of ± one sample standard deviation over seeds" if several else ""
    panels = {name: curves for name, curves in panels.items() if any(curve.bins is not None for curve in curves)}
    note = (
        f"{seeds_in_words(shown)}{pooled}; last epoch; 10 bins, hollow with fewer than {reliability.FEW} images and not"
        " drawn without any. Gap: accuracy minus confidence. TS: temperature scaling, fitted on one half of the"
        " evaluation set and applied to the other."
    )
    caption = figure_caption(figure, user, shown, note, missing_curves(statuses))
    return Drawing(reliability.draw(panels, tuple(methods_with_bars)) if panels else None, caption, numbers)


def missing_curves(statuses: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return which curves are missing, and why: a data set without any curve once, if the reason is one.

    Args:
        statuses: by data set and method, why the curve is missing; empty where it is drawn.
    """
    left_out = {}
    for dataset, of_methods in statuses.items():
        if len(set(of_methods.values())) == 1:
            left_out[dataset] = next(iter(of_methods.values()))
        else:
            left_out |= {f"{dataset} / {method}": status for method, status in of_methods.items()}
    return {name: status for name, status in left_out.items() if status}


def read_confidence(run: Resolved, scaled: bool) -> Confidence:
    """Return a finished classifier's confidence; `scaled`: after scaling its logits by its own temperatures."""
    folder = folder_of(run)
    if not folder.has(PREDICTIONS) and not scaled:
        answers = read_answers(folder)
        return Confidence(answers.confidence.astype(np.float64), ~answers.wrong)
    labels, logits = folder.predictions("logits")
    correct = ~classification.wrong(logits, labels, 1)
    if scaled:
        logits = calibration.cross_fit(logits, labels).logits
    return Confidence(classification.confidence(logits), correct)


def pool_bins(sets: list[Confidence]) -> calibration.Bins:
    """Return the reliability bins of all images of at least one run."""
    confidence = np.concatenate([of_run.confidence for of_run in sets])
    return calibration.reliability(confidence, np.concatenate([of_run.correct for of_run in sets]))


def seed_spread(sets: list[Confidence]) -> np.ndarray | None:
    """Return the sample standard deviation over runs of each bin's accuracy; None for fewer than two runs.

    It is NaN where fewer than two runs have enough images in the bin for an accuracy that says something.
    """
    if len(sets) < 2:
        return None
    accuracies = []
    for of_run in sets:
        bins = pool_bins([of_run])
        accuracies.append(np.where(bins.count >= reliability.FEW, bins.accuracy, np.nan))
    known = np.sum(~np.isnan(accuracies), axis=0) > 1
    spread = np.full(len(known), np.nan)
    spread[known] = np.nanstd(np.array(accuracies)[:, known], axis=0, ddof=1)
    return spread


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
    statuses = {group: finished_runs([run], PREDICTIONS)[1] for group, run in runs.items()}
    finished = {group: run for group, run in runs.items() if statuses[group] == "done"}
    features = {group: read_features(run) for group, run in finished.items()}
    labels: np.ndarray = np.zeros(0, int)
    names: dict[int, str] = {}
    if features:
        labels = tsne.choose(next(iter(features.values())).labels, CLASSES, SEED)
        all_names = folder_of(next(iter(finished.values()))).provenance()["data"]["classes"]
        names = {int(label): all_names[label] for label in labels}
    shown = {group: select_classes(of_group, labels) for group, of_group in features.items()}
    columns = [map_column(cell, shown, statuses) for cell in cells if cell.run in shown]
    left_out = {cell.row: f"student {statuses[cell.run]}" for cell in cells if cell.run not in shown}
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
    of_columns = [run for run in finished.values() if columns]
    caption = figure_caption(figure, user, of_columns, note, left_out)
    return Drawing(tsne.draw(columns, names) if columns else None, caption, numbers)


def read_features(run: Resolved) -> Features:
    """Return the features of a finished classifier."""
    return Features(*folder_of(run).predictions("features"))


def select_classes(features: Features, labels: np.ndarray) -> Features:
    """Return the features of the images with one of these labels."""
    chosen = np.isin(features.labels, labels)
    return Features(features.labels[chosen], features.features[chosen])


def map_column(cell: Cell, features: dict[str, Features], statuses: dict[str, str]) -> tsne.Column:
    """Return the maps of one method, whose student is finished.

    Args:
        cell: its `run` is the student's run group, its `of` the superior's.
        features: by run group, those of the shown classes.
        statuses: by run group, also of those without features.
    """
    student = features[cell.run]
    alone = tsne.embed(student.features, SEED)
    if cell.of not in features:
        return tsne.Column(cell.row, student.labels, alone, None, None, f"superior: {statuses[cell.of]}")
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
    parts = {"(a)": list(grid.values()), "(b)": [point for line in lines.values() for point in line.points.values()]}
    left_out = {}
    for name, points in parts.items():
        if all(point.mean is None for point in points):
            left_out[name] = points[0].missing
    caption = figure_caption(figure, user, shown, note, left_out)
    drawn = sweeps.draw(grid, WIDTHS, WIDTH_NAMES, list(lines.values()), "Top-1 error (%)") if shown else None
    return Drawing(drawn, caption, numbers)


def sweep_point(row: dict[str, Any]) -> sweeps.Point:
    """Return the mean and deviation of a cell's row, or its status where it has no mean."""
    if "mean" not in row:
        return sweeps.Point(None, missing=row["status"].split(" (")[0])
    return sweeps.Point(row["mean"], row["std"], format_measured(measured(row)))
