"""What the figures of GIP show, and the numbers in them. The paper has none of them: they are numbered S1 to S3."""

import csv
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from advkd.artifacts import collect
from advkd.artifacts.captions import caption, seeds_of
from advkd.artifacts.drawing import frequencies, histories, moments
from advkd.artifacts.outcomes import outcome
from advkd.errors import UserError
from advkd.settings import catalog, config
from advkd.settings.config import Resolved
from advkd.settings.user import User

SEED = 0  # of the runs in Figures S1 and S2
MOMENTS, PICTURES = 5, 4  # shown of the stored ones
REMEDY = "delete the result.json beside it and train the run again"
TERMS = [
    histories.Term("bns", "BNS distance", "log", 1.7),
    histories.Term("L_OH", "One-hot, $L_{OH}$", "linear", 1),
    histories.Term("L_IE", "Entropy, $L_{IE}$", "linear", 1),
    histories.Term("L_ACT", "Activation, $L_{ACT}$", "linear", 1),
]

Found = tuple[Figure, dict[str, Any]]


def figure_s1(figure: str, user: User) -> Found:
    """Draw the images of the same noise over the training of every generator, with the teacher's class of each."""
    blocks, runs, numbers = [], [], {}
    for cell in catalog.cells(figure):
        one = config.resolve(f"{cell.run}/seed{SEED}", user)
        if missing := lacking(one):
            blocks.append(moments.Block(cell.row, [], None, [], None, missing))
            numbers[cell.row] = {"run": str(one.run), "state": missing}
            continue
        names = collect.provenance_of(one)["data"]["classes"]
        images, epochs, predicted, confidence = samples(one, "images", "epochs", "predicted", "confidence")
        chosen = spaced(len(epochs), MOMENTS)
        taken = [[names[label] for label in line] for line in predicted[chosen, :PICTURES]]
        shown = moments.Block(
            cell.row, epochs[chosen].tolist(), images[chosen, :PICTURES], taken, confidence[chosen, :PICTURES]
        )
        blocks.append(shown)
        runs.append(one)
        numbers[cell.row] = {
            "run": str(one.run),
            "state": "done",
            "epochs": shown.epochs,
            "taken_for": taken,
            "confidence": [[round(float(value), 4) for value in line] for line in shown.confidence],
            "stored_images": images.shape[1],
            "mean_confidence": [round(float(value), 4) for value in confidence[chosen].mean(1)],
        }
    note = (
        f"Seed {SEED}; each row of a block is one noise, the first {PICTURES} of those stored, not selected; below each"
        " image the teacher's class and its probability."
    )
    return moments.draw(blocks, caption(figure, user, runs, note)), numbers


def figure_s2(figure: str, user: User) -> Found:
    """Draw how many synthetic images of the first and the last epoch the teacher takes for each class."""
    panels, runs, numbers = [], [], {}
    for cell in catalog.cells(figure):
        one = config.resolve(f"{cell.run}/seed{SEED}", user)
        if missing := lacking(one):
            panels.append(frequencies.Panel(cell.row, [], [], missing))
            numbers[cell.row] = {"run": str(one.run), "state": missing}
            continue
        (counts,) = samples(one, "frequency")
        spread = [entropy(line) for line in counts]
        shown = [frequencies.Counts(epoch + 1, counts[epoch], spread[epoch]) for epoch in spaced(len(counts), 2)]
        panels.append(frequencies.Panel(cell.row, collect.provenance_of(one)["data"]["classes"], shown))
        runs.append(one)
        numbers[cell.row] = {
            "run": str(one.run),
            "state": "done",
            "counts": {str(part.epoch): part.counts.tolist() for part in shown},
            "entropy": [round(value, 6) for value in spread],
        }
    note = (
        f"Seed {SEED}; all synthetic images of an epoch. Dotted: equal shares. Entropy of the shares, as a part of that"
        " of equal ones: 1 where all classes are as frequent, 0 where there is one. Never: classes of no image."
    )
    return frequencies.draw(panels, caption(figure, user, runs, note)), numbers


def figure_s3(figure: str, user: User) -> Found:
    """Draw the distance of batch-norm statistics and the generator's losses over the epochs, a line for each seed."""
    panels: dict[str, list[histories.Track]] = {}
    floors: dict[tuple[str, str], float] = {}
    runs, numbers = [], {}
    for cell in catalog.cells(figure):
        dataset, method = cell.row.split(" / ")
        group = outcome(catalog.resolved(cell, user), "accuracy")
        done = [one for one in group.runs if one.run.seed in group.done]
        found = {str(one.run): history(one) for one in done}
        missing = group.ended or ("" if done else group.status)
        panels.setdefault(dataset, []).append(histories.Track(method, list(found.values()), missing))
        numbers[cell.row] = {"state": group.status} | {
            run: {name: listed(values) for name, values in columns.items()} for run, columns in found.items()
        }
        for one in done:
            if one.settings.get("ie_form") == "code":
                floors[dataset, "L_IE"] = -float(np.log10(len(collect.provenance_of(one)["data"]["classes"])))
        runs += done
    note = (
        f"{seeds_of(runs)}. BNS distance: squared differences of means and of variances, averaged over channels and"
        " layers, at the end of each epoch on images of the same noise, whether or not it is a term of the loss."
        " Others: means over an epoch's synthetic images, without their weights. Dotted: all classes as frequent."
    )
    return histories.draw(panels, TERMS, floors, caption(figure, user, runs, note)), numbers


def lacking(one: Resolved) -> str:
    """Return why a run cannot be shown, in a few words; empty where it can."""
    found = outcome([one], "accuracy")
    return found.ended or ("" if found.done else found.status)


def samples(one: Resolved, *names: str) -> list[np.ndarray]:
    """Return arrays of a run's samples.npz.

    Raises:
        UserError: a missing or damaged file.
    """
    path = one.run.folder(one.scale) / "samples.npz"
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return [arrays[name] for name in names]
    except Exception as error:  # damaged bytes raise whatever zipfile, zlib and numpy's header parser stumble over
        raise UserError(f"{path} cannot be read ({error}): {REMEDY}") from error


def history(one: Resolved) -> dict[str, np.ndarray]:
    """Return the columns (E,) of a run's history that Figure S3 shows, and its epochs; terms of weight 0 have none.

    Raises:
        UserError: a missing or damaged file.
    """
    path = one.run.folder(one.scale) / "history.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        shown = [name for name in ("epoch", *(term.column for term in TERMS)) if name in rows[0]]
        return {name: np.array([float(row[name]) for row in rows]) for name in shown}
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise UserError(f"{path} cannot be read ({error}): {REMEDY}") from error


def listed(values: np.ndarray) -> list[float | None]:
    """Return numbers as JSON holds them, with None for those that are not finite, as a distance in no loss may be."""
    return [float(value) if np.isfinite(value) else None for value in values]


def entropy(counts: np.ndarray) -> float:
    """Return the entropy of the shares of counts (C,) as a part of ln C, that of equal shares."""
    from scipy.special import entr

    return float(entr(counts / counts.sum()).sum() / np.log(len(counts)))


def spaced(count: int, wanted: int) -> list[int]:
    """Return at most `wanted` numbers below `count`, evenly spaced, with the first and the last."""
    return np.unique(np.linspace(0, count - 1, wanted).round().astype(int)).tolist()
