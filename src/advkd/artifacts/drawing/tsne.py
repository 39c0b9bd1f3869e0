"""t-SNE of features (AI-KD, Figure 6): a student's by class, and together with its superior's."""

import math
import re
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from advkd.artifacts.drawing.page import (
    BLUE,
    EDGE,
    LINE,
    PALETTE,
    SMALL,
    VERMILLION,
    WIDTH,
    is_short,
    margins,
    name_in_figure,
    page_width,
    text_width,
)

MARKERS = "o^s"  # with the 7 colours of the palette: 21 combinations for 20 classes
PERPLEXITY = 30.0
LEGEND_COLUMNS = 4, 3, 2, 1  # the first with which the legend is no wider than half of a page
KEY = 0.25  # inches, of a legend's marker and the space beside it
STUDENT, SUPERIOR = (VERMILLION, "^"), (BLUE, "o")  # colour and marker


class Column(NamedTuple):
    """One method.

    Attributes:
        name: the method's name.
        labels: (n,), the class of each point.
        alone: (n, 2), the map of the student's features.
        student: (n, 2), the student's places in the map of both; None where the superior's run is missing.
        superior: the superior's places in the map of both; None where its run is missing.
        missing: why there is no map of both, which is written in its place.
    """

    name: str
    labels: np.ndarray
    alone: np.ndarray
    student: np.ndarray | None
    superior: np.ndarray | None
    missing: str = ""


def choose(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw `count` of the classes in `labels` at random (all, if there are fewer); returns them in ascending order."""
    present = np.unique(labels)
    return np.sort(np.random.default_rng(seed).choice(present, min(count, len(present)), replace=False))


def perplexity(points: int) -> float:
    """Return the perplexity for a number of points: 30, or a third of them where that is less."""
    return min(PERPLEXITY, (points - 1) / 3)


def embed(features: np.ndarray, seed: int) -> np.ndarray:
    """Return t-SNE's places (n, 2) of features (n, F), started from their principal components.

    It runs on one thread: the order of a parallel sum changes last bits, which t-SNE amplifies. Features without any
    variance all get the same place.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if not np.ptp(features, axis=0).any():
        return np.zeros((len(features), 2))
    with threadpool_limits(1):
        tsne = TSNE(2, perplexity=perplexity(len(features)), init="pca", random_state=seed, n_jobs=1)
        places: np.ndarray = tsne.fit_transform(features.astype(np.float32))
    return places


def draw(columns: list[Column], classes: dict[int, str]) -> Figure:
    """Draw two maps for every method.

    Args:
        columns: the methods.
        classes: the names of the labels that occur.
    """
    styles = _class_styles(classes)
    names = [_shorten_name(name) for name in classes.values()]
    widest = max(map(text_width, names), default=0) + KEY
    legend_columns = next((n for n in LEGEND_COLUMNS if n * widest <= WIDTH / 2), 1)
    legend = LINE * math.ceil(len(classes) / legend_columns) + 0.1
    figure = Figure(figsize=(page_width(len(columns)), 3.75 + legend))
    axes = figure.subplots(
        2, len(columns), squeeze=False,
        gridspec_kw={"wspace": 0.05, "hspace": 0.04, **margins(figure, 0.22, 0.05, 0.2, legend + 0.22)},
    )  # fmt: skip
    for (top, bottom), column in zip(axes.T, columns, strict=True):
        top.set_title(column.name, fontweight="bold")
        for axis in (top, bottom):
            axis.set(xticks=[], yticks=[])
            axis.margins(0.04)
        _draw_classes(top, column, styles)
        _draw_both(bottom, column)
    axes[0, 0].set_ylabel("Classes")
    axes[1, 0].set_ylabel("Student and superior")
    figure.legend(
        handles=[_legend_handle(*STUDENT, "student"), _legend_handle(*SUPERIOR, "superior")],
        loc="lower center", bbox_to_anchor=(0.5, 0), ncols=2, frameon=False, handletextpad=0.1, borderaxespad=0.1,
    )  # fmt: skip
    figure.legend(
        handles=[_legend_handle(*styles[label], name) for label, name in zip(classes, names, strict=True)],
        loc="upper center", bbox_to_anchor=(0.5, 1 - EDGE / figure.get_size_inches()[1]), fontsize=SMALL,
        ncols=legend_columns, frameon=False, handletextpad=0.1, labelspacing=0.25, columnspacing=1, borderaxespad=0,
    )  # fmt: skip
    return figure


def _class_styles(classes: dict[int, str]) -> dict[int, tuple[str, str]]:
    """Return a colour and a marker for each label: first all colours with one marker, then with the next."""
    styles = {}
    for place, label in enumerate(classes):
        marker = MARKERS[place // len(PALETTE) % len(MARKERS)]
        styles[label] = (PALETTE[place % len(PALETTE)], marker)
    return styles


def _draw_classes(axis: Axes, column: Column, styles: dict[int, tuple[str, str]]) -> None:
    for label, (colour, marker) in styles.items():
        _scatter(axis, column.alone[column.labels == label], colour, marker)


def _draw_both(axis: Axes, column: Column) -> None:
    if column.student is None or column.superior is None:
        _write(axis, column.missing)
        return
    _scatter(axis, column.superior, *SUPERIOR)
    _scatter(axis, column.student, *STUDENT)


def _scatter(axis: Axes, places: np.ndarray, colour: str, marker: str) -> None:
    x, y = places.T
    axis.scatter(x, y, s=6, color=colour, marker=marker, alpha=0.75, linewidths=0)


def _write(axis: Axes, text: str) -> None:
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center", wrap=True)


def _legend_handle(colour: str, marker: str, label: str) -> Line2D:
    return Line2D([], [], color=colour, marker=marker, linestyle="", markersize=3.5, markeredgewidth=0, label=label)


def _shorten_name(name: str) -> str:
    """Return a class's name without CUB's number and without underscores, cut where it is long."""
    return name_in_figure(re.sub(r"^\d+\.", "", name), is_short)
