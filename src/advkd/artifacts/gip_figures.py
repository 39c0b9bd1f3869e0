"""The figures of GIP: what they show, and the numbers in them. The paper has none of them: they are S1 to S3."""

from typing import Any

import numpy as np

from advkd.artifacts.drawing import frequencies, histories, moments
from advkd.artifacts.drawing.page import Drawing
from advkd.artifacts.figure_captions import figure_caption, seeds_in_words
from advkd.artifacts.seed_results import finished_runs, join_seeds
from advkd.runs.folder_names import HISTORY, SAMPLES
from advkd.runs.lookup import folder_of
from advkd.settings import catalog, config
from advkd.settings.config import Resolved
from advkd.settings.published_cells import Cell
from advkd.settings.user import User

SEED = 0  # of the runs in Figures S1 and S2
MOMENTS, PICTURES = 5, 4  # how many of the stored moments and noises Figure S1 shows
TERMS = [
    histories.Term("bns", "BNS distance", "log", 1.7),
    histories.Term("L_OH", "One-hot, $L_{OH}$", "linear", 1),
    histories.Term("L_IE", "Entropy, $L_{IE}$", "linear", 1),
    histories.Term("L_ACT", "Activation, $L_{ACT}$", "linear", 1),
]


def draw_images_over_training(figure: str, user: User) -> Drawing:
    """Draw Figure S1: images of the same noise over the training of every generator, with the teacher's class."""
    blocks: list[moments.Block] = []
    left_out: dict[str, str] = {}
    shown: list[Resolved] = []
    numbers: dict[str, dict[str, Any]] = {}
    for cell in catalog.cells(figure):
        run = config.resolve(f"{cell.run}/seed{SEED}", user)
        missing = why_missing(run, SAMPLES)
        if missing:
            left_out[cell.row] = missing
            numbers[cell.row] = {"run": str(run.run), "state": missing}
            continue
        block, block_numbers = images_of_run(cell, run)
        blocks.append(block)
        shown.append(run)
        numbers[cell.row] = {"run": str(run.run), "state": "done", **block_numbers}
    note = (
        f"Seed {SEED}; each row of a block is one noise, the first {PICTURES} of those stored, not selected; below each"
        " image the teacher's class and its probability."
    )
    caption = figure_caption(figure, user, shown, note, left_out)
    return Drawing(moments.draw(blocks) if blocks else None, caption, numbers)


def images_of_run(cell: Cell, run: Resolved) -> tuple[moments.Block, dict[str, Any]]:
    """Return the shown images of a finished run, and the numbers about them for the JSON file.

    The mean confidence is that of all images that the run stored at a moment, shown or not.
    """
    class_names = folder_of(run).provenance()["data"]["classes"]
    images, epochs, predicted, confidence = folder_of(run).samples("images", "epochs", "predicted", "confidence")
    chosen = evenly_spaced(len(epochs), MOMENTS)
    names = []
    for labels in predicted[chosen, :PICTURES]:
        names.append([class_names[label] for label in labels])
    shown_confidence = confidence[chosen, :PICTURES]
    block = moments.Block(cell.row, epochs[chosen].tolist(), images[chosen, :PICTURES], names, shown_confidence)
    numbers = {
        "epochs": block.epochs,
        "taken_for": names,
        "confidence": [rounded(of_moment) for of_moment in shown_confidence],
        "stored_images": images.shape[1],
        "mean_confidence": rounded(confidence[chosen].mean(axis=1)),
    }
    return block, numbers


def draw_class_frequencies(figure: str, user: User) -> Drawing:
    """Draw Figure S2: how many synthetic images of the first and the last epoch the teacher assigns to each class."""
    panels: list[frequencies.Panel] = []
    left_out: dict[str, str] = {}
    shown: list[Resolved] = []
    numbers: dict[str, dict[str, Any]] = {}
    for cell in catalog.cells(figure):
        run = config.resolve(f"{cell.run}/seed{SEED}", user)
        missing = why_missing(run, SAMPLES)
        if missing:
            left_out[cell.row] = missing
            numbers[cell.row] = {"run": str(run.run), "state": missing}
            continue
        (counts,) = folder_of(run).samples("frequency")
        entropies = [relative_entropy(of_epoch) for of_epoch in counts]
        epochs = []
        for epoch in evenly_spaced(len(counts), 2):
            epochs.append(frequencies.Counts(epoch + 1, counts[epoch], entropies[epoch]))
        class_names = folder_of(run).provenance()["data"]["classes"]
        panels.append(frequencies.Panel(cell.row, class_names, epochs))
        shown.append(run)
        numbers[cell.row] = {
            "run": str(run.run),
            "state": "done",
            "classes": class_names,
            "counts": {str(epoch.epoch): epoch.counts.tolist() for epoch in epochs},
            "entropy": rounded(entropies, 6),
        }
    note = (
        f"Seed {SEED}; all synthetic images of an epoch. Dotted: equal shares. Entropy of the shares, relative to that"
        " of equal shares: 1 where all classes are as frequent, 0 where all images are of one class. Never: classes"
        " without an image."
    )
    caption = figure_caption(figure, user, shown, note, left_out)
    return Drawing(frequencies.draw(panels) if panels else None, caption, numbers)


