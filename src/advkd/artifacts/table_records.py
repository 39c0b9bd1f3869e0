"""What a table is, described once for its files, the page and the PDF."""

from dataclasses import dataclass, field
from typing import Any

from advkd.artifacts import papers
from advkd.artifacts.table_captions import table_caption
from advkd.artifacts.table_cells import collect_rows
from advkd.damage import attempt
from advkd.settings import catalog
from advkd.settings.published_cells import Cell
from advkd.settings.user import User


@dataclass(frozen=True)
class TableRecord:
    """A table with everything that exists of it.

    Attributes:
        name: the table's name, for example aikd_table2.
        title: its title, for example "AI-KD, Table 1: Data sets".
        command: the command that makes it.
        cells: its cells, in the paper's order.
        rows: the row of each cell, as `table_cells.readable_row` makes it.
        caption: its caption, or why there is none.
        error: why the table cannot be made; it has no cells then. Otherwise empty.
    """

    name: str
    title: str
    command: str
    cells: tuple[Cell, ...] = ()
    rows: list[dict[str, Any]] = field(default_factory=list)
    caption: str = ""
    error: str = ""


def table_record(name: str, user: User) -> TableRecord:
    """Return the record of a table at the user's scale, whatever can be read of it."""
    command = papers.command(name, user)
    cells, unknown = attempt(catalog.cells, name)
    title, untitled = attempt(papers.title, name)
    if cells is None or title is None:
        return TableRecord(name, title or name, command, error=unknown or untitled)
    rows = collect_rows(name, user)
    caption, problem = attempt(table_caption, name, rows, user)
    return TableRecord(name, title, command, cells, rows, caption or problem)
