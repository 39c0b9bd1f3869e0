"""Learning curves: each column of the seeds' history.csv as a small line chart."""

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeGuard, TypeVar

from advkd.runs.folder_names import MOMENTS

WIDTH, HEIGHT = 200, 64  # size of a chart in SVG units; coordinates are whole numbers
MAX_POINTS = 100  # of a line: a chart is not wider than this on a phone
LOGARITHMIC_SPAN = 50  # positive values whose largest exceeds the smallest by this factor get a logarithmic scale

Row = TypeVar("Row")
History = dict[str, list[float | None]]  # as `RunFolder.history` returns it


class Line(NamedTuple):
    """One seed's line.

    Attributes:
        seed: the seed.
        polylines: the pieces between gaps, each as "x,y x,y …".
        last: the last value, as text.
    """

    seed: int
    polylines: list[str]
    last: str


class Chart(NamedTuple):
    """The chart of one column.

    Attributes:
        column: the name of the column.
        moment: what the horizontal axis counts, "epoch" or "iteration".
        first, final: the ends of the horizontal axis, as text.
        low, high: the ends of the vertical axis, as text.
        logarithmic: whether the vertical axis is logarithmic.
        lines: one line for each seed.
    """

    column: str
    moment: str
    first: str
    final: str
    low: str
    high: str
    logarithmic: bool
    lines: list[Line]


def moment_column(history: History) -> str:
    """Return the name of the column that counts the rows of a history."""
    return next(name for name in MOMENTS if name in history)


def moments(history: History) -> list[float]:
    """Return the epoch or iteration of each row of a history."""
    return [moment for moment in history[moment_column(history)] if moment is not None]  # RunFolder refuses None


def draw_charts(histories: dict[int, History]) -> list[Chart]:
    """Return the charts of all columns of the histories, given by seed. Columns without a finite value have none."""
    by_column: dict[str, dict[int, History]] = {}
    for seed, history in histories.items():
        for column in history:
            if column not in MOMENTS:
                by_column.setdefault(column, {})[seed] = history
    charts = [draw_chart(column, with_column) for column, with_column in by_column.items()]
    return [chart for chart in charts if chart is not None]


def draw_chart(column: str, histories: dict[int, History]) -> Chart | None:
    """Return the chart of one column, which all `histories` have; None if it has no finite value."""
    values: list[float] = []
    ends: list[float] = []
    for history in histories.values():
        values += [value for value in history[column] if is_finite(value)]
        ends += moments(history)
    if not values:
        return None
    first, final = min(ends), max(ends)
    low, high = min(values), max(values)
    logarithmic = low > 0 and high / low > LOGARITHMIC_SPAN
    scale = math.log if logarithmic else float
    lines = []
    for seed, history in histories.items():
        points = []
        for moment, value in thin_out(list(zip(moments(history), history[column], strict=True))):
            if is_finite(value):
                x = position(moment, first, final)
                y = 1 - position(scale(value), scale(low), scale(high))
                points.append(f"{round(x * WIDTH)},{round(y * HEIGHT)}")
            else:
                points.append("")
        finite = [value for value in history[column] if is_finite(value)]
        # A reading of one training has no error. Four digits are as many as a chart lets one see.
        lines.append(Line(seed, join_points(points), f"{finite[-1]:.4g}" if finite else "–"))
    counted = moment_column(next(iter(histories.values())))
    return Chart(column, counted, f"{first:g}", f"{final:g}", f"{low:.4g}", f"{high:.4g}", logarithmic, lines)


def is_finite(value: float | None) -> TypeGuard[float]:
    """Tell whether a value of a history is a finite number."""
    return value is not None and math.isfinite(value)


def join_points(points: list[str]) -> list[str]:
    """Return polylines through consecutive points, each as "x,y"; an empty text interrupts the line."""
    polylines: list[list[str]] = [[]]
    for point in points:
        if point:
            polylines[-1].append(point)
        else:
            polylines.append([])
    return [" ".join(polyline) for polyline in polylines if polyline]


def position(value: float, low: float, high: float) -> float:
    """Return the position of a value between two bounds, from 0 to 1; 0.5 if the bounds are equal."""
    return (value - low) / (high - low) if high > low else 0.5


def thin_out(rows: Sequence[Row]) -> list[Row]:
    """Return at most MAX_POINTS of some rows, evenly spaced, including the first and the last."""
    if len(rows) <= MAX_POINTS:
        return list(rows)
    return [rows[round(index * (len(rows) - 1) / (MAX_POINTS - 1))] for index in range(MAX_POINTS)]
