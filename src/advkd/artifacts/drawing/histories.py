"""Terms of trainings over their epochs, one row a term and one column a data set (GIP)."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator, StrMethodFormatter

from advkd.artifacts.drawing.page import BLUE, GREEN, PURPLE, VERMILLION, margins, page

LOOKS = ((BLUE, "-", "o"), (VERMILLION, "--", "s"), (GREEN, "-.", "^"), (PURPLE, ":", "D"))
EPOCHS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]


class Track(NamedTuple):
    """One method on one data set: the columns (E,) of every seed's history, by name, and which seeds lack and why."""

    name: str
    seeds: list[dict[str, np.ndarray]]
    missing: str = ""


class Term(NamedTuple):
    """A column of the histories, how its axis is called and scaled, and the height of its row."""

    column: str
    label: str
    scale: str
    height: float


def draw(panels: dict[str, list[Track]], terms: list[Term], floors: dict[tuple[str, str], float], words: str) -> Figure:
    """Draw all `terms` of the tracks of each panel; `floors` are least values, by panel and column, drawn dotted."""
    names = list(dict.fromkeys(track.name for tracks in panels.values() for track in tracks))
    looks = {name: LOOKS[place % len(LOOKS)] for place, name in enumerate(names)}
    figure, foot = page(7.0, 1.1 * sum(term.height for term in terms) + 0.8, words)
    axes = figure.subplots(
        len(terms), len(panels), squeeze=False, sharex="col",
        gridspec_kw={"wspace": 0.17, "hspace": 0.1, "height_ratios": [term.height for term in terms],
                     **margins(figure, 0.52, 0.08, foot + 0.34, 0.42)},
    )  # fmt: skip
    for column, (name, tracks) in zip(axes.T, panels.items(), strict=True):
        column[0].set_title(name, fontweight="bold")
        for axis, term in zip(column, terms, strict=True):
            missing = [f"{track.name}: {track.missing}" for track in tracks if track.missing and axis is column[0]]
            _lines(axis, term, tracks, looks, missing)
            if (floor := floors.get((name, term.column))) is not None:
                axis.axhline(floor, color="0.35", linestyle=":", linewidth=0.9, zorder=1)
        _epochs(column[-1], tracks)
    for axis, term in zip(axes[:, 0], terms, strict=True):
        axis.set_ylabel(term.label)
        axis.yaxis.set_label_coords(-0.13, 0.5)
    keys = [
        Line2D([], [], color=colour, linestyle=dash, marker=marker, markersize=3, linewidth=1.2, label=name)
        for name, (colour, dash, marker) in looks.items()
    ]
    figure.legend(handles=keys, loc="upper center", ncols=len(keys), frameon=False, handlelength=3, borderaxespad=0.3)
    return figure


def _lines(axis: Axes, term: Term, tracks: list[Track], looks: dict[str, tuple], told: list[str]) -> None:
    """Draw a line for every seed, with markers at some epochs; write `told`, and which tracks lack the term."""
    axis.set_yscale(term.scale)
    for track in tracks:
        colour, dash, marker = looks[track.name]
        found = [columns for columns in track.seeds if term.column in columns]
        for columns in found:
            epochs = columns["epoch"]
            marked = {int(np.argmin(np.abs(epochs - epoch))) for epoch in EPOCHS if epoch <= epochs[-1]}
            axis.plot(epochs, columns[term.column], color=colour, linestyle=dash, linewidth=1.1, marker=marker,
                      markersize=2.5, markevery=sorted(marked), zorder=2)  # fmt: skip
        if track.seeds and not found:
            told = [*told, f"{track.name}: weight 0"]
    if not axis.lines:
        axis.set(yscale="linear", yticks=[], facecolor="0.95")
        axis.text(0.5, 0.5, "\n".join(told), transform=axis.transAxes, ha="center", va="center")
        return
    if told:
        axis.text(0.98, 0.95, "\n".join(told), transform=axis.transAxes, ha="right", va="top", fontsize=6.5, zorder=3,
                  bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1})  # fmt: skip
    low, high = axis.get_ylim()
    if term.scale == "log" and high < 300 * low:  # beyond, powers of ten are enough
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
    axis.grid(axis="y", color="0.9", linewidth=0.5)
    axis.set_axisbelow(True)


def _epochs(axis: Axes, tracks: list[Track]) -> None:
    """Number the epochs on a logarithmic axis: one method's training may be ten times as long as another's."""
    lengths = [history["epoch"][-1] for track in tracks for history in track.seeds]
    longest = max([2, *lengths])
    axis.set(xscale="log", xlabel="Epoch", xlim=(0.93, 1.08 * longest))
    axis.xaxis.set_major_locator(FixedLocator([epoch for epoch in EPOCHS if lengths and epoch <= longest]))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    axis.xaxis.set_minor_locator(NullLocator())
