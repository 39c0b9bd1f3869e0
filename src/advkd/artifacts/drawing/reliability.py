"""Reliability diagrams (AI-KD, Figures 4 and 5): a block of three axes for every data set.

On top the accuracy of each bin of confidence against its mean confidence, one line a method. Below, for the methods
that the text discusses, the gap between the two as bars (above zero: under-confident) and the share of the images.
"""

import math
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from advkd.artifacts.drawing import page
from advkd.artifacts.drawing.page import BLACK, GREEN, ORANGE, PURPLE, SKY, VERMILLION
from advkd.metrics.calibration import Bins

COLUMNS = 3
LETTERS = 70  # of the legend in one row, beside its lines
FEW = 30  # images, below which a bin's accuracy is drawn hollow: its standard error may reach 9 points
LINES = (  # in the order of the methods: colour, marker, line, width
    (BLACK, "o", "-", 0.8),
    (SKY, "s", "--", 0.8),
    (GREEN, "^", "-.", 0.8),
    (PURPLE, "D", (0, (3, 1, 1, 1, 1, 1)), 0.8),
    (ORANGE, "v", "-", 1.3),
    (VERMILLION, "P", "-", 1.3),
)
HATCHES = ("", "/////")


class Curve(NamedTuple):
    """One method on one data set: its bins, or None and the reason in a word or two."""

    name: str
    bins: Bins | None
    missing: str = ""


def draw(panels: dict[str, list[Curve]], barred: tuple[str, ...], words: str) -> Figure:
    """Draw a block for each data set of `panels`; `barred` names the (at most two) curves shown as bars too."""
    names = list(dict.fromkeys(curve.name for curves in panels.values() for curve in curves))
    styles = {name: LINES[place % len(LINES)] for place, name in enumerate(names)}
    columns = min(COLUMNS, len(panels))
    blocks = math.ceil(len(panels) / columns)
    entries = _entries(panels, names, styles)
    rows = math.ceil(sum(len(entry.get_label()) for entry in entries) / LETTERS)
    head = 0.3 + 0.15 * rows
    figure, foot = page.page(7.0, 3.17 * blocks + head, words)
    edges = page.margins(figure, 0.42, 0.08, foot + 0.32, head)
    grid = figure.add_gridspec(blocks, columns, wspace=0.16, hspace=0.17, **edges)
    limits = _limits(panels, barred)
    for place, (name, curves) in enumerate(panels.items()):
        row, column = divmod(place, columns)
        top, middle, bottom = (
            grid[row, column].subgridspec(3, 1, height_ratios=[3.2, 1, 1], hspace=0.1).subplots(sharex=True)
        )
        _lines(top, curves, styles)
        _bars(middle, bottom, [curve for curve in curves if curve.name in barred], styles, limits)
        top.set_title(name, fontweight="bold")
        if column == 0:
            for axis, label in ((top, "Accuracy"), (middle, "Gap"), (bottom, "Images (%)")):
                axis.set_ylabel(label)
                axis.yaxis.set_label_coords(-0.15, 0.5)
        else:
            for axis in (top, middle, bottom):
                axis.tick_params(labelleft=False)
        if place + columns >= len(panels):
            bottom.set_xlabel("Confidence")
    figure.legend(handles=entries, loc="upper center", ncols=math.ceil(len(entries) / rows), frameon=False,
                  handlelength=2.4, columnspacing=1.4, borderaxespad=0.4)  # fmt: skip
    return figure


