"""Which of our numbers in a table are the best and second best."""

import re
from typing import Any, NamedTuple

from advkd.artifacts.table_cells import DAMAGED

MARKS = ("bold", "underline")  # of the best and the second best


class Group(NamedTuple):
    """Numbers that a table compares have the same metric, the same data set and the same first levels of the row."""

    levels: str
    metric: str
    dataset: str


def best_marks(rows: list[dict[str, Any]]) -> dict[int, str]:
    """Return the marks of our best and second best means, by the place of their row in `rows`.

    Means are compared within a `Group`, whether they stand below or beside each other in the table. All generators of a
    GAN share a metric; the mean over them is a metric of its own. Nothing is marked in a group that lacks a number. A
    run that diverged or was blocked does not count as lacking. Equal values share a mark. A teacher's number is equal
    in all rows and therefore has no mark.
    """
    groups: dict[Group, list[tuple[float, int]]] = {}  # by group, (rank value: lower is better, place)
    incomplete = set()
    for place, row in enumerate(rows):
        if not (row["run"] and row["better"]):
            continue
        group = group_of(row)
        value, decimals = leading_number(row)
        if value is not None:
            sign = 1 if row["better"] == "lower" else -1
            groups.setdefault(group, []).append((sign * round(value, decimals), place))
        elif not row.get("ended") or row["status"] == DAMAGED:
            incomplete.add(group)
    marks: dict[int, str] = {}
    for group, numbers in groups.items():
        if group not in incomplete:
            marks |= mark_numbers(numbers)
    return marks


def group_of(row: dict[str, Any]) -> Group:
    """Return the group of numbers that a row is compared with."""
    levels = row["row"].rpartition(" / ")[0]
    metric = re.sub(r"\.G\d+$", "", row["metric"])
    return Group(levels, metric, row["run"].split("/")[1])


def mark_numbers(numbers: list[tuple[float, int]]) -> dict[int, str]:
    """Return the marks of the two lowest of (value, place) pairs, by place; none where all values are equal."""
    ranked = sorted({value for value, _ in numbers})
    if len(ranked) == 1:
        return {}
    mark_of_value = dict(zip(ranked, MARKS, strict=False))
    return {place: mark_of_value[value] for value, place in numbers if value in mark_of_value}


def leading_number(row: dict[str, Any]) -> tuple[float | None, int]:
    """Return the number that a table shows first for a cell, and its decimals: for GANs KID x 1000 where KID leads."""
    if "kid_mean" in row and not row["meta"]["fid_leads"]:
        return 1000 * row["kid_mean"], 2
    return row.get("mean"), int(row["decimals"] or 2)
