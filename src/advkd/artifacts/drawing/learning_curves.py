"""A metric over the number of training images, one line for each way to train (OKD-SAGAN, Figure S1)."""

from typing import NamedTuple

from matplotlib.figure import Figure

from advkd.artifacts.drawing.page import PALETTE, WIDTH, margins

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HEIGHT = 3.4  # inches
LEGEND = 2.35  # inches beside the axes
SPREAD = 0.35  # how far the lines of one number stand apart, in parts of the way to the next number


class Line(NamedTuple):
    """A way to train.

    Attributes:
        name: what the legend says.
        points: by the number of images, the mean and its standard error, None where that is unknown.
        own: whether the training has images beside the real ones: such a line is drawn filled, the others hollow.
    """

    name: str
    points: dict[int, tuple[float, float | None]]
    own: bool


def draw(lines: list[Line], across: str, metric: str) -> Figure:
    """Draw the lines that have points; bars are standard errors.

    Args:
        lines: at least one has a point.
        across: the label of the numbers of images.
        metric: the label of the metric.
    """
    shown = [line for line in lines if line.points]
    numbers = sorted({number for line in shown for number in line.points})
    figure = Figure(figsize=(WIDTH, HEIGHT))
    axis = figure.subplots(gridspec_kw=margins(figure, 0.45, LEGEND, 0.4, 0.1))
    for place, line in enumerate(shown):
        shift = SPREAD * (place / max(len(shown) - 1, 1) - 0.5)
        points = sorted(line.points.items())
        errors = [error or 0.0 for _, (_, error) in points]
        colour = PALETTE[place % len(PALETTE)]
        axis.errorbar(
            [numbers.index(number) + shift for number, _ in points], [mean for _, (mean, _) in points],
            errors if any(errors) else None, label=line.name, color=colour, marker=MARKERS[place % len(MARKERS)],
            markerfacecolor=colour if line.own else "white", markersize=4.2, linewidth=1.0,
            linestyle="-" if place < len(PALETTE) else "--", elinewidth=0.8, capsize=2,
        )  # fmt: skip
    axis.set(xlabel=across, ylabel=metric, xticks=range(len(numbers)), xticklabels=numbers)
    axis.set_xlim(-0.5, len(numbers) - 0.5)
    axis.grid(axis="y", color="0.9", linewidth=0.5)
    axis.set_axisbelow(True)
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, borderaxespad=0)
    return figure
