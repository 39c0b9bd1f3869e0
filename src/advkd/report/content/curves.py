"""Learning curves: the columns of history.csv as small line charts, one line a seed."""

import csv
import math
from pathlib import Path
from typing import NamedTuple

WIDTH, HEIGHT = 200, 64  # of a chart, in its own units; coordinates are whole numbers
POINTS = 100  # of a line at most: a chart is no wider on a phone
SPAN = 50  # a column of positive numbers that vary by more than this factor is drawn on a logarithmic scale
MOMENTS = ("epoch", "iteration")


class History(NamedTuple):
    """A run's history: what counts its rows, and the values (rows) of each column, None where not finite."""

    moment: str
    at: list[float]
    columns: dict[str, list[float | None]]


class Line(NamedTuple):
    """One seed's line: the polylines between gaps as `x,y` pairs, and its last value."""

    seed: int
    parts: list[str]
    last: str


class Chart(NamedTuple):
    """One column: its range on both axes, in words, and a line a seed."""

    column: str
    moment: str
    first: str
    final: str
    low: str
    high: str
    logarithmic: bool
    lines: list[Line]


def read(path: Path) -> History:
    """Return the history of a run; raises OSError, ValueError, KeyError, csv.Error or UnicodeDecodeError."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise ValueError(f"{path} has no row")
    moment = next((name for name in MOMENTS if name in rows[0]), None)
    if moment is None or None in rows[0] or None in rows[-1].values():
        raise ValueError(f"{path} is cut off or has no column {' or '.join(MOMENTS)}")
    columns = {name: [finite(row[name]) for row in rows] for name in rows[0] if name != moment}
    return History(moment, [float(row[moment]) for row in rows], columns)


def finite(text: str) -> float | None:
    """Return a number, None where it is missing or not finite; raises ValueError where it is none."""
    value = float(text or "nan")
    return value if math.isfinite(value) else None


def charts(histories: dict[int, History]) -> list[Chart]:
    """Return a chart of every column that the histories of the seeds have, in their order."""
    names = dict.fromkeys(name for history in histories.values() for name in history.columns)
    found = [chart(name, {s: h for s, h in histories.items() if name in h.columns}) for name in names]
    return [one for one in found if one is not None]


def chart(column: str, histories: dict[int, History]) -> Chart | None:
    """Return the chart of one column; None where it has no number."""
    values = [value for history in histories.values() for value in history.columns[column] if value is not None]
    if not values:
        return None
    low, high = min(values), max(values)
    first, final = (pick(at for h in histories.values() for at in h.at) for pick in (min, max))
    logarithmic = low > 0 and high / low > SPAN
    scale = math.log if logarithmic else float

    def line(seed: int, history: History) -> Line:
        series = history.columns[column]
        parts: list[list[str]] = [[]]
        for number in thinned(len(series)):
            if series[number] is None:
                parts.append([])
            else:
                x = share(history.at[number], first, final)
                y = 1 - share(scale(series[number]), scale(low), scale(high))
                parts[-1].append(f"{round(x * WIDTH)},{round(y * HEIGHT)}")
        last = next((value for value in reversed(series) if value is not None), None)
        return Line(seed, [" ".join(part) for part in parts if part], "–" if last is None else f"{last:.4g}")

    moment = next(iter(histories.values())).moment
    lines = [line(*pair) for pair in histories.items()]
    return Chart(column, moment, f"{first:g}", f"{final:g}", f"{low:.4g}", f"{high:.4g}", logarithmic, lines)


def share(value: float, low: float, high: float) -> float:
    """Return where a value lies between two others, from 0 to 1; 0.5 where these are equal."""
    return (value - low) / (high - low) if high > low else 0.5


def thinned(count: int) -> list[int]:
    """Return at most POINTS numbers below `count`, evenly spaced, with the first and the last."""
    if count <= POINTS:
        return list(range(count))
    return [round(number * (count - 1) / (POINTS - 1)) for number in range(POINTS)]
