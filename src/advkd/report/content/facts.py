"""What stands behind a cell of a table apart from its runs, as (name, value) pairs."""

from typing import Any

from advkd.artifacts.number_format import format_number, format_published
from advkd.artifacts.table_cells import companion_columns
from advkd.report.content.agreement import Agreement
from advkd.settings.catalog import Cell


def of(cell: Cell, row: dict[str, Any], verdict: Agreement) -> list[tuple[str, str]]:
    """Return what stands behind a cell of `cell_row` apart from its runs; empty values are left out."""
    decimals = int(cell.decimals or 2)
    side = format_number(row.get("student_mean"), decimals, row.get("student_std")) if "student_status" in row else ""
    direction = f"{cell.better} is better" if cell.better else ""
    pairs = [
        ("metric", ", ".join(filter(None, [cell.metric, cell.unit, direction]))),
        (
            "published",
            format_published(cell.mean, cell.std) + f", n = {cell.n}" * bool(cell.n)
            if cell.mean
            else "not by the paper",
        ),
        ("marked", cell.mark),
        ("quoted", "by the paper from elsewhere; ours is of our re-implementation" * bool(row.get("quoted"))),
        ("note", cell.note),
        ("status", row.get("status", "")),
        ("values", row.get("values", "")),
        ("seeds", row.get("seeds", "")),
        ("agreement", f"{verdict.verdict}: {verdict.reason}" if verdict.verdict else ""),
        ("student", f"{side}, {row['student_status']}" if side else ""),
        ("teacher", f"{format_number(row.get('teacher_accuracy'), decimals)}, {row['teacher_status']}" if side else ""),
        *companions(cell, row),
        ("measured on", measured_on(row)),
    ]
    return [(name, value) for name, value in pairs if value]


def companions(cell: Cell, row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the means of the measures that stand beside a cell's metric."""
    columns = companion_columns(cell.metric) if cell.run and cell.kind != "data" else {}
    return [(name, f"{row[f'{c}_mean']:.6g}") for name, c in columns.items() if row.get(f"{c}_mean") is not None]


def measured_on(row: dict[str, Any]) -> str:
    """Return the evaluation images of a cell, or the features and images of a GAN's."""
    if "evaluation" in row:
        return f"{row['evaluation']['n_images']} images of {row['evaluation']['classes']} classes"
    if "meta" in row:
        meta = row["meta"]
        rank = ", rank-deficient" if meta["rank_deficient"] else ""
        return (
            f"{meta['dims']} features of the FID network, weights {meta['weights']};"
            f" {meta['n_real']} reals, {meta['n_fake']} fakes{rank}"
        )
    return ""
