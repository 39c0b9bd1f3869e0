"""Rules that find contradictions: they derive again what the papers derive from their own numbers.

The rules use decimal arithmetic and go over all printed numbers. No rule knows a table or a number of a paper.
"""

import re
from collections.abc import Callable
from decimal import Decimal

from advkd.claims.audit.findings import (
    Checked,
    comparison_key,
    finding_at,
    group_by,
    place_of,
    printed_cell,
    printed_cells,
    round_like,
)
from advkd.data import registry
from advkd.errors import UserError
from advkd.settings import config
from advkd.settings.published_cells import Cell

COUNTED = {  # what is counted of a data set, by metric
    "classes": "classes",
    "images": "images",
    "images_per_class": "images of each class",
    "train": "training images",
    "valid": "validation images",
}


def check_changes() -> Checked:
    """Check the differences in points and decreases in % that the text states about two run groups."""
    stated = [cell for cell in printed_cells() if cell.metric.endswith((".decrease", ".difference"))]
    wrong: dict[Cell, tuple[Decimal, Cell, Cell]] = {}
    for cell in stated:
        metric, change = cell.metric.rsplit(".", 1)
        own, other = printed_cell(cell.run, metric), printed_cell(cell.of, metric)
        if own is None or other is None:
            raise UserError(f"{place_of(cell)}: no table prints {metric} of both {cell.run} and {cell.of}")
        mean, than = Decimal(own.mean), Decimal(other.mean)
        derived = round_like(100 * (than - mean) / than if change == "decrease" else abs(mean - than), cell)
        if derived != Decimal(cell.mean):
            wrong[cell] = derived, other, own
    findings = []
    for cell, (derived, *sources) in wrong.items():
        numbers = " and ".join(source.mean for source in sources)
        message = f"the text states {cell.mean}, but the tables give {derived} (from {numbers})"
        fact = f"{place_of(cell)}: {cell.mean}"
        if any(_are_swapped(cell, derived, other, change[0]) for other, change in wrong.items()):
            message += "; swapped with another number of the same section"
            fact = f"{place_of(cell)}: swapped"
        findings.append(finding_at(cell, "changes", str(derived), message, fact=fact, seen=sources))
    return Checked("stated differences and percentages", len(stated), tuple(findings))


def _are_swapped(cell: Cell, derived: Decimal, other: Cell, other_derived: Decimal) -> bool:
    """Return whether two stated numbers of one section are each what the tables give for the other."""
    same_section = (other.column, other.run.split("/")[0]) == (cell.column, cell.run.split("/")[0])
    return same_section and derived == Decimal(other.mean) and other_derived == Decimal(cell.mean)


def check_averages() -> Checked:
    """Check the averages over a group's generators."""
    averages = printed_cells("mean")
    findings = []
    for cell in averages:
        base = cell.metric.partition(".")[0]
        # By metric, as several tables may print a generator.
        generators = {
            generator.metric: generator
            for generator in printed_cells("run")
            if generator.run == cell.run and re.fullmatch(rf"{base}\.G\d", generator.metric)
        }
        values = [Decimal(generator.mean) for generator in generators.values()]
        derived = round_like(sum(values, Decimal()) / len(values), cell)
        if derived != Decimal(cell.mean):
            message = f"the average of {', '.join(map(str, values))} is {derived}, not {cell.mean}"
            findings.append(finding_at(cell, "averages", str(derived), message, seen=generators.values()))
    return Checked("averages", len(averages), tuple(findings))


def check_ratios() -> Checked:
    """Check the accuracies in % of the teacher's accuracy in the same row, and their standard deviations."""
    ratios = printed_cells("ratio")
    findings = []
    for cell in ratios:
        row = [other for other in printed_cells() if (other.table, other.row) == (cell.table, cell.row)]
        student = next(other for other in row if other.metric == "accuracy")
        teacher = next(other for other in row if other.metric == "teacher_accuracy")
        for name, own, stated in (("mean", student.mean, cell.mean), ("deviation", student.std, cell.std)):
            if not own or not stated:
                continue
            derived = round_like(100 * Decimal(own) / Decimal(teacher.mean), cell)
            if derived != Decimal(stated):
                message = f"the {name}, 100 × {own} / {teacher.mean}, is {derived}, not {stated}"
                findings.append(finding_at(cell, "ratios", str(derived), message, seen=(student, teacher)))
    return Checked("ratios of accuracies", len(ratios), tuple(findings))


