"""What the papers print and is unlikely, or tells against their methods, without contradicting another number.

As in `audit_rules`, no rule knows a table or a number of a paper.
"""

from collections import defaultdict
from decimal import Decimal
from itertools import combinations

from advkd.claims.audit_rules import Checked, Finding, by, found, known_data, number_of, printed, rounded, shown
from advkd.settings.catalog import Cell

COPIED = 6  # digits that agree in two run groups of a table before they are called a copy
SPREADS = 4  # how many times one deviation of the same runs may be the other, after rounding
ABOVE = Decimal("0.5")  # points by which macro F1 may exceed accuracy
PLAIN = ("baseline", "kd")  # methods that a variant of another one should beat


def copies() -> Checked:
    """Different run groups with the same digits in mean and deviation."""
    spread = [cell for cell in printed("run") if cell.std and cell.table != "text"]
    twins: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    checked = 0
    for group in by(spread, lambda cell: (cell.table, cell.metric)).values():
        pairs = [pair for pair in combinations(group, 2) if pair[0].run != pair[1].run]
        checked += len(pairs)
        for one, other in pairs:
            if shown(one) == shown(other):
                twins[one.table, one.run, other.run].append(one)
    findings = []
    for (_, one, other), same in twins.items():
        digits = sum(len(number.replace(".", "").lstrip("0")) for cell in same for number in (cell.mean, cell.std))
        if digits >= COPIED:
            numbers = ", ".join(f"{cell.metric} {shown(cell)}" for cell in same)
            words = f"{one} and {other} agree in all {digits} digits of {numbers}: probably a copy"
            findings.append(found("copies", same[0], "numbers of two trainings", words, "remark"))
    return Checked("run groups that agree in every digit", checked, tuple(findings))


def f1_beside_error() -> Checked:
    """Macro F1 and Top-1 error of the same runs: their deviations, and F1 against accuracy."""
    groups = by(printed("run"), lambda cell: (cell.table, cell.run)).values()
    rows = [{cell.metric: cell for cell in group} for group in groups]
    pairs = [(row["top1_error"], row["f1"]) for row in rows if {"top1_error", "f1"} <= row.keys()]
    findings = []
    for error, f1 in pairs:
        # Deviations in points, each with the most that rounding may have changed it by.
        deviations = [(Decimal(error.std), Decimal("0.005")), (100 * Decimal(f1.std), Decimal("0.05"))]
        (narrow, up), (wide, down) = sorted(deviations)
        if wide - down > SPREADS * (narrow + up):
            words = (
                f"the same runs scatter by {error.std} points in Top-1 error and by {100 * Decimal(f1.std):.1f} in"
                f" macro F1, more than {SPREADS} times apart whatever was rounded"
            )
            findings.append(found("F1 and error", error, f"F1 {shown(f1)}", words, "remark"))
        accuracy = 100 - Decimal(error.mean)
        if 100 * Decimal(f1.mean) - accuracy > ABOVE:
            words = f"macro F1 is above the accuracy of the same runs, {accuracy} %"
            findings.append(found("F1 and error", f1, f"accuracy {accuracy}", words, "remark"))
    return Checked("F1 beside Top-1 error of the same runs", len(pairs), tuple(findings))


def chance() -> Checked:
    """Accuracies that are exactly those of naming one class always."""
    accuracies = [cell for cell in printed("run") if cell.metric == "accuracy"]
    words = (
        "exactly chance, though the student is trained on real labels: most likely a training that became non-finite"
    )
    findings: list[Finding] = [
        found("chance", cell, f"100/{classes_of(cell)}", words, "remark") for cell in accuracies if at_chance(cell)
    ]
    return Checked("accuracies at chance", len(accuracies), tuple(findings))


def ablations() -> Checked:
    """Tables of variants alone: their best against the method as published, and all against plainer methods."""
    tables = by([cell for cell in printed("run") if cell.table != "text"], lambda cell: (cell.table, cell.metric))
    checked, findings = 0, []
    for (_, metric), group in tables.items():
        settings = [set(cell.run.split("+")[1:]) for cell in group]
        methods = {cell.run.split("+")[0] for cell in group}
        if len(group) < 2 or not all(settings) or len(methods) > 1:
            continue
        checked += len(group)
        (method,), sign = methods, 1 if group[0].better == "higher" else -1
        best = max(group, key=lambda cell: sign * Decimal(cell.mean))
        shared = ", ".join(sorted(set.intersection(*settings))) or "nothing"
        learnt = [cell for cell in group if not at_chance(cell)]
        for name in (method, *(f"{method.rpartition('/')[0]}/{plain}" for plain in PLAIN)):
            other = number_of(name, metric)
            worse = [cell for cell in learnt if other is not None and sign * (other - Decimal(cell.mean)) > 0]
            if best in worse:
                words = f"the best of {len(group)} variants, which share {shared}, is worse than {name}, {other}"
                findings.append(found("ablations", best, str(other), words, "remark"))
            elif worse:
                words = f"{len(worse)} of the {len(learnt)} variants that learnt are worse than {name}, {other}"
                findings.append(found("ablations", worse[0], str(other), words, "remark", f"{len(worse)} variants"))
    return Checked("variants against plainer methods", checked, tuple(findings))


def at_chance(cell: Cell) -> bool:
    """Tell whether a number is the accuracy of naming one class always."""
    return cell.metric == "accuracy" and rounded(Decimal(100) / classes_of(cell), cell) == Decimal(cell.mean)


def classes_of(cell: Cell) -> int:
    """Return the number of classes of a run's data set, by its authors."""
    return known_data()[cell.run.split("/")[1]].official["classes"]


REMARKS = (copies, f1_beside_error, chance, ablations)
