"""What the figures of AI-KD show, and the numbers in them."""

import re
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from advkd.artifacts import collect
from advkd.artifacts.captions import caption, finished, seeds_of, state
from advkd.artifacts.drawing import reliability, sweeps, tsne
from advkd.metrics import calibration, classification
from advkd.settings import catalog, config
from advkd.settings.catalog import Cell
from advkd.settings.config import Resolved
from advkd.settings.user import User

CLASSES = 20  # "arbitrary selected 20 classes", section 4.3
SEED = 0  # of the runs that t-SNE shows, of the draw of their classes, and of t-SNE
WIDTHS = (64, 32)  # section 4.4
TEMPERATURES = {"tau_G": ("$\\tau_G$ (superior)", 3), "tau_P": ("$\\tau_P$ (previous epoch)", 1)}

Found = tuple[Figure, dict[str, Any]]


def reliability_diagrams(figure: str, user: User) -> Found:
    """Draw accuracy against confidence for all methods on all data sets, the images of all seeds pooled."""
    panels: dict[str, list[reliability.Curve]] = {}
    numbers: dict[str, dict[str, Any]] = {}
    runs, barred = [], {}
    for cell in catalog.cells(figure):
        dataset, method = cell.row.split(" / ")
        done, missing = finished(cell, user)
        bins = pooled(done, cell.metric == "reliability_ts")
        panels.setdefault(dataset, []).append(reliability.Curve(method, bins, missing))
        numbers.setdefault(dataset, {})[method] = {"runs": [str(one.run) for one in done], **listed(bins)}
        runs += done
        if cell.run.endswith("/aikd"):
            barred[method] = None
    pooling = ", images pooled" if len({one.run.seed for one in runs}) > 1 else ""
    note = (
        f"{seeds_of(runs)}{pooling}; last epoch; 10 bins, drawn hollow below {reliability.FEW} images and not at"
        " all without. Gap: accuracy minus confidence. TS: temperature scaling, fitted on one half of the evaluation"
        " set and applied to the other."
    )
    return reliability.draw(panels, tuple(barred), caption(figure, user, runs, note)), numbers


def pooled(runs: list[Resolved], scaled: bool) -> calibration.Bins | None:
    """Return the bins of all images of runs, each run `scaled` by its own temperatures; None without runs."""
    if not runs:
        return None
    confidence, correct = [], []
    for one in runs:
        labels, logits = classification.read(one.run.folder(one.scale) / "predictions.npz", "logits")
        correct.append(~classification.wrong(logits, labels, 1))
        logits = calibration.cross_fit(logits, labels).logits if scaled else logits
        confidence.append(classification.confidence(logits))
    return calibration.reliability(np.concatenate(confidence), np.concatenate(correct))


def listed(bins: calibration.Bins | None) -> dict[str, Any]:
    """Return a reliability curve as JSON holds it, with None for the means of empty bins."""
    if bins is None:
        return {}
    means = {
        name: [None if np.isnan(value) else float(value) for value in part]
        for name, part in (("accuracy", bins.accuracy), ("confidence", bins.confidence))
    }
    return {"ece_of_pooled": calibration.expected_calibration_error(bins), "count": bins.count.tolist(), **means}


def figure6(figure: str, user: User) -> Found:
    """Draw t-SNE of 20 classes: each student's features by class, and together with its superior's."""
    cells = [cell for cell in catalog.cells(figure) if cell.of]
    runs = {group: config.resolve(f"{group}/seed{SEED}", user) for cell in cells for group in (cell.run, cell.of)}
    states = {group: state(one) for group, one in runs.items()}
    read = {
        group: classification.read(one.run.folder(user.scale) / "predictions.npz", "features")
        for group, one in runs.items()
        if states[group] == "done"
    }
    chosen = tsne.choose(next(iter(read.values()))[0], CLASSES, SEED) if read else np.zeros(0, int)
    taken = {group: [part[np.isin(arrays[0], chosen)] for part in arrays] for group, arrays in read.items()}
    columns = [column(cell, taken, states) for cell in cells]
    done = [one for group, one in runs.items() if group in read]
    names = collect.provenance_of(done[0])["data"]["classes"] if done else []
    classes = {int(label): names[label] for label in chosen}
    note = (
        f"Seed {SEED}; {len(classes)} classes drawn at random (seed {SEED}); t-SNE of the inputs of the last layer from"
        f" their principal components, perplexity {tsne.PERPLEXITY:g} or a third of the points. Above, the student"
        " alone; below, both in one map. Distances between clusters have no meaning."
    )
    numbers = {
        "seed": SEED,
        "classes": {str(label): name for label, name in classes.items()},
        "points": {str(one.run): len(taken[group][0]) for group, one in runs.items() if group in taken},
    }
    return tsne.draw(columns, classes, caption(figure, user, done, note)), numbers


def column(cell: Cell, taken: dict[str, list[np.ndarray]], states: dict[str, str]) -> tsne.Column:
    """Return the maps of one method from the chosen labels and features of the run groups that are done."""
    missing = [
        f"{who}: {states[group]}" for who, group in (("student", cell.run), ("superior", cell.of)) if group not in taken
    ]
    if cell.run not in taken:
        return tsne.Column(cell.row, np.zeros(0, int), None, None, None, "\n".join(missing))
    labels, features = taken[cell.run]
    alone = tsne.embed(features, SEED)
    if cell.of not in taken:
        return tsne.Column(cell.row, labels, alone, None, None, "\n".join(missing))
    both = tsne.embed(np.concatenate([features, taken[cell.of][1]]), SEED)
    return tsne.Column(cell.row, labels, alone, both[: len(features)], both[len(features) :])


def figure7(figure: str, user: User) -> Found:
    """Draw the Top-1 error over the critic's two widths, and over the two temperatures."""
    grid: dict[tuple[int, int], sweeps.Point] = {}
    lines = {name: sweeps.Line(label, chosen, {}) for name, (label, chosen) in TEMPERATURES.items()}
    runs, numbers = [], {}
    for cell in catalog.cells(figure):
        row = collect.row(cell, user)
        numbers[cell.row] = {key: row[key] for key in ("run", "status", "mean", "std", "n", "values") if key in row}
        point = sweeps.Point(None, None, row["status"].split(" (")[0])
        if "mean" in row and not row["status"].startswith(("diverged", "blocked")):
            point = sweeps.Point(row["mean"], row["std"])
        runs += finished(cell, user)[0]
        if found := re.fullmatch(r"a / FC_1 = (\d+), FC_2 = (\d+)", cell.row):
            grid[int(found[1]), int(found[2])] = point
        elif found := re.fullmatch(r"b / (tau_[GP]) = (\d+)", cell.row):
            lines[found[1]].points[int(found[2])] = point
    several = len({one.run.seed for one in runs}) > 1
    spread = ", mean ± sample standard deviation" if several else ""
    note = f"{seeds_of(runs)}{spread}; last epoch. Outlined and ringed: the paper's choice. The grid of widths is ours."
    words = caption(figure, user, runs, note)
    return sweeps.draw(grid, WIDTHS, ("$FC_1$", "$FC_2$"), list(lines.values()), "Top-1 error (%)", words), numbers
