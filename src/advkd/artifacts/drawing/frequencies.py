"""How often a teacher assigns synthetic images to each class, at the start and the end of a training (GIP)."""

import math
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from advkd.artifacts.drawing.page import BLUE, ORANGE, is_short, margins, name_in_figure, page_width, text_width

COLUMNS = 2
# Lengths in inches.
HEIGHT = 1.33  # of a panel
HEAD, BELOW = 0.22, 0.4  # its title; the numbers and the label of its horizontal axis
SLOPE = 40  # degrees, of the names of classes
MOST_BARS = 20  # classes; with more of them, sorted shares are drawn instead of bars
LOOKS = ((ORANGE, "/////", "--"), (BLUE, "", "-"))  # colour, hatch and line of the first and the last epoch


class Counts(NamedTuple):
    """The synthetic images of an epoch, counted by class.

    Attributes:
        epoch: its number, from 1.
        counts: (C,), the number of images of each class.
        entropy: the entropy of the classes' shares, divided by that of equal shares.
    """

    epoch: int
    counts: np.ndarray
    entropy: float


class Panel(NamedTuple):
    """One generator.

    Attributes:
        name: the names of the data set and the method.
        classes: the names of its C classes.
        epochs: the counts of its first and its last epoch, or of its only one.
    """

    name: str
    classes: list[str]
    epochs: list[Counts]


def draw(panels: list[Panel]) -> Figure:
    """Draw two panels beside each other: bars by class or, with many classes, the sorted shares."""
    columns = min(COLUMNS, len(panels))
    lines = math.ceil(len(panels) / columns)
    below = max(BELOW, *map(_room_below, panels))
    figure = Figure(figsize=(page_width(columns), (HEIGHT + HEAD + below) * lines))
    axes = figure.subplots(
        lines, columns, squeeze=False,
        gridspec_kw={"wspace": 0.17, "hspace": (HEAD + below) / HEIGHT, **margins(figure, 0.42, 0.08, below, HEAD)},
    )  # fmt: skip
    for axis, panel in zip(axes.ravel(), panels, strict=False):
        axis.set_title(panel.name, fontweight="bold", loc="left")
        if len(panel.classes) <= MOST_BARS:
            _draw_bars(axis, panel)
        else:
            _draw_sorted_shares(axis, panel)
        axis.axhline(100 / len(panel.classes), color="0.35", linestyle=":", linewidth=0.9, zorder=1)
        axis.set_ylabel("Synthetic images (%)")
    for axis in axes.ravel()[len(panels) :]:
        axis.set_axis_off()
    return figure


def _room_below(panel: Panel) -> float:
    """Return the height of the sloping names of a panel's classes; 0 if it shows none."""
    if len(panel.classes) > MOST_BARS:
        return 0
    widest = max(text_width(name_in_figure(name, is_short)) for name in panel.classes)
    return widest * math.sin(math.radians(SLOPE)) + 0.15


def _draw_bars(axis: Axes, panel: Panel) -> None:
    width = 0.8 / len(panel.epochs)
    handles = []
    for place, (epoch, (colour, hatch, _)) in enumerate(zip(panel.epochs, _looks(panel), strict=True)):
        x = np.arange(len(epoch.counts)) - 0.4 + (place + 0.5) * width
        look: dict[str, Any] = {"facecolor": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0}
        axis.bar(x, _shares(epoch), width, zorder=2, **look)
        handles.append(Patch(**look, label=_label(epoch)))
    names = [name_in_figure(name, is_short) for name in panel.classes]
    axis.set_xticks(range(len(names)), names, rotation=SLOPE, ha="right", rotation_mode="anchor")
    axis.tick_params(axis="x", length=0, pad=1)
    largest = max(_shares(epoch).max() for epoch in panel.epochs)
    axis.set(xlim=(-0.6, len(panel.classes) - 0.4), ylim=(0, 1.4 * largest))  # room for the legend
    axis.set_yticks([share for share in axis.get_yticks() if share <= min(100, axis.get_ylim()[1])])
    axis.legend(handles=handles, loc="upper left", frameon=False, borderaxespad=0.2)


def _draw_sorted_shares(axis: Axes, panel: Panel) -> None:
    """Draw the shares in descending order on a logarithmic axis, up to the last class that has any."""
    for epoch, (colour, _, line) in zip(panel.epochs, _looks(panel), strict=True):
        shares = np.sort(_shares(epoch))[::-1]
        shares = shares[shares > 0]
        axis.step(np.arange(len(shares)) + 1, shares, where="mid", color=colour, linestyle=line, linewidth=1.2,
                  label=_label(epoch), zorder=2)  # fmt: skip
    axis.set(yscale="log", xlim=(0, len(panel.classes) + 1), xlabel="Classes, most frequent first")
    axis.set_ylim(min(axis.get_ylim()[0], 70 / len(panel.classes)), 100)
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.legend(loc="upper right", frameon=False, borderaxespad=0.2, handlelength=2.4)


def _looks(panel: Panel) -> tuple[tuple[str, str, str], ...]:
    """Return the look of each epoch of a panel; a single epoch looks like the last one."""
    return LOOKS[-len(panel.epochs) :]


def _shares(epoch: Counts) -> np.ndarray:
    """Return the share of each class, in %."""
    shares: np.ndarray = 100 * epoch.counts / epoch.counts.sum()
    return shares


def _label(epoch: Counts) -> str:
    label = f"epoch {epoch.epoch}: entropy {epoch.entropy:.3f}"  # of all images of one training, without an error
    never = int((epoch.counts == 0).sum())
    return f"{label}, {never} of {len(epoch.counts)} classes never" if never else label
