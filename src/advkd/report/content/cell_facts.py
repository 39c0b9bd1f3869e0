"""The facts about a cell of a table, except those about its runs, as (name, value) pairs."""

from typing import Any

from advkd.artifacts.number_format import format_number, format_published
from advkd.artifacts.table_cells import companion_columns
from advkd.report.content.agreement import Agreement
from advkd.settings.catalog import Cell


def cell_facts(cell: Cell, row: dict[str, Any], agreement: Agreement) -> list[tuple[str, str]]:
    """Return the facts about a cell, given its row of `table_cells.readable_row`."""
    facts = [
        ("metric", describe_metric(cell)),
        ("published", describe_published(cell)),
        ("marked", cell.mark),
        ("quoted", describe_quoted(cell, row)),
        ("note", cell.note),
        ("status", row["status"]),
        ("values", row.get("values", "")),
        ("seeds", row.get("seeds", "")),
        ("agreement", f"{agreement.verdict}: {agreement.reason}" if agreement.verdict else ""),
        *ratio_facts(cell, row),
        *companion_facts(cell, row),
        ("measured on", describe_images(row)),
    ]
    return [(name, value) for name, value in facts if value]


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
    decimals = int(cell.decimals or 2)
    student = format_number(row.get("student_mean"), decimals, row.get("student_std"))
    student = f"{student}, {row['student_status']}"
    if row.get("student_n", 0) > 1:
        student += f"; values {row['student_values']}"
    teacher = format_number(row.get("teacher_accuracy"), decimals)
    return [("student", student), ("teacher", f"{teacher}, {row['teacher_status']}")]


def companion_facts(cell: Cell, row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the means of the metrics that are reported beside a cell's metric."""
    if not cell.run or cell.kind == "data":
        return []
    facts = []
    for name, column in companion_columns(cell.metric).items():
        mean = row.get(f"{column}_mean")
        if mean is not None:
            facts.append((name, f"{mean:.6g}"))
    return facts


def describe_images(row: dict[str, Any]) -> str:
    """Return the evaluation images behind a number, or the features and images behind a GAN's."""
    if "evaluation" in row:
        return f"{row['evaluation']['n_images']} images of {row['evaluation']['classes']} classes"
    if "meta" not in row:
        return ""
    meta = row["meta"]
    rank = ", rank-deficient" if meta["rank_deficient"] else ""
    return (
        f"{meta['dims']} features of the FID network, weights {meta['weights']};"
        f" {meta['n_real']} reals, {meta['n_fake']} fakes{rank}"
    )
