"""What the papers derive from their own numbers, derived again from paper/published, in decimal arithmetic.

Each rule goes over all printed numbers and says how many it checked and where the print departs from what it should be.
No rule knows a table or a number of a paper.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from advkd.claims.evidence import cells
from advkd.data import registry
from advkd.settings import config
from advkd.settings.catalog import Cell


@dataclass(frozen=True)
class Finding:
    """One place where a paper departs from its own numbers, or (`kind` remark) prints what is unlikely.

    where: table or text, row and column. printed, derived: both numbers, as text.
    """

    rule: str
    kind: str
    paper: str
    where: str
    printed: str
    derived: str
    words: str


@dataclass(frozen=True)
class Checked:
    """What a rule checked, in words, how many numbers or pairs, and what it found."""

    rule: str
    count: int
    findings: tuple[Finding, ...]


def place(cell: Cell) -> str:
    """Return where a number is printed."""
    if cell.table == "text":
        return f"{paper(cell)} {cell.column}"
    return f"{cell.table}: {cell.row} | {cell.column}"


def paper(cell: Cell) -> str:
    """Return the paper that prints a number."""
    return cell.table.split("_")[0] if cell.table != "text" else cell.row.split("_")[0]


def found(rule: str, cell: Cell, derived: str, words: str, kind: str = "contradiction", printed: str = "") -> Finding:
    """Return a finding at a printed number."""
    return Finding(rule, kind, paper(cell), place(cell), printed or shown(cell), derived, words)


def shown(cell: Cell) -> str:
    """Return a number as printed."""
    return f"{cell.mean} ± {cell.std}" if cell.std else cell.mean


def rounded(number: Decimal, cell: Cell) -> Decimal:
    """Round a derived number to the decimals of the printed one."""
    return number.quantize(Decimal(1).scaleb(-int(cell.decimals)), ROUND_HALF_UP)


def printed(kind: str | None = None) -> list[Cell]:
    """Return the printed numbers, or those of a kind."""
    return [cell for cell in cells() if cell.mean and kind in (None, cell.kind)]


def number_of(run: str, metric: str) -> Decimal | None:
    """Return the mean first printed for a run group in a table, not quoted from elsewhere.

    Without one under this very metric: of a group that prints a single metric of its kind (a FID, an accuracy) that.
    """
    own = [cell for cell in printed() if cell.run == run and cell.table != "text" and cell.kind != "quoted"]
    base = {metric.partition(".")[0], f"teacher_{metric}"}
    similar = [cell for cell in own if {cell.metric, cell.metric.partition(".")[0]} & base]
    exact = [cell for cell in own if cell.metric == metric]
    if not exact and len({cell.metric for cell in similar}) > 1:
        return None
    return next((Decimal(cell.mean) for cell in exact or similar), None)


@cache
def known_data() -> registry.Registry:
    """Return the data sets that are known, with their authors' counts."""
    return registry.load(config.REGISTRY)


def changes() -> Checked:
    """Differences in points and decreases in % that the text states of two run groups."""
    stated = [cell for cell in printed() if cell.metric.endswith((".decrease", ".difference"))]
    derived = {}
    for cell in stated:
        metric, change = cell.metric.rsplit(".", 1)
        ours, theirs = number_of(cell.run, metric), number_of(cell.of, metric)
        exact = 100 * (theirs - ours) / theirs if change == "decrease" else abs(ours - theirs)
        derived[cell] = rounded(exact, cell), f"from {theirs} and {ours}"
    wrong = {cell: pair for cell, pair in derived.items() if pair[0] != Decimal(cell.mean)}
    findings = []
    for cell, (value, sources) in wrong.items():
        swapped = any(
            value == Decimal(other.mean) and theirs == Decimal(cell.mean)
            for other, (theirs, _) in wrong.items()
            if (other.column, other.run.split("/")[0]) == (cell.column, cell.run.split("/")[0])
        )
        words = f"stated {cell.mean}, the tables give {value} ({sources})"
        findings.append(found("changes", cell, str(value), words + "; swapped with another in that place" * swapped))
    return Checked("stated differences and percentages", len(stated), tuple(findings))


def averages() -> Checked:
    """Averages over a group's generators."""
    findings = []
    for cell in printed("mean"):
        base = cell.metric.partition(".")[0]
        parts = [one for one in printed("run") if one.run == cell.run and re.fullmatch(rf"{base}\.G\d", one.metric)]
        values = {one.metric: Decimal(one.mean) for one in parts}
        value = rounded(sum(values.values()) / len(values), cell)
        if value != Decimal(cell.mean):
            words = f"the average of {', '.join(map(str, values.values()))} is {value}, not {cell.mean}"
            findings.append(found("averages", cell, str(value), words))
    return Checked("averages", len(printed("mean")), tuple(findings))