def check_repetitions() -> Checked:
    """Check that a number of a run group or data set is the same in all places that print it."""
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in printed_cells():
        if cell.kind != "quoted":
            groups.setdefault(("mean", cell.run, cell.metric), []).append(cell)
            if cell.std:
                groups.setdefault(("standard deviation", cell.run, cell.metric), []).append(cell)
    repeated = {key: cells for key, cells in groups.items() if len(cells) > 1}
    findings = []
    for (name, _, metric), cells in repeated.items():
        by_value = group_by(cells, _printed_mean if name == "mean" else _printed_deviation)
        if len(by_value) == 1:
            continue
        first = next(iter(by_value))
        first_cells = by_value.pop(first)
        elsewhere = [f"{value} in {', '.join(map(place_of, other_cells))}" for value, other_cells in by_value.items()]
        is_data = first_cells[0].kind == "data"
        what = f"the number of {COUNTED.get(metric, metric)}" if is_data else f"the {name} of the same runs"
        message = f"{what} is {first} here, but {'; '.join(elsewhere)}"
        derived = ", ".join(by_value)
        findings.append(finding_at(first_cells[0], "repetitions", derived, message, printed=first))
    return Checked("numbers printed in several places", len(repeated), tuple(findings))


def _printed_mean(cell: Cell) -> str:
    return cell.mean


def _printed_deviation(cell: Cell) -> str:
    return cell.std


def check_data_sets() -> Checked:
    """Check the sizes of data sets against the counts of their authors and against each other."""
    data_sets = registry.load(config.REGISTRY)
    checked, findings = 0, []
    for cell in printed_cells("data"):
        official = _official_counts(data_sets[cell.run]).get(cell.metric)
        if official is None:
            continue
        checked += 1
        if official != Decimal(cell.mean):
            name, what = _short_title(data_sets[cell.run]), COUNTED[cell.metric]
            message = f"the authors of {name} count {official} {what}, not {cell.mean}"
            findings.append(finding_at(cell, "data sets", str(official), message))
    for cells in group_by(printed_cells("data"), lambda cell: (cell.table, cell.row, cell.run)).values():
        sizes = {cell.metric: int(cell.mean) for cell in cells}
        counts = data_sets[cells[0].run].official
        if not counts or not {"train", "valid"} <= sizes.keys():
            continue
        checked += 1
        printed, official = sizes["train"] + sizes["valid"], counts["train"] + counts["valid"]
        if printed != official:
            name = _short_title(data_sets[cells[0].run])
            message = f"training and validation images add up to {printed}, but {name} has {official}"
            findings.append(finding_at(cells[-1], "data sets", str(official), message, printed=str(printed)))
    return Checked("sizes of data sets", checked, tuple(findings))


def _short_title(data_set: registry.DataSet) -> str:
    return data_set.title.partition(":")[0]


def _official_counts(data_set: registry.DataSet) -> dict[str, int | None]:
    """Return the counts of a data set's authors by metric. Without an official split, only the images are counted."""
    if not data_set.official:
        return {"images": data_set.expect.get("jpg")}
    counts: dict[str, int | None] = {**data_set.official}
    if "train" in data_set.official:
        total = data_set.official["train"] + data_set.official["valid"]
        counts["images"] = total
        counts["images_per_class"] = total // data_set.official["classes"]
    return counts


def check_marks() -> Checked:
    """Check that the best number is bold and the second best underlined, where our transcript has such marks."""
    recorded = {(cell.table, cell.metric, cell.mark) for cell in printed_cells() if cell.mark}
    checked, findings = 0, []
    groups = group_by(printed_cells("run"), lambda cell: (*comparison_key(cell), cell.metric))
    for key, cells in groups.items():
        if len(cells) == 1:
            continue
        values = [Decimal(cell.mean) for cell in cells]
        order = sorted(set(values), reverse=cells[0].better == "higher")
        for cell in cells:
            rank = order.index(Decimal(cell.mean))
            expected = _expected_mark(rank, best_is_shared=values.count(order[0]) > 1)
            if (cell.table, cell.metric, expected) not in recorded:
                expected = ""
            checked += 1
            if cell.mark != expected:
                printed = cell.mark or "no mark"
                numbers = ", ".join(other.mean for other in cells)
                message = f"{cell.mean} is number {rank + 1} of {numbers}: printed with {printed},"
                message += f" expected {expected or 'no mark'}"
                fact = f"marks of {key}"
                findings.append(finding_at(cell, "marks", expected or "no mark", message, printed=printed, fact=fact))
    return Checked("marks of the best and second best", checked, tuple(findings))


def _expected_mark(rank: int, best_is_shared: bool) -> str:
    """Return the mark of a number by its rank from 0. Two best numbers leave no second best."""
    if rank == 0:
        return "bold"
    return "underline" if rank == 1 and not best_is_shared else ""


RULES: tuple[Callable[[], Checked], ...] = (
    check_changes,
    check_averages,
    check_ratios,
    check_repetitions,
    check_data_sets,
    check_marks,
)