def _lines(axis: Axes, curves: list[Curve], styles: dict[str, tuple]) -> None:
    axis.plot([0, 1], [0, 1], color="0.55", linestyle=":", linewidth=1, zorder=1)
    for curve in curves:
        if curve.bins is None:
            continue
        colour, marker, line, width = styles[curve.name]
        seen = curve.bins.count > 0
        x, y, many = (part[seen] for part in (curve.bins.confidence, curve.bins.accuracy, curve.bins.count >= FEW))
        axis.plot(x, y, color=colour, linestyle=line, linewidth=width, zorder=2)
        for chosen, face in ((many, colour), (~many, "white")):
            axis.plot(
                x[chosen], y[chosen], linestyle="", marker=marker, markersize=3, color=colour, markerfacecolor=face,
                markeredgewidth=0.6, zorder=3, clip_on=False,
            )  # fmt: skip
    missing = [f"{curve.name}: {curve.missing}" for curve in curves if curve.bins is None]
    if 0 < len(missing) < len(curves):
        _say(axis, (0.98, 0.02), "\n".join(missing), ha="right", va="bottom")
    elif missing:
        _say(axis, (0.5, 0.5), curves[0].missing, ha="center", va="center")
    axis.set(xlim=(0, 1), ylim=(0, 1), xticks=np.arange(6) / 5, yticks=np.arange(6) / 5)


def _say(axis: Axes, place: tuple[float, float], words: str, **alignment: str) -> None:
    axis.text(
        *place, words, transform=axis.transAxes, fontsize=6.5, zorder=4, **alignment,
        bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1},
    )  # fmt: skip


def _bars(gaps: Axes, shares: Axes, curves: list[Curve], styles: dict[str, tuple], limits: tuple[float, float]) -> None:
    """Draw the bars of each curve side by side within the bins."""
    for place, curve in enumerate(curves):
        if curve.bins is None:
            continue
        bins = len(curve.bins.count)
        width = 0.8 / bins / len(curves)
        x = curve.bins.edges[:-1] + 0.1 / bins + (place + 0.5) * width
        look = {"color": styles[curve.name][0], "hatch": HATCHES[place], "edgecolor": "white", "linewidth": 0}
        gap = curve.bins.accuracy - curve.bins.confidence
        many, few = curve.bins.count >= FEW, (curve.bins.count > 0) & (curve.bins.count < FEW)
        gaps.bar(x[many], gap[many], width, **look)
        gaps.bar(x[few], gap[few], width, facecolor="white", edgecolor=look["color"], linewidth=0.6)
        shares.bar(x, 100 * curve.bins.count / curve.bins.count.sum(), width, **look)
    gaps.axhline(0, color="0.3", linewidth=0.5)
    gap, share = limits
    gaps.set(ylim=(-gap, gap), yticks=[-gap, 0, gap])
    shares.set(ylim=(0, share), yticks=[0, share / 2, share])


def _limits(panels: dict[str, list[Curve]], barred: tuple[str, ...]) -> tuple[float, float]:
    """Return the largest gap (of bins that are drawn filled, if any are) and share in %, rounded up, of all blocks."""
    shown = [c.bins for curves in panels.values() for c in curves if c.name in barred and c.bins is not None]
    if not shown:
        return 0.1, 100
    count = np.concatenate([bins.count for bins in shown])
    gaps = np.concatenate([np.abs(bins.accuracy - bins.confidence) for bins in shown])
    filled = count >= (FEW if count.max() >= FEW else 1)
    share = max(100 * bins.count.max() / bins.count.sum() for bins in shown)
    return max(0.1, math.ceil(10 * gaps[filled].max()) / 10), 20 * math.ceil(share / 20)


def _entries(panels: dict[str, list[Curve]], names: list[str], styles: dict[str, tuple]) -> list[Line2D]:
    """Return a line for every curve's name; one that no data set has is named with its reason."""
    entries = []
    for name in names:
        colour, marker, line, width = styles[name]
        found = [curve for curves in panels.values() for curve in curves if curve.name == name]
        missing = f" ({found[0].missing})" if all(curve.bins is None for curve in found) else ""
        entries.append(
            Line2D([], [], color=colour, marker=marker, linestyle=line, linewidth=width, markersize=4,
                   label=name + missing)
        )  # fmt: skip
    return [*entries, Line2D([], [], color="0.55", linestyle=":", linewidth=1, label="calibrated")]