def ratios() -> Checked:
    """Accuracies in % of the teacher's in the same row, and their deviations."""
    findings = []
    for cell in printed("ratio"):
        row = [one for one in printed() if (one.table, one.row) == (cell.table, cell.row)]
        student = next(one for one in row if one.metric == "accuracy")
        teacher = Decimal(next(one.mean for one in row if one.metric == "teacher_accuracy"))
        for name, own, stated in (("mean", student.mean, cell.mean), ("deviation", student.std, cell.std)):
            value = rounded(100 * Decimal(own) / teacher, cell) if own and stated else None
            if value is not None and value != Decimal(stated):
                words = f"the {name}, 100 × {own} / {teacher}, is {value}, not {stated}"
                findings.append(found("ratios", cell, str(value), words))
    return Checked("ratios of accuracies", len(printed("ratio")), tuple(findings))


def repetitions() -> Checked:
    """Numbers of one run group or data set that stand in several places."""
    groups: dict[tuple, list[Cell]] = defaultdict(list)
    for cell in printed():
        if cell.kind != "quoted":
            groups["mean", cell.run, cell.metric].append(cell)
            if cell.std:
                groups["deviation", cell.run, cell.metric].append(cell)
    several = {key: group for key, group in groups.items() if len(group) > 1}
    findings = []
    for (name, run, metric), group in several.items():
        values: dict[str, list[Cell]] = defaultdict(list)
        for cell in group:
            values[cell.mean if name == "mean" else cell.std].append(cell)
        if len(values) > 1:
            (first, here), *others = values.items()
            elsewhere = "; ".join(f"{value} in {', '.join(place(cell) for cell in there)}" for value, there in others)
            words = f"{name} of {run}, {metric}: {first} here, {elsewhere}"
            derived = ", ".join(value for value, _ in others)
            findings.append(found("repetitions", here[0], derived, words, printed=first))
    return Checked("numbers printed in several places", len(several), tuple(findings))


def data_sets() -> Checked:
    """Sizes of data sets, against their authors' and against each other."""
    known, checked, findings = known_data(), 0, []
    for cell in printed("data"):
        official = known[cell.run].official or {"images": known[cell.run].expect.get("jpg")}
        if "train" in official:
            total = official["train"] + official["valid"]
            official = {**official, "images": total, "images_per_class": total // official["classes"]}
        if (value := official.get(cell.metric)) is not None:
            checked += 1
            if value != Decimal(cell.mean):
                words = f"{cell.run} has {value} ({cell.metric}) by its authors' count, not {cell.mean}"
                findings.append(found("data sets", cell, str(value), words))
    for own in by(printed("data"), lambda cell: (cell.table, cell.row, cell.run)).values():
        sizes = {cell.metric: int(cell.mean) for cell in own}
        official = known[own[0].run].official
        if official and {"train", "valid"} <= sizes.keys():
            checked += 1
            total, right = sizes["train"] + sizes["valid"], official["train"] + official["valid"]
            if total != right:
                words = f"training and validation images are {total} together, of {right} in {own[0].run}"
                findings.append(found("data sets", own[-1], str(right), words, printed=str(total)))
    return Checked("sizes of data sets", checked, tuple(findings))


def marks() -> Checked:
    """Bold for the best and underline for the second best, where a table's marks are recorded at all."""
    kept = {(cell.table, cell.metric, cell.mark) for cell in printed() if cell.mark}
    checked, findings = 0, []
    for group in by(printed("run"), lambda cell: (*compared(cell), cell.metric)).values():
        order = sorted({Decimal(cell.mean) for cell in group}, reverse=group[0].better == "higher")
        shared = [Decimal(cell.mean) for cell in group].count(order[0]) > 1
        for cell in group if len(group) > 1 else []:
            rank = order.index(Decimal(cell.mean))
            due = "bold" if rank == 0 else "underline" if rank == 1 and not shared else ""
            due = due if (cell.table, cell.metric, due) in kept else ""
            checked += 1
            if cell.mark != due and (cell.mark or due):
                others = ", ".join(one.mean for one in group)
                words = f"number {rank + 1} of {others} has {cell.mark or 'no mark'}, not {due or 'none'}"
                findings.append(found("marks", cell, due or "no mark", words, printed=cell.mark or "no mark"))
    return Checked("marks of the best and second best", checked, tuple(findings))


def compared(cell: Cell) -> tuple[str, ...]:
    """Return what the numbers that a table compares with each other share."""
    return cell.table, cell.row.rpartition(" / ")[0], "/".join(cell.run.split("/")[:3])


def by(group: Iterable[Cell], key: Callable[[Cell], Hashable]) -> dict[Any, list[Cell]]:
    """Return cells grouped by a key, in their order."""
    groups = defaultdict(list)
    for cell in group:
        groups[key(cell)].append(cell)
    return groups


RULES = (changes, averages, ratios, repetitions, data_sets, marks)
