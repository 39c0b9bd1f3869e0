"""Loss terms over the epochs of trainings: one row per term, one column per data set (GIP)."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator, StrMethodFormatter

from advkd.artifacts.drawing.page import BLUE, GREEN, PURPLE, SMALL, VERMILLION, margins, page_width, put_label

LOOKS = ((BLUE, "-", "o"), (VERMILLION, "--", "s"), (GREEN, "-.", "^"), (PURPLE, ":", "D"))  # colour, line and marker
EPOCHS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]  # epochs with a tick and a marker
Look = tuple[str, Any, str]  # an entry of LOOKS
FEW_DECADES = 300  # a logarithmic axis over a smaller range has ticks between the powers of ten


class Track(NamedTuple):
    """One method on one data set.

    Attributes:
        name: the method's name.
        seeds: for each seed, the columns (E,) of its history by name; one of them is `epoch`.
    """

    name: str
    seeds: list[dict[str, np.ndarray]]


class Term(NamedTuple):
    """A column of the histories, the label and scale of its axis, and the relative height of its row."""

    column: str
    label: str
    scale: str
    height: float


def draw(panels: dict[str, list[Track]], terms: list[Term], floors: dict[tuple[str, str], float]) -> Figure:
    """Draw the terms of all tracks.

    Args:
        panels: the tracks of each data set.
        terms: the terms, from top to bottom.
        floors: by data set and column of a term, its lowest possible value, drawn dotted.
    """
    looks = _looks(panels)
    figure = Figure(figsize=(page_width(len(panels)), 1.1 * sum(term.height for term in terms) + 0.8))
    axes = figure.subplots(
        len(terms), len(panels), squeeze=False, sharex="col",
        gridspec_kw={"wspace": 0.2, "hspace": 0.1, "height_ratios": [term.height for term in terms],
                     **margins(figure, 0.52, 0.08, 0.34, 0.42)},
    )  # fmt: skip
    for column, (name, tracks) in zip(axes.T, panels.items(), strict=True):
        column[0].set_title(name, fontweight="bold")
        for axis, term in zip(column, terms, strict=True):
            _draw_term(axis, term, tracks, looks)
            axis.set_ylabel(term.label)
            put_label(axis, 0.38)
            floor = floors.get((name, term.column))
            if floor is not None:
                axis.axhline(floor, color="0.35", linestyle=":", linewidth=0.9, zorder=1)
        _number_epochs(column[-1], tracks)
    handles = [
        Line2D([], [], color=colour, linestyle=line, marker=marker, markersize=3, linewidth=1.2, label=name)
        for name, (colour, line, marker) in looks.items()
    ]
    figure.legend(handles=handles, loc="upper center", ncols=len(handles), frameon=False, handlelength=3,
                  borderaxespad=0.3)  # fmt: skip
    return figure


def _looks(panels: dict[str, list[Track]]) -> dict[str, Look]:
    """Return the look of each method, in the order of their first track."""
    looks: dict[str, Look] = {}
    for tracks in panels.values():
        for track in tracks:
            if track.name not in looks:
                looks[track.name] = LOOKS[len(looks) % len(LOOKS)]
    return looks


def _draw_term(axis: Axes, term: Term, tracks: list[Track], looks: dict[str, Look]) -> None:
    """Draw a line for every seed, with markers at some epochs, and write which tracks lack the term."""
    axis.set_yscale(term.scale)
    remarks = []
    for track in tracks:
        with_term = [columns for columns in track.seeds if term.column in columns]
        for columns in with_term:
            _draw_seed(axis, columns["epoch"], columns[term.column], looks[track.name])
        if track.seeds and not with_term:
            remarks.append(f"{track.name}: weight 0")
    if not axis.lines:
        axis.set(yscale="linear", yticks=[], facecolor="0.95")
        axis.text(0.5, 0.5, "\n".join(remarks), transform=axis.transAxes, ha="center", va="center")
        return
    if remarks:
        axis.text(0.98, 0.95, "\n".join(remarks), transform=axis.transAxes, ha="right", va="top", fontsize=SMALL,
                  zorder=3, bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1})  # fmt: skip
    low, high = axis.get_ylim()
    if term.scale == "log" and high < FEW_DECADES * low:
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
    axis.grid(axis="y", color="0.9", linewidth=0.5)
    axis.set_axisbelow(True)


def _draw_seed(axis: Axes, epochs: np.ndarray, values: np.ndarray, look: Look) -> None:
    colour, line, marker = look
    # The row of the history that is nearest to each marked epoch: a history may have fewer rows than epochs.
    marked = {int(np.argmin(np.abs(epochs - epoch))) for epoch in EPOCHS if epoch <= epochs[-1]}
    axis.plot(epochs, values, color=colour, linestyle=line, linewidth=1.1, marker=marker, markersize=2.5,
              markevery=sorted(marked), zorder=2)  # fmt: skip


def _number_epochs(axis: Axes, tracks: list[Track]) -> None:
    """Number the epochs on a logarithmic axis, since one method's training may be ten times as long as another's."""
    lengths = []
    for track in tracks:
        lengths += [columns["epoch"][-1] for columns in track.seeds]
    longest = max([2, *lengths])
    axis.set(xscale="log", xlabel="Epoch", xlim=(0.93, 1.08 * longest))
    ticks = [epoch for epoch in EPOCHS if epoch <= longest] if lengths else []
    axis.xaxis.set_major_locator(FixedLocator(ticks))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    axis.xaxis.set_minor_locator(NullLocator())
