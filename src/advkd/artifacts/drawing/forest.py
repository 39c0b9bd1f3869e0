"""Forest plots: the effect of each test, ours beside the published one, with intervals (not in the papers).

Above 0 the claim's first method is better. A band from 0 to the margin shows what would be too small to matter. A test
whose trainings are not all finished shows the differences of its seeds, and no mean.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from advkd.artifacts.drawing.page import (
    BLUE,
    ORANGE,
    SKY,
    SMALL,
    STYLE,
    WIDTH,
    drawable,
    margins,
    text_width,
    without_math,
    wrap_text,
)

HOLDS, FAILS, OPEN = "holds", "fails", "open"
SIGNS = {HOLDS: "✓", FAILS: "✗", OPEN: "?"}

DARK_VERMILLION = "#b34700"  # the palette's is too faint for words on white

# Lengths in inches.
NARROW = 2.9  # the width of a plot whose texts stand above the rows, for a card or a phone
LABELS, NUMBERS = 2.3, 1.68  # the columns of the wide plot: names to the left, numbers to the right
LINE = 0.125  # of text
STRIP, EMPTY = 0.3, 0.08  # the part of a row that holds both effects; that of a row without any
GAP = 0.1  # between rows
FOOT, HEAD = 0.38, 0.22  # the axis with its label; the legend
BARE = 0.05  # in place of both where nothing is drawn


class Estimate(NamedTuple):
    """An effect with the ends of its interval, which are None where no interval is known."""

    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Row:
    """One test.

    Attributes:
        label: what it claims.
        outcome: one of HOLDS, FAILS, OPEN; empty where nothing is decided.
        remark: the outcome in words.
        ours: our effect; None before the test.
        published: the published effect; None where none is printed.
        margin: the smallest effect that would matter; None if it is not known yet.
        seeds: the differences of single seeds.
        numbers: lines of text about both effects.
    """

    label: str
    outcome: str
    remark: str
    ours: Estimate | None
    published: Estimate | None
    margin: float | None
    seeds: tuple[float, ...]
    numbers: tuple[str, ...] = ()

    @property
    def is_drawn(self) -> bool:
        """Whether there is any effect, or a difference of a seed."""
        return bool(self.ours or self.published or self.seeds)


class Theme(NamedTuple):
    """Colours: ground, text, fainter text, the band of the margin, and one for each outcome."""

    ground: str
    ink: str
    faint: str
    band: str
    outcomes: dict[str, str]


LIGHT = Theme("#ffffff", "#1b1d21", "#545a63", "#e4e7ec", {HOLDS: BLUE, FAILS: DARK_VERMILLION, OPEN: "#545a63"})
DARK = Theme("#15171b", "#e8eaee", "#a9b0bb", "#31363f", {HOLDS: SKY, FAILS: ORANGE, OPEN: "#a9b0bb"})
MARKERS = {HOLDS: "o", FAILS: "s", OPEN: "o"}


def draw(rows: list[Row], axis_label: str, narrow: bool = False, theme: Theme = LIGHT) -> Figure:
    """Draw the rows from top to bottom over one axis; there is none where nothing is known.

    Args:
        rows: at least one.
        axis_label: what the effects are, with their unit.
        narrow: whether labels stand above their rows, without numbers, so that the plot fits on a phone.
        theme: the colours.
    """
    width = NARROW if narrow else WIDTH
    labels, heights = [], []
    for row in rows:
        room = NARROW - 0.3 - text_width(_outcome(row)) if narrow else LABELS - 0.15
        label = wrap_text(drawable(row.label), room)
        text, strip = len(label) * LINE, STRIP if row.is_drawn else EMPTY
        beside = max(strip, text, LINE * (1 + len(row.numbers)))
        labels.append(label)
        heights.append(GAP + (text + strip if narrow else beside))
    foot, head = (FOOT, HEAD) if any(row.is_drawn for row in rows) else (BARE, BARE)
    figure = Figure(figsize=(width, sum(heights) + foot + head), facecolor=theme.ground)
    left, right = (0.08, 0.08) if narrow else (LABELS, NUMBERS)
    axis = figure.add_subplot(facecolor=theme.ground)
    figure.subplots_adjust(**margins(figure, left, right, foot, head))
    axis.set(xlim=_limits(rows), ylim=(0, sum(heights)), yticks=[])
    top = sum(heights)
    for row, label, height in zip(rows, labels, heights, strict=True):
        strip = height - GAP - len(label) * LINE if narrow else height - GAP
        bottom = top - height + GAP / 2
        if row.is_drawn:  # in the narrow plot a longer line would run through the words
            ends = (bottom, bottom + strip) if narrow else (top - height, top)
            axis.plot([0, 0], ends, color=theme.ink, linewidth=0.8, zorder=1)
            _draw_effects(axis, row, bottom, strip, theme)
        _write_texts(axis, row, label, bottom, height - GAP, narrow, theme)
        top -= height
    _finish(figure, axis, axis_label, rows, theme)
    return figure


def _limits(rows: list[Row]) -> tuple[float, float]:
    """Return the ends of the axis: all that is drawn, and 0, with some room at both sides."""
    shown = [0.0]
    for row in rows:
        shown += [*row.seeds, row.margin or 0.0]
        for estimate in (row.ours, row.published):
            shown += [value for value in estimate or () if value is not None]
    room = 0.06 * (max(shown) - min(shown)) or 1.0
    return min(shown) - room, max(shown) + room


def _draw_effects(axis: Axes, row: Row, bottom: float, height: float, theme: Theme) -> None:
    """Draw the published effect in the upper half of a strip, ours below the middle, and seeds below ours."""
    middle = bottom + height / 2
    if row.margin is not None:
        axis.add_patch(Rectangle((0, bottom), row.margin, height, color=theme.band, linewidth=0, zorder=0))
    if row.published:
        _draw_estimate(axis, row.published, middle + 0.075, theme.faint, "D", theme.ground, (0, (2, 1.5)))
    colour = theme.outcomes.get(row.outcome, theme.faint)
    place = middle - 0.045
    axis.plot(row.seeds, [middle - 0.125 if row.ours else place] * len(row.seeds), linestyle="", marker="|",
              markersize=4, markeredgewidth=0.8, color=colour, zorder=2)  # fmt: skip
    if row.ours:
        face = colour if row.outcome in (HOLDS, FAILS) else theme.ground
        _draw_estimate(axis, row.ours, place, colour, MARKERS.get(row.outcome, "o"), face, "-")


def _draw_estimate(axis: Axes, estimate: Estimate, y: float, colour: str, marker: str, face: str, line: Any) -> None:
    if estimate.low is not None and estimate.high is not None:
        axis.plot([estimate.low, estimate.high], [y, y], color=colour, linestyle=line, linewidth=1.3, zorder=2)
    axis.plot(estimate.mean, y, marker=marker, markersize=4.5, color=colour, markerfacecolor=face,
              markeredgewidth=1, zorder=3)  # fmt: skip


def _write_texts(
    axis: Axes, row: Row, label: list[str], bottom: float, height: float, narrow: bool, theme: Theme
) -> None:
    """Write a row's name and outcome: above its strip or, in the wide plot, to the left and the right."""
    colour = theme.outcomes.get(row.outcome, theme.faint)
    outcome = _outcome(row)
    name = without_math("\n".join(label))
    frame = axis.get_yaxis_transform()
    box = {"facecolor": theme.ground, "edgecolor": "none", "pad": 0.6}
    if narrow:
        axis.text(0, bottom + height, name, transform=frame, ha="left", va="top", color=theme.ink, bbox=box, zorder=4,
                  linespacing=1.15)  # fmt: skip
        axis.text(1, bottom + height, outcome, transform=frame, ha="right", va="top", color=colour, fontweight="bold",
                  fontsize=SMALL, bbox=box, zorder=4)  # fmt: skip
        return
    middle = bottom + height / 2
    axis.text(-0.03, middle, name, transform=frame, ha="right", va="center", color=theme.ink, linespacing=1.15)
    y = middle + LINE * len(row.numbers) / 2
    axis.text(1.03, y, outcome, transform=frame, ha="left", va="center", color=colour, fontweight="bold")
    for line in row.numbers:
        y -= LINE
        axis.text(1.03, y, line, transform=frame, ha="left", va="center", color=theme.ink, fontsize=SMALL)


