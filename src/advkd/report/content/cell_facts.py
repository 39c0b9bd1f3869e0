"""The facts about a cell of a table, except those about its runs, as (name, value) pairs."""

from typing import Any

from advkd.artifacts.measured import Measured, measured
from advkd.artifacts.metric_digits import default_decimals, error_for_digits, images_error
from advkd.artifacts.number_format import (
    DEFAULT_DECIMALS,
    OVER_IMAGES,
    decimals_of,
    format_estimate,
    format_measured,
    format_published,
)
from advkd.artifacts.table_cells import companion_columns, teacher_is_worse
from advkd.artifacts.table_layout import our_measures
from advkd.report.content.agreement import Agreement
from advkd.settings.feature_networks import NETWORKS
from advkd.settings.published_cells import Cell


def cell_facts(cell: Cell, row: dict[str, Any], agreement: Agreement) -> list[tuple[str, str]]:
    """Return the facts about a cell, given its row of `table_cells.readable_row`."""
    facts = [
        ("metric", describe_metric(cell)),
        ("published", describe_published(cell)),
        ("marked", cell.mark),
        ("quoted", describe_quoted(cell, row)),
        ("note", cell.note),
        ("status", row["status"]),
        ("values", describe_values(row, int(cell.decimals or DEFAULT_DECIMALS))),
        ("seeds", row.get("seeds", "")),
        ("code", describe_older_evaluation(row)),
        ("±", describe_spread(row)),
        ("agreement", f"{agreement.verdict}: {agreement.reason}" if agreement.verdict else ""),
        *ratio_facts(cell, row),
        *companion_facts(cell, row),
        ("measured on", describe_images(row)),
        ("training", str(row["time"]) if row.get("time") else ""),
    ]
    return [(name, value) for name, value in facts if value]


def describe_values(row: dict[str, Any], decimals: int, prefix: str = "") -> str:
    """Return the values of the seeds, with the digits that the error of one of them allows; empty without any.

    Args:
        row: the row of a cell.
        decimals: the decimals where that error is unknown.
        prefix: of the columns of the values.
    """
    errors = [row.get(f"{prefix}std"), row.get(f"{prefix}images_error")]
    error = max((error for error in errors if error is not None), default=None)
    values = row.get(f"{prefix}values", "").split()
    return " ".join(format_estimate(float(value), error, decimals) for value in values)


def describe_spread(row: dict[str, Any]) -> str:
    """Return of what the ± behind each of our numbers is; empty without a number.

    Measures of one cell may have another ± each: of a single GAN, KID has an error over images, and FID has none.
    """
    if row["kind"] == "data":
        return ""
    spreads = []
    for measure, number in our_measures(row).items():
        spread = spread_in_words(number)
        if row["kind"] == "ratio" and number.std is None and number.images_error is not None:
            spread += ", of the student's accuracy alone"  # over seeds, teachers vary too
        spreads.append(f"{measure}: {spread}" if measure else spread)
    return "; ".join(spreads)


def spread_in_words(number: Measured) -> str:
    """Return of what the ± behind a number is, as `number_format.format_measured` chooses it."""
    if number.std is not None:
        return f"sample standard deviation over {number.n} seeds"
    if number.images_error is not None:
        return f"standard error over images ({OVER_IMAGES}): one seed"
    return "unknown: one seed"


def describe_older_evaluation(row: dict[str, Any]) -> str:
    """Return that code changed since runs behind a cell were evaluated, and which; empty if it did not."""
    runs = row.get("evaluated_by_older_code", "").split()
    return f"changed since {', '.join(runs)} was measured; the number counts" if runs else ""


def describe_metric(cell: Cell) -> str:
    """Return a cell's metric, with its unit and its better direction."""
    direction = f"{cell.better} is better" if cell.better else ""
    return ", ".join(part for part in (cell.metric, cell.unit, direction) if part)


def describe_published(cell: Cell) -> str:
    """Return a cell's published number, with the number of runs behind it."""
    if not cell.mean:
        return "not by the paper"
    number = format_published(cell.mean, cell.std)
    return f"{number}, n = {cell.n}" if cell.n else number


def describe_quoted(cell: Cell, row: dict[str, Any]) -> str:
    """Return where a quoted number is from; empty if the paper measured it."""
    if not row["quoted"]:
        return ""
    source = "a ratio of numbers that the paper quotes" if cell.kind == "ratio" else "by the paper"
    return f"{source} from elsewhere; ours is of our re-implementation"


def ratio_facts(cell: Cell, row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the student's and the teacher's accuracy behind a ratio; nothing for any other cell."""
    if "student_status" not in row:
        return []
    decimals = int(cell.decimals or DEFAULT_DECIMALS)
    student = format_measured(measured(row, "student_"), decimals)
    student = f"{student}, {row['student_status']}"
    if row.get("student_n", 0) > 1:
        student += f"; values {describe_values(row, decimals, 'student_')}"
    teacher = format_measured(measured(row, "teacher_"), decimals)
    facts = [("student", student), ("teacher", f"{teacher}, {row['teacher_status']}")]
    baseline = measured(row, "baseline_")
    if baseline is None:
        facts.append(("baseline", "none finished beside which the teacher could be judged"))
    else:
        weaker = "; the teacher is worse" if teacher_is_worse(row) else ""
        facts.append(("baseline", f"{format_measured(baseline, decimals)} of the student's network alone{weaker}"))
    return facts


def companion_facts(cell: Cell, row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the means of the metrics that are reported beside a cell's metric."""
    if not cell.run or cell.kind == "data":
        return []
    prefixes = companion_columns(cell.metric)
    means = {prefix: row.get(f"{prefix}_mean") for prefix in prefixes.values()}
    facts = []
    for name, prefix in prefixes.items():
        number = measured(row, f"{prefix}_")
        if number is not None:
            facts.append((name, describe_companion(prefix, number, {**means, cell.metric: row.get("mean")})))
    return facts


def describe_companion(name: str, number: Measured, means: dict[str, float | None]) -> str:
    """Return a metric that stands beside a cell's metric as text.

    Args:
        name: the metric, without the name of a generator.
        number: its mean over seeds.
        means: the means of all metrics beside it, by name.
    """
    number = number._replace(images_error=images_error(name, means))
    decimals = decimals_of(error_for_digits(name, number.mean, means), default_decimals(name))
    return format_measured(number, decimals)


def describe_images(row: dict[str, Any]) -> str:
    """Return the evaluation images behind a number, or the features and images behind a GAN's."""
    if "evaluation" in row:
        return f"{row['evaluation']['n_images']} images of {row['evaluation']['classes']} classes"
    if "meta" not in row:
        return ""
    meta = row["meta"]
    rank = ", rank-deficient" if meta["rank_deficient"] else ""
    return f"{NETWORKS[meta['features']].words}; {meta['n_real']} reals, {meta['n_fake']} fakes{rank}"