def draw_histories(figure: str, user: User) -> Drawing:
    """Draw Figure S3: the distance of batch-norm statistics and the generator's losses over the epochs, by seed."""
    panels: dict[str, list[histories.Track]] = {}
    floors: dict[tuple[str, str], float] = {}
    left_out: dict[str, str] = {}
    shown: list[Resolved] = []
    numbers: dict[str, dict[str, Any]] = {}
    for cell in catalog.cells(figure):
        dataset, method = cell.row.split(" / ")
        results = join_seeds(catalog.resolved(cell, user), "accuracy")
        done = [run for run in results.runs if run.run.seed in results.metrics]
        seeds = []
        numbers[cell.row] = {"state": results.status}
        for run in done:
            columns = read_history(run)
            seeds.append(columns)
            numbers[cell.row][str(run.run)] = {name: finite_or_none(values) for name, values in columns.items()}
            if run.settings.get("ie_form") == "code":
                floors[dataset, "L_IE"] = entropy_floor(run)
        if done:
            panels.setdefault(dataset, []).append(histories.Track(method, seeds))
        if results.ended or not done:
            left_out[cell.row] = results.ended or results.status
        shown += done
    note = (
        f"{seeds_in_words(shown)}. BNS distance: squared differences of means and of variances, averaged over channels"
        " and layers, at the end of each epoch on images of the same noise, whether or not it is a term of the loss."
        " Other terms: means over an epoch's synthetic images, without their weights. Dotted: all classes as frequent."
    )
    caption = figure_caption(figure, user, shown, note, left_out)
    return Drawing(histories.draw(panels, TERMS, floors) if panels else None, caption, numbers)


def entropy_floor(run: Resolved) -> float:
    """Return the lowest possible L_IE of a run: its value if all classes are equally frequent."""
    return -float(np.log10(len(folder_of(run).provenance()["data"]["classes"])))


def why_missing(run: Resolved, product: str) -> str:
    """Return why the `product` of a run cannot be shown, in a few words; empty where it can."""
    results = join_seeds([run], "accuracy")
    if results.ended or not results.metrics:
        return results.ended or results.status
    shown, status = finished_runs([run], product)
    return "" if shown else status


def read_history(run: Resolved) -> dict[str, np.ndarray]:
    """Return the epochs (E,) of a run's history and its columns (E,) among `TERMS`; terms of weight 0 have none.

    Raises:
        UserError: the file is missing or damaged.
    """
    folder = folder_of(run)
    history = folder.history()
    columns = {}
    for name in ("epoch", *(term.column for term in TERMS)):
        if name not in history:
            continue
        if None in history[name]:
            raise folder.damaged(HISTORY, f"has an empty field in column {name}")
        columns[name] = np.array(history[name])
    return columns


def finite_or_none(values: np.ndarray) -> list[float | None]:
    """Return values as a list, with None for those that are not finite: a distance outside the loss may be."""
    return [float(value) if np.isfinite(value) else None for value in values]


def rounded(values: Any, digits: int = 4) -> list[float]:
    """Return numbers as a list, rounded."""
    return [round(float(value), digits) for value in values]


def relative_entropy(counts: np.ndarray) -> float:
    """Return the entropy of the shares of counts (C,), relative to that of equal shares, ln C."""
    from scipy.special import entr

    return float(entr(counts / counts.sum()).sum() / np.log(len(counts)))


def evenly_spaced(count: int, most: int) -> list[int]:
    """Return at most `most` indices below `count`, evenly spaced, with the first and the last."""
    indices: list[int] = np.unique(np.linspace(0, count - 1, most).round().astype(int)).tolist()
    return indices
