"""Tables in the paper's layout: the cells' rows become a frame of entries, published numbers beside ours."""

from typing import Any, NamedTuple

import pandas as pd

from advkd.artifacts.measured import Measured, measured, measured_kid
from advkd.artifacts.number_format import DEFAULT_DECIMALS, format_count, format_measured, format_published
from advkd.artifacts.table_captions import QUOTED, WEAK_TEACHER
from advkd.artifacts.table_cells import teacher_is_worse
from advkd.artifacts.table_marks import best_marks
from advkd.settings.feature_networks import NETWORKS
from advkd.settings.user import User

KID = "KID×10³"
FIDS = FID, OTHER_FRECHET = "FID", "Fréchet*"  # on the features of FID's network, and on others


class Entry(NamedTuple):
    """An entry of a table: its text, its mark (bold, underline or none), and the run group behind it, if any."""

    text: str = ""
    mark: str = ""
    run: str = ""


RowKey = tuple[str, ...]  # the levels of a row's name
ColumnKey = tuple[str, str]  # the published column, and whose number it is


def layout_table(rows: list[dict[str, Any]], user: User) -> pd.DataFrame:
    """Return a table in the paper's layout, as a frame of `Entry`."""
    entries = layout_entries(rows, user)
    row_keys = list(dict.fromkeys(row_key for row_key, _ in entries))
    column_keys = ordered_columns([column_key for _, column_key in entries])
    depth = max(len(key) for key in row_keys)
    index: pd.Index
    if depth == 1:
        index = pd.Index([key[0] for key in row_keys])
    else:
        index = pd.MultiIndex.from_tuples([key + ("",) * (depth - len(key)) for key in row_keys])
    columns = pd.MultiIndex.from_tuples([(head.replace(" / ", " "), whose) for head, whose in column_keys])
    lines = []
    for row_key in row_keys:
        lines.append([entries.get((row_key, column_key), Entry()) for column_key in column_keys])
    return pd.DataFrame(lines, index, columns)


def layout_entries(rows: list[dict[str, Any]], user: User) -> dict[tuple[RowKey, ColumnKey], Entry]:
    """Return the entries of a table by row and column.

    If the paper prints no number of a table, the table has no column `paper`, and our columns have no name. At scale
    `smoke` no number is marked as the best.
    """
    has_published = any(row["published"] for row in rows)
    ours = f"ours ({user.scale})" if has_published else ""
    marks = best_marks(rows) if user.scale != "smoke" else {}
    our_numbers = [our_entries(row, ours) for row in rows]
    names_in_column = our_names_by_column(rows, our_numbers)
    entries: dict[tuple[RowKey, ColumnKey], Entry] = {}
    for place, row in enumerate(rows):
        cell: dict[str, Entry] = {}
        if has_published:
            cell["paper"] = published_entry(row)
        if row["kind"] == "data":
            cell["official"] = Entry(format_count(row.get("official")))
            cell["counted"] = Entry(format_count(row.get("mean")))
        elif our_numbers[place]:
            leading = next(iter(our_numbers[place]))
            for name, number in our_numbers[place].items():
                mark = marks.get(place, "") if name == leading else ""
                cell[name] = Entry(number, mark, row["run"])
        else:
            for name in names_in_column.get(row["column"]) or [ours]:
                cell[name] = Entry(row.get("ended") or "–", "", row["run"])
        row_key = tuple(row["row"].split(" / "))
        for name, entry in cell.items():
            entries[row_key, (row["column"], name)] = entry
    return entries


def our_names_by_column(rows: list[dict[str, Any]], our_numbers: list[dict[str, str]]) -> dict[str, list[str]]:
    """Return the names that our numbers have in each column: a cell without a number says so in all of them."""
    names: dict[str, list[str]] = {}
    for row, numbers in zip(rows, our_numbers, strict=True):
        of_column = names.setdefault(row["column"], [])
        of_column += [name for name in numbers if name not in of_column]
    return names


def published_entry(row: dict[str, Any]) -> Entry:
    """Return the published number of a cell as printed, with the mark of a quoted one."""
    text = format_published(row["published"], row["published_std"])
    if row["quoted"]:
        text += QUOTED
    return Entry(text, row["published_mark"])


def ordered_columns(columns: list[ColumnKey]) -> list[ColumnKey]:
    """Return the distinct columns, those of a published column side by side."""
    by_head: dict[str, list[ColumnKey]] = {}
    for column in columns:
        same_head = by_head.setdefault(column[0], [])
        if column not in same_head:
            same_head.append(column)
    return [column for same_head in by_head.values() for column in same_head]


def our_entries(row: dict[str, Any], ours: str) -> dict[str, str]:
    """Return our numbers for a cell as text, by name, the leading one first; empty where there is none.

    Args:
        row: the row of the cell.
        ours: the name of our numbers, which stands behind the name of a measure; it may be empty.
    """
    entries = {}
    for measure, number in our_measures(row).items():
        decimals = DEFAULT_DECIMALS if measure == KID else int(row["decimals"] or DEFAULT_DECIMALS)
        text = format_measured(number, decimals)
        if measure in FIDS and row["meta"]["rank_deficient"]:
            text += "†"
        if teacher_is_worse(row):
            text += WEAK_TEACHER
        entries[", ".join(filter(None, [measure, ours]))] = text
    return entries


def flat_heading(head: str, whose: str) -> str:
    """Return a column's two headings as one. A measure takes the place of a heading that would say FID of KID."""
    names_measure = whose.partition(", ")[0] in (KID, *FIDS)
    return whose if head == FID and names_measure else f"{head} {whose}".strip()


def our_measures(row: dict[str, Any]) -> dict[str, Measured]:
    """Return our numbers for a cell by the measure's name, which is empty if the cell has one measure only.

    A GAN's cell has FID and KID. The one that leads comes first: KID below 2,048 images, otherwise FID.
    """
    number = measured(row)
    if number is None:
        return {}
    if "meta" not in row:
        return {"": number}
    kid = measured_kid(row)
    kids = {} if kid is None else {KID: kid}
    if row["metric"].startswith("inter_kid."):
        return kids
    meta = row["meta"]
    fids = {FID if NETWORKS[meta["features"]].is_fid else OTHER_FRECHET: number}
    return {**fids, **kids} if meta["fid_leads"] else {**kids, **fids}
