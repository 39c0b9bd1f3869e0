"""A table's files: CSV (one row per cell, with everything behind it), Markdown and LaTeX (in the paper's layout)."""

from pathlib import Path
from typing import Any

import pandas as pd

from advkd.artifacts import latex
from advkd.artifacts.table_layout import flat_heading, layout_table
from advkd.artifacts.table_records import table_record
from advkd.errors import UserError
from advkd.files import as_csv_text, atomic, write_text
from advkd.progress import say
from advkd.settings.user import User

MARKDOWN_MARKS = {"bold": "**{}**", "underline": "<u>{}</u>", "": "{}"}
# Fields of a row that are no columns of the CSV. Times differ between equal runs, whose tables have the same bytes.
HIDDEN = ("meta", "data", "evaluation", "ended", "time")


def write_table(table: str, user: User, out: Path) -> None:
    """Write `table`.csv, .md and .tex to the folder `out`.

    Raises:
        UserError: the table is unknown, or the files that describe it cannot be read.
    """
    record = table_record(table, user)
    if record.error:
        raise UserError(record.error)
    rows = record.rows
    frame = layout_table(rows, user)
    with atomic(out / f"{table}.csv") as temporary:
        tidy_frame(rows).to_csv(temporary, index=False, lineterminator="\n")
    write_text(out / f"{table}.md", to_markdown(frame, record.caption))
    write_text(out / f"{table}.tex", latex.table_to_latex(frame, record, user))
    for damage in dict.fromkeys(row["damage"] for row in rows if "damage" in row):
        say(f"{table}: {damage}")
    counts = pd.Series([row["status"] for row in rows]).value_counts()
    summary = ", ".join(f"{count} {status}" for status, count in counts.items())
    say(f"{table}: {len(rows)} numbers ({summary}) -> {out / table}.{{csv,md,tex}}")


def tidy_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the rows of cells as the CSV has them; what describes features and data becomes columns."""
    records = []
    for row in rows:
        record = {key: value for key, value in row.items() if key not in HIDDEN}
        if "meta" in row:
            for key in ("features", "dims", "n_real", "n_fake", "rank_deficient"):
                record[key] = row["meta"][key]
        if "evaluation" in row:
            for key in ("n_images", "classes"):
                record[f"evaluation_{key}"] = row["evaluation"][key]
        if "data" in row:
            record["data"] = row["data"]["source"]["verified"]
            record["data_sha256"] = row["data"]["sha256"]["images.npy"]
        records.append({key: as_csv_text(value) if isinstance(value, str) else value for key, value in record.items()})
    return pd.DataFrame(records)


def to_markdown(frame: pd.DataFrame, caption: str) -> str:
    """Return a frame of `table_layout.Entry` in Markdown, with its caption."""
    shown = frame.map(lambda entry: MARKDOWN_MARKS[entry.mark].format(entry.text))
    shown = shown.set_axis([flat_heading(*column) for column in frame.columns], axis=1)
    for level in reversed(range(frame.index.nlevels)):
        head = " " * (level + 1)  # empty, and different for each level
        shown.insert(0, head, frame.index.get_level_values(level))
    table = shown.to_markdown(index=False, disable_numparse=True)
    escaped_caption = caption.replace("*", r"\*")
    return f"{table}\n\n{escaped_caption}\n"
