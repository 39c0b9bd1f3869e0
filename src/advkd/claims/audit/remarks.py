"""Rules that find unlikely numbers and numbers that speak against a paper's own method, without a contradiction.

As in `rules`, no rule knows a table or a number of a paper.
"""

from collections.abc import Callable
from decimal import Decimal
from itertools import combinations

from advkd.claims.audit.findings import (
    Checked,
    Finding,
    finding_at,
    format_printed,
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

COPIED_DIGITS = 6  # two run groups of a table that agree in at least so many digits are called a copy
SPREAD_RATIO = 4  # how many times larger one standard deviation of the same runs may be than the other
F1_ABOVE_ACCURACY = Decimal("0.5")  # points by which macro F1 may exceed accuracy
PLAIN_METHODS = ("baseline", "kd")  # methods that the variants of another method should beat


def check_copies() -> Checked:
    """Check whether different run groups have the same digits in means and standard deviations."""
    with_std = [cell for cell in printed_cells("run") if cell.std and cell.table != "text"]
    copies: dict[tuple[str, str, str], list[tuple[Cell, Cell]]] = {}
    checked = 0
    for cells in group_by(with_std, lambda cell: (cell.table, cell.metric)).values():
        for first, second in combinations(cells, 2):
            if first.run == second.run:
                continue
            checked += 1
            if format_printed(first) == format_printed(second):
                copies.setdefault((first.table, first.run, second.run), []).append((first, second))
    findings = []
    for pairs in copies.values():
        firsts, seconds = zip(*pairs, strict=True)
        digits = sum(_significant_digits(number) for cell in firsts for number in (cell.mean, cell.std))
        if digits >= COPIED_DIGITS:
            numbers = ", ".join(map(format_printed, firsts))
            message = f"{numbers}, all {digits} digits as in {place_of(seconds[0])}: probably a copy"
            findings.append(
                finding_at(firsts[0], "copies", "numbers of two trainings", message, "remark", seen=firsts + seconds)
            )
    return Checked("run groups that agree in every digit", checked, tuple(findings))


def _significant_digits(printed: str) -> int:
    return len(printed.replace(".", "").lstrip("0"))


def check_f1() -> Checked:
    """Check macro F1 against the Top-1 error of the same runs: their standard deviations and their means."""
    rows = group_by(printed_cells("run"), lambda cell: (cell.table, cell.run))
    checked, findings = 0, []
    for cells in rows.values():
        by_metric = {cell.metric: cell for cell in cells}
        if not {"top1_error", "f1"} <= by_metric.keys():
            continue
        checked += 1
        error, f1 = by_metric["top1_error"], by_metric["f1"]
        fact = f"F1 of {error.table}, {error.run}"
        error_std, f1_std = Decimal(error.std), 100 * Decimal(f1.std)  # in points
        if _differ_by_more_than_rounding(error_std, f1_std):
            message = (
                f"the same runs have a standard deviation of {error.std} points in Top-1 error and of {f1_std:.1f} in"
                f" macro F1, which differ by more than a factor of {SPREAD_RATIO} whatever was rounded"
            )
            derived = f"F1 {format_printed(f1)}"
            findings.append(finding_at(error, "F1 and error", derived, message, "remark", fact=fact, seen=(error, f1)))
        accuracy = 100 - Decimal(error.mean)
        if 100 * Decimal(f1.mean) - accuracy > F1_ABOVE_ACCURACY:
            message = f"macro F1 is above the accuracy of the same runs, {accuracy} %"
            derived = f"accuracy {accuracy}"
            findings.append(finding_at(f1, "F1 and error", derived, message, "remark", fact=fact, seen=(error, f1)))
    return Checked("F1 beside Top-1 error of the same runs", checked, tuple(findings))


def _differ_by_more_than_rounding(error_std: Decimal, f1_std: Decimal) -> bool:
    """Return whether one standard deviation exceeds SPREAD_RATIO times the other, whatever rounding changed.

    Errors are printed with two decimals in %, F1 with three decimals as a fraction.
    """
    deviations = [(error_std, Decimal("0.005")), (f1_std, Decimal("0.05"))]
    (small, small_rounding), (large, large_rounding) = sorted(deviations)
    return large - large_rounding > SPREAD_RATIO * (small + small_rounding)


def check_chance() -> Checked:
    """Check for accuracies that are exactly those of always naming the same class."""
    data_sets = registry.load(config.REGISTRY)
    accuracies = [cell for cell in printed_cells("run") if cell.metric == "accuracy"]
    message = "exactly chance, although the student is trained on real labels: the training probably became non-finite"
    findings = [
        finding_at(
            cell, "chance", f"100/{_classes(cell, data_sets)}", message, "remark", fact=f"chance in {cell.table}"
        )
        for cell in accuracies
        if _is_chance(cell, data_sets)
    ]
    return Checked("accuracies at chance", len(accuracies), tuple(findings))


def check_ablations() -> Checked:
    """Check tables that only show variants of one method against the method as published and against plainer ones."""
    data_sets = registry.load(config.REGISTRY)
    tables = group_by(
        [cell for cell in printed_cells("run") if cell.table != "text"], lambda cell: (cell.table, cell.metric)
    )
    checked = 0
    findings: list[Finding] = []
    for (_, metric), cells in tables.items():
        settings = [set(cell.run.split("+")[1:]) for cell in cells]
        methods = {cell.run.split("+")[0] for cell in cells}
        if len(cells) < 2 or not all(settings) or len(methods) > 1:
            continue
        checked += len(cells)
        shared = ", ".join(sorted(set.intersection(*settings))) or "nothing"
        sign = 1 if cells[0].better == "higher" else -1
        best = max(cells, key=lambda cell: sign * Decimal(cell.mean))
        learnt = [cell for cell in cells if not _is_chance(cell, data_sets)]
        method = methods.pop()
        fact = f"variants in {cells[0].table}"
        for run in (method, *(f"{method.rpartition('/')[0]}/{plain}" for plain in PLAIN_METHODS)):
            other = printed_cell(run, metric)
            if other is None:
                continue
            worse = [cell for cell in learnt if sign * (Decimal(other.mean) - Decimal(cell.mean)) > 0]
            than = f"worse than {other.mean} ({place_of(other)})"
            if best in worse:
                message = f"the best of its {len(cells)} variants, {best.mean} (all with {shared}), is {than}"
                findings.append(finding_at(best, "ablations", other.mean, message, "remark", fact=fact, seen=(other,)))
            elif worse:
                message = f"{len(worse)} of the {len(learnt)} variants that learnt are {than}"
                printed = f"{len(worse)} variants"
                findings.append(
                    finding_at(worse[0], "ablations", other.mean, message, "remark", printed, fact=fact, seen=(other,))
                )
    return Checked("variants against plainer methods", checked, tuple(findings))


def _is_chance(cell: Cell, data_sets: registry.Registry) -> bool:
    """Return whether a number is the accuracy of always naming the same class."""
    if cell.metric != "accuracy":
        return False
    return round_like(Decimal(100) / _classes(cell, data_sets), cell) == Decimal(cell.mean)


def _classes(cell: Cell, data_sets: registry.Registry) -> int:
    """Return the number of classes of a run's data set, as its authors count them."""
    official = data_sets[cell.run.split("/")[1]].official
    if official is None:
        raise UserError(f"{config.REGISTRY}: {cell.run.split('/')[1]} has no official number of classes")
    return official["classes"]


REMARKS: tuple[Callable[[], Checked], ...] = (check_copies, check_f1, check_chance, check_ablations)
