"""t-SNE of features (AI-KD, Figure 6): by class, and a student's beside its superior's."""

import re
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from advkd.artifacts.drawing.page import BLUE, LINE, PALETTE, VERMILLION, margins, page

MARKERS = "o^s"  # with the 7 colours of the palette: 21 combinations for 20 classes
PERPLEXITY = 30.0
LEGEND_COLUMNS = 4
LONGEST = 30  # letters of a class's name


class Column(NamedTuple):
    """One method: labels (n,) of its points, and their places (n, 2) in two maps.

    alone: of the student's features; student, superior: of both together. A map is None where runs are missing.
    """

    name: str
    labels: np.ndarray
    alone: np.ndarray | None
    student: np.ndarray | None
    superior: np.ndarray | None
    missing: str = ""


def choose(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw `count` of the classes in `labels` (all, if there are fewer), in ascending order."""
    present = np.unique(labels)
    return np.sort(np.random.default_rng(seed).choice(present, min(count, len(present)), replace=False))


def perplexity(points: int) -> float:
    """Return the perplexity for a number of points: 30, or less where that is more than a third of them."""
    return min(PERPLEXITY, (points - 1) / 3)


def embed(features: np.ndarray, seed: int) -> np.ndarray:
    """Return t-SNE's places (n, 2) of features (n, F), started from their principal components.

    It runs on one thread: the order of a parallel sum changes last bits, which t-SNE amplifies. Features without any
    variance stay at one place.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if not np.ptp(features, axis=0).any():
        return np.zeros((len(features), 2))
    with threadpool_limits(1):
        found = TSNE(2, perplexity=perplexity(len(features)), init="pca", random_state=seed, n_jobs=1)
        return found.fit_transform(features.astype(np.float32))


def draw(columns: list[Column], classes: dict[int, str], words: str) -> Figure:
    """Draw two maps for every method; `classes` names the labels that occur."""
    styles = {
        label: (PALETTE[place % len(PALETTE)], MARKERS[place // len(PALETTE) % len(MARKERS)])
        for place, label in enumerate(classes)
    }
    legend = LINE * -(-len(classes) // LEGEND_COLUMNS) + 0.1
    figure, foot = page(7.0, 3.75 + legend, words)
    axes = figure.subplots(
        2, len(columns), squeeze=False,
        gridspec_kw={"wspace": 0.05, "hspace": 0.14, **margins(figure, 0.22, 0.05, foot + legend + 0.05, 0.22)},
    )  # fmt: skip
    for (top, bottom), column in zip(axes.T, columns, strict=True):
        top.set_title(column.name, fontweight="bold")
        for axis in (top, bottom):
            axis.set(xticks=[], yticks=[])
            axis.margins(0.04)
        if column.alone is None:
            _say(top, column.missing)
        for label, (colour, marker) in styles.items() if column.alone is not None else ():
            _scatter(top, column.alone[column.labels == label], colour, marker)
        if column.superior is None:
            _say(bottom, column.missing)
        else:
            _scatter(bottom, column.superior, BLUE, "o")
            _scatter(bottom, column.student, VERMILLION, "^")
    axes[0, 0].set_ylabel("Classes")
    axes[1, 0].set_ylabel("Student and superior")
    who = [_key(colour, marker, name) for colour, marker, name in
           ((VERMILLION, "^", "student"), (BLUE, "o", "superior"))]  # fmt: skip
    between = (axes[0, 0].get_position().y0 + axes[1, 0].get_position().y1) / 2
    figure.legend(handles=who, loc="center", bbox_to_anchor=(0.5, between), ncols=2, frameon=False, handletextpad=0.1)
    keys = [_key(*styles[label], _short(name)) for label, name in classes.items()]
    figure.legend(
        handles=keys, loc="lower center", bbox_to_anchor=(0.5, foot / figure.get_size_inches()[1]), fontsize=6.5,
        ncols=LEGEND_COLUMNS, frameon=False, handletextpad=0.1, labelspacing=0.25, columnspacing=1, borderaxespad=0,
    )  # fmt: skip
    return figure


def _scatter(axis: Axes, places: np.ndarray, colour: str, marker: str) -> None:
    axis.scatter(*places.T, s=6, color=colour, marker=marker, alpha=0.75, linewidths=0)


def _say(axis: Axes, words: str) -> None:
    axis.text(0.5, 0.5, words, transform=axis.transAxes, ha="center", va="center", wrap=True)


def _key(colour: str, marker: str, label: str) -> Line2D:
    return Line2D([], [], color=colour, marker=marker, linestyle="", markersize=3.5, markeredgewidth=0, label=label)


def _short(name: str) -> str:
    """Return a class's name without CUB's number and underscores, shortened where it is long."""
    words = re.sub(r"^\d+\.", "", name).replace("_", " ")
    return words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "…"