def _outcome(row: Row) -> str:
    return f"{SIGNS.get(row.outcome, '')} {row.remark}".strip()


def _finish(figure: Figure, axis: Axes, axis_label: str, rows: list[Row], theme: Theme) -> None:
    if not any(row.is_drawn for row in rows):
        axis.set_axis_off()
        return
    axis.spines[["left", "right", "top"]].set_visible(False)
    axis.spines["bottom"].set_color(theme.faint)
    axis.tick_params(axis="x", colors=theme.faint)
    axis.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.set_xlabel(without_math(drawable(axis_label)), color=theme.faint)
    handles: list[Any] = []
    if any(row.published for row in rows):
        handles.append(_handle("D", theme.faint, theme.ground, (0, (2, 1.5)), "paper"))
    if any(row.ours for row in rows):
        handles.append(_handle("o", theme.ink, theme.ink, "-", "here"))
    if any(row.seeds for row in rows):
        handles.append(_handle("|", theme.ink, theme.ink, "", "seed"))
    if any(row.margin is not None for row in rows):
        handles.append(Patch(color=theme.band, label="too small to matter"))
    if handles:
        figure.legend(
            handles=handles, loc="upper left", ncols=len(handles), frameon=False, labelcolor=theme.ink,
            fontsize=SMALL, handlelength=1.6, columnspacing=1.1, handletextpad=0.5, borderaxespad=0.1,
            bbox_to_anchor=(0, 1),
        )  # fmt: skip


def _handle(marker: str, colour: str, face: str, line: Any, label: str) -> Line2D:
    size = STYLE["font.size"] - 2.5
    return Line2D([], [], marker=marker, color=colour, markerfacecolor=face, linestyle=line, markersize=size,
                  linewidth=1.2, label=label)  # fmt: skip
