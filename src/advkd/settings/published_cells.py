"""The published numbers, as the files of `paper/published` hold them: read, and checked where they are read.

docs/adding-a-table.md explains the columns.
"""

import csv
import dataclasses
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from advkd.errors import UserError
from advkd.methods.settings.base import registered
from advkd.opening import read_text
from advkd.settings import config_files
from advkd.settings.names import Run, check_canonical
from advkd.settings.published_metrics import Metric, find_metric

KINDS = ("run", "mean", "ratio", "data", "quoted")
MARKS = ("", "bold", "underline")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
OWN = re.compile(r"[a-z]+_(table|figure)S[0-9]+")  # tables and figures that the papers do not have


@dataclass(frozen=True)
class Cell:
    """One printed number of a paper, as text, and the run group that reproduces it."""

    table: str
    page: str
    row: str
    column: str
    metric: str
    unit: str
    better: str
    decimals: str
    mean: str
    std: str
    n: str
    mark: str
    kind: str
    run: str
    of: str
    note: str


COLUMNS = [field.name for field in dataclasses.fields(Cell)]


def read_cells(path: Path) -> tuple[Cell, ...]:
    """Return the cells in a file of published numbers; raises UserError where one of them is wrong."""
    return _cells(path, config_files.state(path))


@lru_cache(maxsize=256)
def _cells(path: Path, state: config_files.State) -> tuple[Cell, ...]:
    """Read a file of cells. `state` is the file's state, so that a changed file is read again."""
    lines: dict[tuple[str, str], int] = {}  # by row and column
    cells = []
    for line, cell in _read_rows(path):
        where = f"{path}, line {line} ({cell.row} | {cell.column})"
        try:
            check_cell(cell, path.stem)
        except UserError as fault:
            raise UserError(f"{where}: {fault}") from None
        first = lines.setdefault((cell.row, cell.column), line)
        if first != line:
            raise UserError(f"{where}: line {first} has the same row and column: each cell needs its own")
        cells.append(cell)
    if not cells:
        raise UserError(f"{path} has no cell: write one row for each number, or remove the file")
    return tuple(cells)


def _read_rows(path: Path) -> Iterator[tuple[int, Cell]]:
    """Yield the last line and the fields of each row. Spreadsheets write a byte order mark, which is passed over."""
    try:
        rows = csv.reader(io.StringIO(read_text(path).removeprefix("\ufeff")), strict=True)
        header = next(rows, [])
        if header != COLUMNS:
            found = f"they are {','.join(header)[:200]!r}" if header else "the file is empty"
            raise UserError(f"{path}: the columns must be {','.join(COLUMNS)}, but {found}")
        for row in rows:
            if len(row) == len(COLUMNS):
                yield rows.line_num, Cell(*row)
            elif row:
                raise UserError(
                    f"{path}, line {rows.line_num}: the row has {len(row)} fields instead of {len(COLUMNS)}:"
                    f" {','.join(row)[:80]!r}"
                )
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} cannot be read: {error}") from None


def check_cell(cell: Cell, table: str) -> None:
    """Check the fields of a cell, and that they fit each other.

    Args:
        cell: the cell.
        table: the name of its table or figure.

    Raises:
        UserError: a field is wrong. The message has no subject, because the caller puts the cell's place before it.
    """
    if cell.table != table:
        raise UserError(f"table is {cell.table!r}; allowed: {table!r}, the file's name")
    for name in ("row", "column", "run"):
        if not getattr(cell, name):
            raise UserError(f"{name} is empty; every cell needs it")
    metric = find_metric(cell.metric)
    if metric is None or (metric.drawn and "_figure" not in table) or (metric.derived and table != "text"):
        raise UserError(f"metric is {cell.metric!r}, which nobody computes for it; docs/adding-a-table.md lists them")
    _check_word(cell, "kind", metric.kinds, f" for {cell.metric}")
    _check_word(cell, "unit", (metric.unit,), f" for {cell.metric}")
    _check_word(cell, "better", tuple(dict.fromkeys((metric.better, ""))), f" for {cell.metric}")
    _check_word(cell, "mark", MARKS)
    _check_numbers(cell, metric)
    _check_runs(cell, metric, known=not OWN.fullmatch(table))


def _check_word(cell: Cell, name: str, allowed: tuple[str, ...], for_what: str = "") -> None:
    if (word := getattr(cell, name)) not in allowed:
        words = ", ".join(other or "nothing" for other in allowed)
        raise UserError(f"{name} is {repr(word) if word else 'empty'}; allowed{for_what}: {words}")


def _check_numbers(cell: Cell, metric: Metric) -> None:
    if cell.n and not re.fullmatch(r"[1-9][0-9]{0,5}", cell.n):
        raise UserError(f"n is {cell.n!r}; allowed: a number of runs from 1, or nothing")
    if not re.fullmatch(r"[0-9]?", cell.decimals):
        raise UserError(f"decimals is {cell.decimals!r}; allowed: 0 to 9, or nothing in a figure")
    if not cell.decimals and "_figure" not in cell.table:
        raise UserError("decimals is empty; every number of a table needs them")
    if not cell.mean and (cell.std or cell.mark):
        raise UserError("std or mark is given without a mean; allowed: a mean too, or none of them")
    for name in ("mean", "std"):
        text = getattr(cell, name)
        if not text:
            continue
        if not NUMBER.fullmatch(text):
            raise UserError(f"{name} is {text!r}; allowed: a decimal number such as 19.87, or nothing")
        if cell.decimals and len(text.partition(".")[2]) != int(cell.decimals):
            raise UserError(f"{name} is {text!r}, but decimals is {cell.decimals}: correct one of them")
    if cell.std.startswith("-"):
        raise UserError(f"std is {cell.std!r}; allowed: a number from 0, or nothing")
    if cell.mean and not metric.least <= float(cell.mean) <= metric.most:
        raise UserError(f"mean is {cell.mean!r}; allowed for {cell.metric}: {metric.range_in_words()}")


def _check_runs(cell: Cell, metric: Metric, known: bool) -> None:
    """Check the names of a cell's run groups. `known`: their data set, network and method must be this version's."""
    if cell.kind == "ratio" and not cell.of:
        raise UserError("of is empty; a ratio needs the run group that it is a ratio to")
    if cell.kind == "data":
        datasets = config_files.registered_datasets()
        if cell.run not in datasets:
            raise UserError(f"run is {cell.run!r}; allowed: a data set of {', '.join(datasets)}")
        return
    for name, group in (("run", cell.run), ("of", cell.of)):
        if not group:
            continue
        try:
            run = Run.parse(f"{group}/seed0")
            check_canonical(run)
        except UserError as fault:
            raise UserError(f"{name} is {group!r}; allowed: the name of a run group without a seed ({fault})") from None
        if metric.papers and run.paper not in metric.papers:
            raise UserError(f"metric is {cell.metric!r}, which runs of {run.paper} do not have")
        if known:
            _check_known(name, run)


def _check_known(name: str, run: Run) -> None:
    paper = config_files.paper_file(run.paper)
    parts = {"dataset": paper.datasets, "model": paper.models, "method": registered(run.paper)}
    for part, allowed in parts.items():
        if getattr(run, part) not in allowed:
            raise UserError(
                f"{name} is {run.group!r}, whose {part} is unknown; allowed for {run.paper}: {', '.join(allowed)}"
            )
