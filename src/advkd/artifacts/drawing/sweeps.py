"""A metric over two settings as a map, and over one as lines (AI-KD, Figure 7)."""

from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from advkd.artifacts.drawing.page import BLUE, VERMILLION, margins, page

MAP = "cividis"
SHIFT = 0.06
LINES = ((BLUE, "o", "-"), (VERMILLION, "s", "--"))


class Point(NamedTuple):
    """A metric's mean and sample standard deviation over seeds (None: one seed), or None and the reason."""

    mean: float | None
    std: float | None = None
    missing: str = ""


class Line(NamedTuple):
    """A setting's name, the value that the paper chose, and the points by value."""

    name: str
    chosen: float
    points: dict[float, Point]


def draw(
    grid: dict[tuple[int, int], Point],
    chosen: tuple[int, int],
    names: tuple[str, str],
    lines: list[Line],
    metric: str,
    words: str,
) -> Figure:
    """Draw `grid`, by the values of the two settings `names`, and `lines`; `chosen` is the paper's choice."""
    figure, foot = page(7.0, 2.75, words)
    left, right = figure.subplots(
        1, 2, width_ratios=[1.12, 1],
        gridspec_kw={"wspace": 0.25, **margins(figure, 0.38, 0.08, foot + 0.36, 0.25)},
    )  # fmt: skip
    _map(left, grid, chosen, names)
    _lines(right, lines, metric)
    left.set_title(f"(a) {metric}", loc="left", fontweight="bold")
    right.set_title("(b)", loc="left", fontweight="bold")
    return figure


def _map(axis: Axes, grid: dict, chosen: tuple[int, int], names: tuple[str, str]) -> None:
    across, down = (sorted({place[part] for place in grid}) for part in (0, 1))
    means = np.full((len(down), len(across)), np.nan)
    for (x, y), point in grid.items():
        if point.mean is not None:
            means[down.index(y), across.index(x)] = point.mean
    axis.set_facecolor("0.93")
    image = axis.imshow(means, cmap=MAP, origin="lower", aspect="auto")
    for (x, y), point in grid.items():
        text = point.missing if point.mean is None else f"{point.mean:.2f}"
        text += "" if point.std is None else f"\n± {point.std:.2f}"
        colour = "black" if point.mean is None or _is_light(image.norm(point.mean)) else "white"
        axis.text(across.index(x), down.index(y), text, ha="center", va="center", color=colour, linespacing=1.1)
    if chosen in grid:
        corner = across.index(chosen[0]) - 0.47, down.index(chosen[1]) - 0.47
        axis.add_patch(Rectangle(corner, 0.94, 0.94, fill=False, edgecolor=VERMILLION, linewidth=1.8))
    axis.set(xticks=range(len(across)), xticklabels=across, yticks=range(len(down)), yticklabels=down)
    axis.set(xlabel=names[0], ylabel=names[1])
    axis.tick_params(length=0)
    bar = axis.figure.colorbar(image, ax=axis, pad=0.03, fraction=0.05)
    bar.outline.set_linewidth(0.6)
    if np.isnan(means).all():
        bar.set_ticks([])


def _is_light(level: float) -> bool:
    """Tell whether black reads better than white on a level (0 to 1) of the map, by its luminance."""
    red, green, blue, _ = colormaps[MAP](float(level))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45


def _lines(axis: Axes, lines: list[Line], metric: str) -> None:
    """Draw the lines slightly beside each other, so that error bars do not cover one another; gaps stay open."""
    for place, line in enumerate(lines):
        colour, marker, dash = LINES[place]
        shift = SHIFT * (2 * place - 1)
        points = sorted(line.points.items())
        means = np.array([np.nan if point.mean is None else point.mean for _, point in points])
        spread = [point.std or 0 for _, point in points] if any(point.std for _, point in points) else None
        axis.errorbar(
            [value + shift for value, _ in points], means, spread, label=line.name, color=colour, marker=marker,
            linestyle=dash, markersize=3.5, linewidth=1.1, elinewidth=0.8, capsize=2,
        )  # fmt: skip
        for value, point in points:
            if point.mean is None:
                axis.text(value + 3 * shift, 0.02, point.missing, transform=axis.get_xaxis_transform(), rotation=90,
                          ha="center", va="bottom", color=colour, fontsize=6.5)  # fmt: skip
            elif value == line.chosen:
                axis.plot(value + shift, point.mean, marker="o", markersize=9, markerfacecolor="none",
                          markeredgecolor=colour, markeredgewidth=0.9)  # fmt: skip
    values = sorted({value for line in lines for value in line.points})
    axis.set(xlabel="Temperature", ylabel=metric, xticks=values, xlim=(values[0] - 0.4, values[-1] + 0.4))
    if all(point.mean is None for line in lines for point in line.points.values()):
        axis.set_yticks([])
    axis.grid(axis="y", color="0.9", linewidth=0.5)
    axis.set_axisbelow(True)
    axis.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(lines), frameon=False, handlelength=2.6,
                borderaxespad=0.1, borderpad=0.2)  # fmt: skip
