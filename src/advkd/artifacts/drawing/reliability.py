"""Reliability diagrams (AI-KD, Figures 4 and 5): a block of three axes for each data set.

The upper axis shows the accuracy of each confidence bin against its mean confidence, one line per method. Below, for
the methods that the paper's text discusses, are bars of the gap between the two (above zero: under-confident) and of
the share of the images.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from advkd.artifacts.drawing.page import BLACK, GREEN, ORANGE, PURPLE, SKY, VERMILLION, margins, page_width, put_label
from advkd.metrics.calibration import Bins

COLUMNS = 3
LEGEND_CHARACTERS = 40  # of names in one row of the legend
FEW = 30  # images; a bin with fewer is hollow: the standard error of its accuracy may reach 9 points
LINES = (  # in the order of the methods: colour, marker, line, width
    (BLACK, "o", "-", 0.8),
    (SKY, "s", "--", 0.8),
    (GREEN, "^", "-.", 0.8),
    (PURPLE, "D", (0, (3, 1, 1, 1, 1, 1)), 0.8),
    (ORANGE, "v", "-", 1.3),
    (VERMILLION, "P", "-", 1.3),
)
HATCHES = ("", "/////")

Style = tuple[str, str, Any, float]  # an entry of LINES


class Curve(NamedTuple):
    """One method on one data set.

    Attributes:
        name: the method.
        bins: its bins; None where its runs are missing.
        spread: (B,), the sample standard deviation of a bin's accuracy over seeds, NaN where it is not known; None for
            one seed.
    """

    name: str
    bins: Bins | None
    spread: np.ndarray | None = None


def draw(panels: dict[str, list[Curve]], barred: tuple[str, ...]) -> Figure:
    """Draw a block for each data set.

    Args:
        panels: the curves of each data set.
        barred: the names of the curves (at most two) that are shown as bars too.
    """
    styles = _styles(panels)
    columns = min(COLUMNS, len(panels))
    lines = math.ceil(len(panels) / columns)
    handles = _legend_handles(panels, styles)
    legend_rows = math.ceil(sum(len(str(handle.get_label())) for handle in handles) / LEGEND_CHARACTERS)
    head = 0.3 + 0.15 * legend_rows
    figure = Figure(figsize=(page_width(columns), 3.17 * lines + head))
    edges = margins(figure, 0.42, 0.08, 0.32, head)
    grid = figure.add_gridspec(lines, columns, wspace=0.27, hspace=0.17, **edges)
    limits = _limits(panels, barred)
    for place, (name, curves) in enumerate(panels.items()):
        row, column = divmod(place, columns)
        parts = grid[row, column].subgridspec(3, 1, height_ratios=[3.2, 1, 1], hspace=0.1)
        block = parts.subplots(sharex=True, squeeze=False)[:, 0]
        top, middle, bottom = block
        _draw_lines(top, curves, styles)
        _draw_bars(middle, bottom, [curve for curve in curves if curve.name in barred], styles, limits)
        top.set_title(name, fontweight="bold")
        _label_block(block)
        if place + columns >= len(panels):
            bottom.set_xlabel("Confidence")
    figure.legend(handles=handles, loc="upper center", ncols=math.ceil(len(handles) / legend_rows), frameon=False,
                  handlelength=2.4, columnspacing=1.4, borderaxespad=0.4)  # fmt: skip
    return figure


def _styles(panels: dict[str, list[Curve]]) -> dict[str, Style]:
    """Return the style of each method, in the order of their first curve."""
    styles: dict[str, Style] = {}
    for curves in panels.values():
        for curve in curves:
            if curve.name not in styles:
                styles[curve.name] = LINES[len(styles) % len(LINES)]
    return styles


def _label_block(block: np.ndarray) -> None:
    """Label the three vertical axes of a block."""
    for axis, label in zip(block, ("Accuracy", "Gap", "Images (%)"), strict=True):
        axis.set_ylabel(label)
        put_label(axis, 0.29)


def _draw_lines(axis: Axes, curves: list[Curve], styles: dict[str, Style]) -> None:
    axis.plot([0, 1], [0, 1], color="0.55", linestyle=":", linewidth=1, zorder=1)
    for curve in curves:
        if curve.bins is not None:
            _draw_curve(axis, curve.bins, curve.spread, styles[curve.name])
    axis.set(xlim=(0, 1), ylim=(0, 1), xticks=np.arange(6) / 5, yticks=np.arange(6) / 5)


def _draw_curve(axis: Axes, bins: Bins, spread: np.ndarray | None, style: Style) -> None:
    colour, marker, line, width = style
    filled = bins.count > 0
    x, y, many = bins.confidence[filled], bins.accuracy[filled], bins.count[filled] >= FEW
    axis.plot(x, y, color=colour, linestyle=line, linewidth=width, zorder=2)
    if spread is not None:
        error = spread[filled]
        known = ~np.isnan(error)
        axis.errorbar(x[known], y[known], error[known], linestyle="", ecolor=colour, elinewidth=0.7, capsize=1.5,
                      capthick=0.7, zorder=2)  # fmt: skip
    for chosen, face in ((many, colour), (~many, "white")):
        if chosen.any():
            axis.plot(
                x[chosen], y[chosen], linestyle="", marker=marker, markersize=3, color=colour, markerfacecolor=face,
                markeredgewidth=0.6, zorder=3, clip_on=False,
            )  # fmt: skip


def _draw_bars(
    gaps: Axes, shares: Axes, curves: list[Curve], styles: dict[str, Style], limits: tuple[float, float]
) -> None:
    """Draw the bars of the curves side by side within the bins."""
    for place, curve in enumerate(curves):
        if curve.bins is None:
            continue
        count = curve.bins.count
        width = 0.8 / len(count) / len(curves)
        x = curve.bins.edges[:-1] + 0.1 / len(count) + (place + 0.5) * width
        colour = styles[curve.name][0]
        look: dict[str, Any] = {"color": colour, "hatch": HATCHES[place], "edgecolor": "white", "linewidth": 0}
        gap = curve.bins.accuracy - curve.bins.confidence
        many = count >= FEW
        few = (count > 0) & (count < FEW)
        gaps.bar(x[many], gap[many], width, **look)
        gaps.bar(x[few], gap[few], width, facecolor="white", edgecolor=colour, linewidth=0.6)
        shares.bar(x, 100 * count / count.sum(), width, **look)
    gaps.axhline(0, color="0.3", linewidth=0.5)
    largest_gap, largest_share = limits
    gaps.set(ylim=(-largest_gap, largest_gap), yticks=[-largest_gap, 0, largest_gap])
    shares.set(ylim=(0, largest_share), yticks=[0, largest_share / 2, largest_share])


def _limits(panels: dict[str, list[Curve]], barred: tuple[str, ...]) -> tuple[float, float]:
    """Return the largest gap and the largest share (in %) of all blocks, rounded up, for equal axes.

    Hollow bins only count for the gap where no bin is filled.
    """
    shown = []
    for curves in panels.values():
        shown += [curve.bins for curve in curves if curve.name in barred and curve.bins is not None]
    if not shown:
        return 0.1, 100
    count = np.concatenate([bins.count for bins in shown])
    gaps = np.concatenate([np.abs(bins.accuracy - bins.confidence) for bins in shown])
    counted = count >= (FEW if count.max() >= FEW else 1)
    share = max(100 * bins.count.max() / bins.count.sum() for bins in shown)
    return max(0.1, math.ceil(10 * gaps[counted].max()) / 10), 20 * math.ceil(share / 20)


def _legend_handles(panels: dict[str, list[Curve]], styles: dict[str, Style]) -> list[Line2D]:
    """Return a line for each method that is drawn anywhere, and the diagonal."""
    handles = []
    for name, (colour, marker, line, width) in styles.items():
        of_method = []
        for curves in panels.values():
            of_method += [curve for curve in curves if curve.name == name]
        if any(curve.bins is not None for curve in of_method):
            look: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": line, "linewidth": width}
            handles.append(Line2D([], [], **look, markersize=4, label=name))
    return [*handles, Line2D([], [], color="0.55", linestyle=":", linewidth=1, label="calibrated")]
