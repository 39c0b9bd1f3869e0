"""How often a teacher takes synthetic images for each class, at the start of a training and at its end (GIP)."""

import math
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from advkd.artifacts.drawing.page import BLUE, ORANGE, margins, page

COLUMNS = 2
FEW = 20  # classes, up to which each has its bars
LOOKS = ((ORANGE, "/////", "--"), (BLUE, "", "-"))  # colour, hatch and line of the first and the last epoch


class Counts(NamedTuple):
    """An epoch's images by class: counts (C,), and their entropy as a part of the largest possible."""

    epoch: int
    counts: np.ndarray
    entropy: float


class Panel(NamedTuple):
    """One generator: the names of C classes and the counts of its first and its last epoch, or none and the reason."""

    name: str
    classes: list[str]
    epochs: list[Counts]
    missing: str = ""


def draw(panels: list[Panel], words: str) -> Figure:
    """Draw an axis for every panel, two beside each other: bars by class, or of many classes the sorted shares."""
    lines = math.ceil(len(panels) / COLUMNS)
    figure, foot = page(7.0, 2.1 * lines, words)
    axes = figure.subplots(
        lines, COLUMNS, squeeze=False,
        gridspec_kw={"wspace": 0.17, "hspace": 0.52, **margins(figure, 0.42, 0.08, foot + 0.55, 0.22)},
    )  # fmt: skip
    for axis, panel in zip(axes.ravel(), panels, strict=False):
        axis.set_title(panel.name, fontweight="bold", loc="left")
        if not panel.epochs:
            axis.set(xticks=[], yticks=[], facecolor="0.95")
            axis.text(0.5, 0.5, panel.missing, transform=axis.transAxes, ha="center", va="center")
            continue
        (_bars if len(panel.classes) <= FEW else _sorted)(axis, panel)
        axis.axhline(100 / len(panel.classes), color="0.35", linestyle=":", linewidth=0.9, zorder=1)
        axis.set_ylabel("Synthetic images (%)")
    for axis in axes.ravel()[len(panels) :]:
        axis.set_axis_off()
    return figure


def _bars(axis: Axes, panel: Panel) -> None:
    width = 0.8 / len(panel.epochs)
    keys = []
    for place, (one, (colour, hatch, _)) in enumerate(zip(panel.epochs, LOOKS[-len(panel.epochs) :], strict=True)):
        x = np.arange(len(one.counts)) - 0.4 + (place + 0.5) * width
        look = {"facecolor": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0}
        axis.bar(x, _shares(one), width, zorder=2, **look)
        keys.append(Patch(**look, label=_label(one)))
    axis.set_xticks(range(len(panel.classes)), [name.replace("_", " ") for name in panel.classes], rotation=40,
                    ha="right", rotation_mode="anchor")  # fmt: skip
    axis.tick_params(axis="x", length=0, pad=1)
    axis.set(xlim=(-0.6, len(panel.classes) - 0.4), ylim=(0, 1.4 * max(map(_largest, panel.epochs))))
    axis.set_yticks([share for share in axis.get_yticks() if share <= min(100, axis.get_ylim()[1])])
    axis.legend(handles=keys, loc="upper left", frameon=False, borderaxespad=0.2)


def _sorted(axis: Axes, panel: Panel) -> None:
    """Draw the shares in descending order on a logarithmic axis, up to the last class that has any."""
    for one, (colour, _, line) in zip(panel.epochs, LOOKS[-len(panel.epochs) :], strict=True):
        shares = np.sort(_shares(one))[::-1]
        shares = shares[shares > 0]
        axis.step(np.arange(len(shares)) + 1, shares, where="mid", color=colour, linestyle=line, linewidth=1.2,
                  label=_label(one), zorder=2)  # fmt: skip
    axis.set(yscale="log", xlim=(0, len(panel.classes) + 1), xlabel="Classes, most frequent first")
    axis.set_ylim(min(axis.get_ylim()[0], 70 / len(panel.classes)), 100)
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.legend(loc="upper right", frameon=False, borderaxespad=0.2, handlelength=2.4)


def _shares(one: Counts) -> np.ndarray:
    return 100 * one.counts / one.counts.sum()


def _largest(one: Counts) -> float:
    return _shares(one).max()


def _label(one: Counts) -> str:
    never = int((one.counts == 0).sum())
    absent = f", {never} of {len(one.counts)} classes never" if never else ""
    return f"epoch {one.epoch}: entropy {one.entropy:.3f}{absent}"
