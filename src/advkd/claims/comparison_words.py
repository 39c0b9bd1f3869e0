"""What a comparison compares and what is claimed of it, in the words of the table that prints its numbers."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from advkd.artifacts import papers
from advkd.claims.predicates.base import Comparison, Quantity
from advkd.claims.published import artifact_cells
from advkd.settings.published_cells import Cell

SIGNS = {"> ": "above ", "< ": "below ", "≥ ": "at least ", "≤ ": "at most ", "= ": ""}


def compared_in_words(comparison: Comparison) -> str:
    """Return what is compared: "CS-KD − AI-KD (Table 2: Top-1 Error / ResNet 18 / Tiny ImageNet)".

    What all quantities share stands in brackets. Quantities that no table prints have the names of their runs.
    """
    cells = _cells_of(comparison.quantities)
    if cells:
        parts = [[*cell.row.split(" / "), cell.column] for cell in cells]
        where = papers.number(cells[0].table)
    else:
        parts = [[*quantity.run.rsplit("/", 1), quantity.metric] for quantity in comparison.quantities]
        where = ""
    shared = [part for part in dict.fromkeys(parts[0]) if len(parts) > 1 and all(part in other for other in parts)]
    names = [" / ".join(part for part in own if part not in shared) for own in parts]
    names = [f"“{name}”" if name.startswith("+") else name for name in names]  # as a sign, it would be of the sum
    text = f"{names[0]} below {names[1]}" if comparison.relative else weighted_sum(comparison.weights, names)
    about = ": ".join(filter(None, [where, " / ".join(shared)]))
    return f"{text} ({about})" if about else text


def claimed_in_words(claimed: str) -> str:
    """Return what is claimed of a number: "above 0" for "> 0"."""
    for sign, word in SIGNS.items():
        if claimed.startswith(sign):
            return word + claimed.removeprefix(sign)
    return claimed


def weighted_sum(weights: tuple[int, ...], names: list[str]) -> str:
    """Return a sum as text, with the added terms before the subtracted ones."""
    terms = sorted(zip(weights, names, strict=True), key=lambda term: -term[0])
    return " ".join(f"{'−' if weight < 0 else '+'} {name}" for weight, name in terms).removeprefix("+ ")


def _cells_of(quantities: tuple[Quantity, ...]) -> list[Cell]:
    """Return the cell of each quantity in the first table, or else figure, that has all; nothing if there is none."""
    for cells in _cells_by_table(Path.cwd()):
        if all(quantity in cells for quantity in quantities):
            return [cells[quantity] for quantity in quantities]
    return []


@cache
def _cells_by_table(checkout: Path) -> tuple[Mapping[Quantity, Cell], ...]:
    """Return the first cell of each quantity in every table, then in every figure; `checkout` is the working folder."""
    by_table: dict[str, dict[Quantity, Cell]] = {}
    for cell in sorted(artifact_cells(), key=lambda cell: "_figure" in cell.table):
        if cell.kind != "data":
            by_table.setdefault(cell.table, {}).setdefault(Quantity(cell.run, cell.metric), cell)
    return tuple(by_table.values())
