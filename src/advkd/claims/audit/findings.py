"""What the audit's rules return, and how they look at printed numbers."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, TypeVar

from advkd.claims.published import all_cells
from advkd.settings.published_cells import Cell

Key = TypeVar("Key", bound=Hashable)
Kind = Literal["contradiction", "remark"]


@dataclass(frozen=True)
class Finding:
    """A place where a paper contradicts its own numbers (a contradiction) or prints something unlikely (a remark).

    Attributes:
        where: the table or the section, and the row and column.
        printed, derived: the printed number and the one that it should be, as text.
        message: what is found, in one line.
    """

    rule: str
    kind: Kind
    paper: str
    where: str
    printed: str
    derived: str
    message: str


@dataclass(frozen=True)
class Checked:
    """The name of a rule, how many numbers or pairs it checked, and what it found."""

    rule: str
    count: int
    findings: tuple[Finding, ...]


def finding_at(
    cell: Cell, rule: str, derived: str, message: str, kind: Kind = "contradiction", printed: str = ""
) -> Finding:
    """Return a finding about a printed number. `printed` replaces the number, for example by its mark."""
    return Finding(rule, kind, paper_of(cell), place_of(cell), printed or format_printed(cell), derived, message)


def paper_of(cell: Cell) -> str:
    """Return the paper that prints a number."""
    return cell.row.split("_")[0] if cell.table == "text" else cell.table.split("_")[0]


def place_of(cell: Cell) -> str:
    """Return where a number is printed."""
    if cell.table == "text":
        return f"{paper_of(cell)} {cell.column}"
    return f"{cell.table}: {cell.row} | {cell.column}"


def format_printed(cell: Cell) -> str:
    """Return a number as it is printed, with its standard deviation."""
    return f"{cell.mean} ± {cell.std}" if cell.std else cell.mean


def round_like(number: Decimal, cell: Cell) -> Decimal:
    """Round a derived number to the decimals of a printed one."""
    return number.quantize(Decimal(1).scaleb(-int(cell.decimals)), ROUND_HALF_UP)


def printed_cells(kind: str | None = None) -> list[Cell]:
    """Return all printed numbers, or those of one kind."""
    return [cell for cell in all_cells() if cell.mean and kind in (None, cell.kind)]


def printed_mean(run: str, metric: str) -> Decimal | None:
    """Return the mean that a table prints first for a run group, except one that is quoted from elsewhere.

    If no table prints exactly this metric, a metric of the same kind (another FID, the teacher's accuracy) is taken,
    provided that the group has only one such metric.
    """
    cells = [cell for cell in printed_cells() if cell.run == run and cell.table != "text" and cell.kind != "quoted"]
    exact = [cell for cell in cells if cell.metric == metric]
    if exact:
        return Decimal(exact[0].mean)
    kinds = {metric.partition(".")[0], f"teacher_{metric}"}
    similar = [cell for cell in cells if cell.metric in kinds or cell.metric.partition(".")[0] in kinds]
    if len({cell.metric for cell in similar}) != 1:
        return None
    return Decimal(similar[0].mean)


def comparison_key(cell: Cell) -> tuple[str, ...]:
    """Return the table, the block of rows, the paper, the data set and the network of a number.

    A table compares the numbers that share these.
    """
    return cell.table, cell.row.rpartition(" / ")[0], "/".join(cell.run.split("/")[:3])


def group_by(cells: Iterable[Cell], key: Callable[[Cell], Key]) -> dict[Key, list[Cell]]:
    """Return cells grouped by a key, groups and cells in their original order."""
    groups: dict[Key, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(key(cell), []).append(cell)
    return groups
