"""Which of our numbers in a table are the best and second best, as far as their errors tell."""

import re
from typing import Any, NamedTuple

from advkd.artifacts.measured import Measured, differ, measured, measured_kid
from advkd.artifacts.table_cells import DAMAGED
from advkd.settings.names import Run

BEST, SECOND = "bold", "underline"
MEANING = (
    "Of ours, bold: the best, and every number whose difference from it has a 95 % interval that contains 0 (over"
    " seeds; over images where there is one seed); underlined: in the same way, the best of the others."
)
UNMARKED = "None of ours is marked as the best: the 95 % intervals of the differences contain 0 or are unknown."


class Group(NamedTuple):
    """Numbers that a table compares have the same metric, the same data and the same first levels of the row.

    The same data: of one data set, and of as many training images of each class.
    """

    levels: str
    metric: str
    data: tuple[str, str]


class Ranked(NamedTuple):
    """A number with the place of its row."""

    number: Measured
    place: int


def best_marks(rows: list[dict[str, Any]]) -> dict[int, str]:
    """Return the marks of our best and second best means, by the place of their row in `rows`.

    The best and all numbers that do not differ from it (`measured.differ`) have the first mark. Of the others, the best
    and all that do not differ from that one have the second. A group has no mark if none differs from the best, or if
    it is unknown whether one does.
    """
    marks: dict[int, str] = {}
    for ranking in rankings(rows):
        marks |= mark_numbers(ranking)
    return marks


def marks_in_words(rows: list[dict[str, Any]]) -> list[str]:
    """Return what the marks in a table mean, or why there are none; nothing where no numbers are compared."""
    if best_marks(rows):
        return [MEANING]
    return [UNMARKED] if any(len(ranking) > 1 for ranking in rankings(rows)) else []


def rankings(rows: list[dict[str, Any]]) -> list[list[Ranked]]:
    """Return the compared numbers of each `Group`, the best first, whether they stand below or beside each other.

    All generators of a GAN share a metric; the mean over them is a metric of its own. A group that lacks a number is
    left out. A run that diverged or was blocked does not count as lacking.
    """
    groups: dict[Group, list[Ranked]] = {}
    better: dict[Group, str] = {}
    incomplete = set()
    for place, row in enumerate(rows):
        if not (row["run"] and row["better"]):
            continue
        group = group_of(row)
        number = leading_number(row)
        if number is not None:
            groups.setdefault(group, []).append(Ranked(number, place))
            better[group] = row["better"]
        elif not row.get("ended") or row["status"] == DAMAGED:
            incomplete.add(group)
    ranked = []
    for group, numbers in groups.items():
        if group not in incomplete:
            ranked.append(sorted(numbers, key=lambda entry: entry.number.mean, reverse=better[group] == "higher"))
    return ranked


def group_of(row: dict[str, Any]) -> Group:
    """Return the group of numbers that a row is compared with."""
    levels = row["row"].rpartition(" / ")[0]
    metric = re.sub(r"\.G\d+$", "", row["metric"])
    run = Run.parse(f"{row['run']}/seed0")
    return Group(levels, metric, (run.dataset, dict(run.variant).get("train_per_class", "")))


def mark_numbers(ranking: list[Ranked]) -> dict[int, str]:
    """Return the marks of ranked numbers by place, as `best_marks` describes."""
    first, others = split_from_best(ranking)
    if not others:
        return {}
    marks = {entry.place: BEST for entry in first}
    second, _ = split_from_best(others)
    return marks | {entry.place: SECOND for entry in second}


def split_from_best(ranking: list[Ranked]) -> tuple[list[Ranked], list[Ranked]]:
    """Return those of ranked numbers that do not differ from the first, and the others.

    Where it is unknown whether one differs, both lists are empty.
    """
    same: list[Ranked] = []
    others: list[Ranked] = []
    best = ranking[0].number
    for entry in ranking:
        is_different = entry.number.mean != best.mean and differ(entry.number, best)
        if is_different is None:
            return [], []
        if is_different:
            others.append(entry)
        else:
            same.append(entry)
    return same, others


def leading_number(row: dict[str, Any]) -> Measured | None:
    """Return the number that a table shows first for a cell: for GANs KID x 1000 where KID leads."""
    if "kid_mean" in row and not row["meta"]["fid_leads"]:
        return measured_kid(row)
    return measured(row)
