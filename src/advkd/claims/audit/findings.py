"""What the audit's rules return, and how they look at printed numbers."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, TypeVar

from advkd.artifacts import papers
from advkd.claims.published import all_cells
from advkd.settings.published_cells import Cell

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)
Kind = Literal["contradiction", "remark"]


@dataclass(frozen=True)
class Finding:
    """A place where a paper contradicts its own numbers (a contradiction) or prints something unlikely (a remark).

    Attributes:
        where: the paper, the table or section, and the row and column.
        printed, derived: the printed number and the one that it should be, as text.
        message: what is found, in one line.
        fact: what is wrong. Findings of several rules about one fact have the same; it is no text for readers.
        seen: the printed numbers from which one sees it, with their places (`describe_cells`).
    """

    rule: str
    kind: Kind
    paper: str
    where: str
    printed: str
    derived: str
    message: str
    fact: str = ""
    seen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """The name of a rule, how many numbers or pairs it checked, and what it found."""

    rule: str
    count: int
    findings: tuple[Finding, ...]


def finding_at(
    cell: Cell,
    rule: str,
    derived: str,
    message: str,
    kind: Kind = "contradiction",
    printed: str = "",
    fact: str = "",
    seen: Iterable[Cell] = (),
) -> Finding:
    """Return a finding about a printed number.

    Args:
        printed: replaces the number, for example by its mark.
        fact: what is wrong; the place of the number if several rules may find that it is.
        seen: the other numbers from which one sees it.
    """
    return Finding(
        rule,
        kind,
        paper_of(cell),
        place_of(cell),
        printed or format_printed(cell),
        derived,
        message,
        fact or place_of(cell),
        tuple(describe_cells(seen)),
    )


def paper_of(cell: Cell) -> str:
    """Return the paper that prints a number."""
    return cell.row.split("_")[0] if cell.table == "text" else cell.table.split("_")[0]


def place_of(cell: Cell) -> str:
    """Return where a number is printed: "GIP, Table 1: CIFAR-10 | KD (%)"."""
    short = papers.about_paper(paper_of(cell))["short"]
    if cell.table == "text":
        return f"{short}, {cell.column}"
    return f"{short}, {papers.number(cell.table)}: {cell.row} | {cell.column}"


def describe_cells(cells: Iterable[Cell]) -> list[str]:
    """Return printed numbers with their places, those that a table compares together.

    For example "Table 1: Top-1 Error / ResNet 18 | CIFAR-10: KD 5.1 ± 0.2, GIP 4.9 ± 0.1".
    """
    groups = group_by(dict.fromkeys(cells), lambda cell: (cell.table, cell.row.rpartition(" / ")[0], cell.column))
    texts = []
    for (table, shared_row, column), group in groups.items():
        place = " | ".join(filter(None, [shared_row, column]))
        numbers = ", ".join(f"{cell.row.rpartition(' / ')[2]} {format_printed(cell)}" for cell in group)
        source = "text" if table == "text" else papers.number(table)
        texts.append(f"{source}: {place}: {numbers}")
    return texts


def format_printed(cell: Cell) -> str:
    """Return a number as it is printed, with its standard deviation."""
    return f"{cell.mean} ± {cell.std}" if cell.std else cell.mean


def round_like(number: Decimal, cell: Cell) -> Decimal:
    """Round a derived number to the decimals of a printed one."""
    return number.quantize(Decimal(1).scaleb(-int(cell.decimals)), ROUND_HALF_UP)


def printed_cells(kind: str | None = None) -> list[Cell]:
    """Return all printed numbers, or those of one kind."""
    return [cell for cell in all_cells() if cell.mean and kind in (None, cell.kind)]


def printed_cell(run: str, metric: str) -> Cell | None:
    """Return the number that a table prints first for a run group, except one that is quoted from elsewhere.

    If no table prints exactly this metric, a metric of the same kind (another FID, the teacher's accuracy) is taken,
    provided that the group has only one such metric.
    """
    cells = [cell for cell in printed_cells() if cell.run == run and cell.table != "text" and cell.kind != "quoted"]
    exact = [cell for cell in cells if cell.metric == metric]
    if exact:
        return exact[0]
    kinds = {metric.partition(".")[0], f"teacher_{metric}"}
    similar = [cell for cell in cells if cell.metric in kinds or cell.metric.partition(".")[0] in kinds]
    return similar[0] if len({cell.metric for cell in similar}) == 1 else None


def comparison_key(cell: Cell) -> tuple[str, ...]:
    """Return the table, the block of rows, the paper, the data set and the network of a number.

    A table compares the numbers that share these.
    """
    return cell.table, cell.row.rpartition(" / ")[0], "/".join(cell.run.split("/")[:3])


def group_by(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Return cells or other items grouped by a key, groups and items in their original order."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
