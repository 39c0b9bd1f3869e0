"""The tables as the page shows them: rows of entries, each with the published number, ours and what they rest on."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from advkd.artifacts.number_format import format_number, format_published
from advkd.artifacts.table_captions import QUOTED
from advkd.artifacts.table_layout import our_entries
from advkd.artifacts.table_records import table_record
from advkd.damage import attempt
from advkd.report.content import agreement, facts
from advkd.report.content.agreement import Agreement
from advkd.report.content.records import DAMAGED, Group
from advkd.settings import config
from advkd.settings.catalog import Cell
from advkd.settings.user import User

NUMBER = "with a number"  # what the filter calls a number that is not judged


@dataclass(frozen=True)
class Entry:
    """One cell. ours: (whose, number) pairs, the leading one first; empty where there is none, for which see `state`.

    published: empty where the paper prints none. filter: the word by which the status filter finds it. explained: the
    command that tells the same. facts: (name, value) pairs. groups, tags: of the run groups behind it.
    """

    id: str
    name: str
    published: str
    mark: str
    ours: list[tuple[str, str]]
    state: str
    agreement: Agreement
    filter: str
    explained: str
    facts: list[tuple[str, str]]
    groups: list[str]
    tags: list[str]


@dataclass
class Row:
    """One row: the last level of its name, and an entry for each of the table's columns; None where it has none."""

    head: str
    entries: list[Entry | None]


@dataclass
class Table:
    """One table. blocks: (the first levels of the rows' names, rows). error: why there are no blocks."""

    name: str
    title: str
    words: str = ""
    columns: list[str] = field(default_factory=list)
    blocks: list[tuple[str, list[Row]]] = field(default_factory=list)
    command: str = ""
    error: str = ""

    @property
    def published(self) -> bool:
        """Whether the paper prints any of its numbers."""
        return any(entry.published for entry in self.entries)

    @property
    def entries(self) -> Iterable[Entry]:
        """The entries, row by row."""
        return (entry for _, rows in self.blocks for row in rows for entry in row.entries if entry)


def gather(table: str, groups: dict[str, Group], user: User) -> Table:
    """Return a table with what exists of it; its entries are noted in the run groups that they rest on."""
    record = table_record(table, user)
    if record.error:
        return Table(table, record.title, error=record.error)
    found = Table(table, record.title, record.caption, command=record.command)
    found.columns = list(dict.fromkeys(cell.column for cell in record.cells))
    rows: dict[str, Row] = {}
    for place, (cell, row) in enumerate(zip(record.cells, record.rows, strict=True)):
        damage = row.get("damage", "")
        one = entry(f"{table}/{place + 1}", cell, {} if damage else row, damage, groups, user)
        line = rows.setdefault(cell.row, Row(cell.row.rpartition(" / ")[2], [None] * len(found.columns)))
        line.entries[found.columns.index(cell.column)] = one
        for name in one.groups:
            groups[name].cells.append((one.id, f"{table} · {one.name}"))
    blocks: dict[str, list[Row]] = {}
    for name, line in rows.items():
        blocks.setdefault(name.rpartition(" / ")[0].replace(" / ", " · "), []).append(line)
    found.blocks = list(blocks.items())
    return found


def entry(place: str, cell: Cell, row: dict[str, Any], damage: str, groups: dict[str, Group], user: User) -> Entry:
    """Return one cell; `row` is of `table_cells.cell_row` or, where that failed, empty, and `damage` says why."""
    behind = [name for name in dict.fromkeys((cell.run, cell.of)) if name in groups]
    part = "; ".join(dict.fromkeys(filter(None, (other_data(groups[name]) for name in behind))))
    verdict, unjudged = attempt(agreement.judge, cell, row, part)
    ours, unread = attempt(numbers, cell, row)
    told, untold = attempt(facts.of, cell, row, verdict or Agreement())
    problems = "; ".join(dict.fromkeys(filter(None, [damage, unjudged, unread, untold])))
    state = DAMAGED if problems else row["status"]
    compared = (verdict.verdict if verdict else "") or NUMBER
    return Entry(
        id=place,
        name=f"{cell.row.replace(' / ', ' · ')} | {cell.column.replace(' / ', ' · ')}",
        published=format_published(cell.mean, cell.std) + QUOTED * bool(row.get("quoted")) if cell.mean else "",
        mark=cell.mark,
        ours=ours or [],
        state=row.get("ended") or state,
        agreement=verdict or Agreement(),
        filter=compared if row.get("mean") is not None and not problems else word(state),
        explained=explained(cell, user),
        facts=[("cannot be read", problems)] * bool(problems) + (told or []),
        groups=behind,
        tags=[groups[name].tag for name in behind],
    )


def explained(cell: Cell, user: User) -> str:
    """Return the command that explains a cell."""
    words = f"{cell.row} {cell.column}".replace("/", " ").split()
    return f"advkd explain {cell.table} {shlex.join(words)} {config.options(user)}"


def other_data(group: Group) -> str:
    """Return in which settings a group's prepared data differ from the paper's; empty where in none."""
    keys = config.PAPERS[group.records[0].one.run.paper].store_keys
    return ", ".join(f"{key} {ours} (paper: {theirs})" for key, ours, theirs in group.changed if key in keys)


def word(state: str) -> str:
    """Return what the filter calls a cell without a number: its status without places and counts."""
    return "some seeds" if state[:1].isdigit() else state.split(" (")[0].split(",")[0]


def numbers(cell: Cell, row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return our numbers for a cell with their names, the leading one first; of a data set counted and official."""
    if cell.kind == "data":
        pairs = [("counted", row.get("mean")), ("official", row.get("official"))]
        return [(name, format_number(value, 0)) for name, value in pairs if value is not None]
    ours = f"ours ({row.get('scale')})"
    return [(name.removeprefix(ours).strip(), text) for name, text in our_entries(row, ours).items()]
