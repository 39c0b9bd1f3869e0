"""A metric over two settings as a map, and over one setting as lines (AI-KD, Figure 7)."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from advkd.artifacts.drawing.page import BLUE, SMALL, VERMILLION, margins, page_width

MAP = "cividis"
SHIFT = 0.06  # of a line from the true temperature, so that error bars do not cover each other
LINES = ((BLUE, "o", "-"), (VERMILLION, "s", "--"))  # colour, marker and line


class Point(NamedTuple):
    """A metric's mean over seeds and its sample standard deviation.

    Attributes:
        mean: None where runs are missing.
        std: None for one seed.
        text: the number as text.
        missing: why runs are missing, in a word or two.
    """

    mean: float | None
    std: float | None = None
    text: str = ""
    missing: str = ""


class Line(NamedTuple):
    """The label of a setting, the value that the paper chose, and the points by value."""

    name: str
    chosen: float
    points: dict[float, Point]


def draw(
    grid: dict[tuple[int, int], Point],
    chosen: tuple[int, int],
    names: tuple[str, str],
    lines: list[Line],
    metric: str,
) -> Figure:
    """Draw a map of `grid` and, beside it, the lines; a part without any mean is left out.

    Args:
        grid: points by the values of two settings.
        chosen: the values that the paper chose.
        names: the labels of the two settings.
        lines: at most two.
        metric: the label of the metric.
    """
    with_map = any(point.mean is not None for point in grid.values())
    widths = [1.12] * with_map + [1.0] * any(map(_has_mean, lines))
    figure = Figure(figsize=(page_width(len(widths)), 2.75))
    axes = figure.subplots(
        1, len(widths), width_ratios=widths, squeeze=False,
        gridspec_kw={"wspace": 0.25, **margins(figure, 0.38, 0.08, 0.36, 0.25)},
    )[0]  # fmt: skip
    if with_map:
        _draw_map(axes[0], grid, chosen, names)
        axes[0].set_title(f"(a) {metric}", loc="left", fontweight="bold")
    if len(axes) > with_map:
        _draw_lines(axes[-1], lines, metric)
        axes[-1].set_title("(b)", loc="left", fontweight="bold")
    return figure


def _draw_map(axis: Axes, grid: dict[tuple[int, int], Point], chosen: tuple[int, int], names: tuple[str, str]) -> None:
    across = sorted({x for x, _ in grid})
    down = sorted({y for _, y in grid})
    means = np.full((len(down), len(across)), np.nan)
    for (x, y), point in grid.items():
        if point.mean is not None:
            means[down.index(y), across.index(x)] = point.mean
    axis.set_facecolor("0.93")
    image = axis.imshow(means, cmap=MAP, origin="lower", aspect="auto")
    for (x, y), point in grid.items():
        is_dark = point.mean is not None and not _is_light(image, point.mean)
        axis.text(across.index(x), down.index(y), _point_text(point), ha="center", va="center",
                  color="white" if is_dark else "black", linespacing=1.1)  # fmt: skip
    if chosen in grid:
        corner = across.index(chosen[0]) - 0.47, down.index(chosen[1]) - 0.47
        axis.add_patch(Rectangle(corner, 0.94, 0.94, fill=False, edgecolor=VERMILLION, linewidth=1.8))
    axis.set(xticks=range(len(across)), xticklabels=across, yticks=range(len(down)), yticklabels=down)
    axis.set(xlabel=names[0], ylabel=names[1])
    axis.tick_params(length=0)
    bar = axis.figure.colorbar(image, ax=axis, pad=0.03, fraction=0.05)
    bar.outline.set_linewidth(0.6)


def _point_text(point: Point) -> str:
    if point.mean is None:
        return point.missing
    return point.text.replace(" ±", "\n±")


def _is_light(image: AxesImage, value: float) -> bool:
    """Tell whether black reads better than white on a value's colour in the map, by its luminance."""
    red, green, blue, _ = image.to_rgba(np.array([value]))[0]
    return bool(0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45)


def _draw_lines(axis: Axes, lines: list[Line], metric: str) -> None:
    """Draw the lines slightly beside each other; they have gaps where runs are missing."""
    for place, (line, (colour, marker, dash)) in enumerate(zip(lines, LINES, strict=False)):
        shift = SHIFT * (2 * place - 1)
        points = sorted(line.points.items())
        x = [value + shift for value, _ in points]
        means = np.array([np.nan if point.mean is None else point.mean for _, point in points])
        deviations = [point.std or 0 for _, point in points]
        axis.errorbar(
            x, means, deviations if any(deviations) else None, label=line.name, color=colour, marker=marker,
            linestyle=dash, markersize=3.5, linewidth=1.1, elinewidth=0.8, capsize=2,
        )  # fmt: skip
        for value, point in points:
            if point.mean is None:
                axis.text(value + 3 * shift, 0.02, point.missing, transform=axis.get_xaxis_transform(), rotation=90,
                          ha="center", va="bottom", color=colour, fontsize=SMALL)  # fmt: skip
            elif value == line.chosen:
                axis.plot(value + shift, point.mean, marker="o", markersize=9, markerfacecolor="none",
                          markeredgecolor=colour, markeredgewidth=0.9)  # fmt: skip
    values = sorted({value for line in lines for value in line.points})
    axis.set(xlabel="Temperature", ylabel=metric, xticks=values, xlim=(values[0] - 0.4, values[-1] + 0.4))
    axis.grid(axis="y", color="0.9", linewidth=0.5)
    axis.set_axisbelow(True)
    axis.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(lines), frameon=False, handlelength=2.6,
                borderaxespad=0.1, borderpad=0.2)  # fmt: skip


def _has_mean(line: Line) -> bool:
    return any(point.mean is not None for point in line.points.values())
