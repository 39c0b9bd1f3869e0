"""The tables that the report shows: rows of entries, each with the published number, ours, and what ours rests on."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from advkd.artifacts.number_format import format_count, format_published
from advkd.artifacts.table_captions import QUOTED
from advkd.artifacts.table_cells import DAMAGED
from advkd.artifacts.table_layout import our_entries
from advkd.artifacts.table_marks import best_marks
from advkd.artifacts.table_records import TableRecord, table_record
from advkd.damage import attempt
from advkd.report.content.agreement import Agreement, judge
from advkd.report.content.cell_facts import cell_facts
from advkd.report.content.runs import RunGroup
from advkd.runs.state import Kind
from advkd.settings import config
from advkd.settings.published_cells import Cell
from advkd.settings.user import User

NOT_JUDGED = "with a number"  # the filter's word for a cell whose number is not judged


@dataclass(frozen=True)
class Entry:
    """One cell.

    Attributes:
        id: the id of its dialog in the page.
        name: its row and column.
        published: the published number; empty if the paper prints none.
        mark: how the paper marks it.
        best: how ours is marked, as in the PDF: bold for the best, underline for the second best, or empty.
        ours: our numbers as (measure, number), the leading one first; empty if there is none.
        state: why there is no number.
        agreement: how our number agrees with the published one.
        filter: the word by which the status filter selects the cell.
        explain_command: the command that prints the same facts.
        facts: (name, value) pairs.
        groups: the names of the run groups that it rests on.
        tags: their tags.
    """

    id: str
    name: str
    published: str
    mark: str
    best: str
    ours: list[tuple[str, str]]
    state: str
    agreement: Agreement
    filter: str
    explain_command: str
    facts: list[tuple[str, str]]
    groups: list[str]
    tags: list[str]


@dataclass
class Row:
    """One row: the last level of its name, and an entry for each column of the table; None where it has no cell."""

    head: str
    entries: list[Entry | None]


@dataclass
class Table:
    """One table.

    Attributes:
        record: its name, title, caption, command and cells.
        columns: the names of its columns.
        blocks: its rows, grouped by the first levels of their names.
    """

    record: TableRecord
    columns: list[str] = field(default_factory=list)
    blocks: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name, for example aikd_table2."""
        return self.record.name

    @property
    def published(self) -> bool:
        """Whether the paper prints any of its numbers."""
        return any(entry.published for entry in self.entries)

    @property
    def entries(self) -> Iterator[Entry]:
        """Its entries, row by row."""
        for rows in self.blocks.values():
            for row in rows:
                for entry in row.entries:
                    if entry:
                        yield entry


def read_table(name: str, groups: dict[str, RunGroup], user: User) -> Table:
    """Return a table as far as it can be read, and note its entries in the run groups that they rest on."""
    record = table_record(name, user)
    columns = list(dict.fromkeys(cell.column for cell in record.cells))
    table = Table(record, columns)
    rows: dict[str, Row] = {}
    marks, _ = attempt(best_marks, record.rows) if user.scale != "smoke" else (None, "")
    for place, (cell, cell_row) in enumerate(zip(record.cells, record.rows, strict=True)):
        mark = (marks or {}).get(place, "")
        entry = read_entry(f"{name}/{place + 1}", cell, cell_row, mark, groups, user)
        if cell.row not in rows:
            block, _, head = cell.row.rpartition(" / ")
            rows[cell.row] = Row(head, [None] * len(columns))
            table.blocks.setdefault(block.replace(" / ", " · "), []).append(rows[cell.row])
        rows[cell.row].entries[columns.index(cell.column)] = entry
        for group in entry.groups:
            groups[group].cells.append((entry.id, f"{name} · {entry.name}"))
    return table


def read_entry(id: str, cell: Cell, row: dict[str, Any], best: str, groups: dict[str, RunGroup], user: User) -> Entry:
    """Return the entry of a cell, given its `row` of `table_cells.readable_row` and how ours is marked."""
    behind = [group for group in dict.fromkeys((cell.run, cell.of)) if group in groups]
    other_data = dict.fromkeys(describe_other_data(groups[group]) for group in behind)
    agreement, unjudged = attempt(judge, cell, row, "; ".join(text for text in other_data if text))
    agreement = agreement or Agreement()
    ours, unread = attempt(our_numbers, cell, row)
    facts, unknown = attempt(cell_facts, cell, row, agreement)
    not_built = row["status"] == Kind.NOT_BUILT.value
    damage = "" if not_built else row.get("damage", "")
    problems = dict.fromkeys(text for text in (damage, unjudged, unread, unknown) if text)
    facts = facts or []
    if not_built:
        facts.insert(0, ("state", row["damage"]))
    if problems:
        facts.insert(0, ("cannot be read", "; ".join(problems)))
    state = DAMAGED if problems else row.get("ended") or row["status"]
    return Entry(
        id=id,
        name=f"{cell.row.replace(' / ', ' · ')} | {cell.column.replace(' / ', ' · ')}",
        published=published_number(cell, row),
        mark=cell.mark,
        best=best if ours else "",
        ours=ours or [],
        state=state,
        agreement=agreement,
        filter=filter_word(row, agreement, DAMAGED if problems else row["status"]),
        explain_command=explain_command(cell, user),
        facts=facts,
        groups=behind,
        tags=[groups[group].tag for group in behind],
    )


def published_number(cell: Cell, row: dict[str, Any]) -> str:
    """Return the published number of a cell, marked if the paper quotes it; empty if the paper prints none."""
    if not cell.mean:
        return ""
    number = format_published(cell.mean, cell.std)
    return number + QUOTED if row["quoted"] else number


def our_numbers(cell: Cell, row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return our numbers for a cell as (measure, number), the leading one first; those of a data set are counts."""
    if cell.kind == "data":
        counts = [("counted", row.get("mean")), ("official", row.get("official"))]
        return [(name, format_count(count)) for name, count in counts if count is not None]
    return list(our_entries(row, "").items())


def filter_word(row: dict[str, Any], agreement: Agreement, status: str) -> str:
    """Return the word by which the status filter selects a cell: how its number agrees, or why it has none.

    A status is shortened: places and counts are left out.
    """
    if row.get("mean") is not None and status != DAMAGED:
        return agreement.verdict or NOT_JUDGED
    if status[:1].isdigit():
        return "some seeds"
    return status.split(" (")[0].split(",")[0]


def describe_other_data(group: RunGroup) -> str:
    """Return the settings in which a group's prepared data differ from the paper's; empty if there is none."""
    of_the_store = group.records[0].resolved.store_settings
    differing = [f"{key} {ours} (paper: {paper})" for key, ours, paper in group.changed if key in of_the_store]
    return ", ".join(differing)


def explain_command(cell: Cell, user: User) -> str:
    """Return the command that explains a cell."""
    words = f"{cell.row} {cell.column}".replace("/", " ").split()
    return f"advkd explain {cell.table} {shlex.join(words)} {config.options(user)}"
