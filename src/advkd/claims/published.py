"""The numbers that the papers print."""

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from itertools import chain
from pathlib import Path

from advkd.artifacts.table_cells import companion_columns
from advkd.claims.number import Number
from advkd.claims.predicates.base import Quantity
from advkd.metrics.effect import Sample
from advkd.places import find
from advkd.settings import catalog, config
from advkd.settings.published_cells import Cell, read_cells


def artifact_cells() -> tuple[Cell, ...]:
    """Return the printed numbers of all tables and figures, in reading order."""
    return _read_artifact_cells(Path.cwd())


def all_cells() -> tuple[Cell, ...]:
    """Return every printed number: those of tables and figures, then those of the text and of captions."""
    return _read_all_cells(Path.cwd())


# catalog reads from the working directory. That directory is an argument, so a cache holds each checkout's cells.
@cache
def _read_artifact_cells(checkout: Path) -> tuple[Cell, ...]:
    return tuple(chain.from_iterable(catalog.cells(artifact) for artifact in catalog.artifacts()))


@cache
def _read_all_cells(checkout: Path) -> tuple[Cell, ...]:
    return (*artifact_cells(), *read_cells(find(catalog.PUBLISHED / "text.csv")))


def is_known(quantity: Quantity) -> bool:
    """Return whether a table, the text or a variant names the quantity's run group, and the group has its metric."""
    paper = quantity.run.split("/")[0]
    cells = [cell for cell in all_cells() if cell.run == quantity.run and cell.kind != "data"]
    if not cells and paper in config.PAPERS and quantity.run in catalog.variant_groups(paper):
        # No table shows a variant. It has the metrics of the paper's other runs.
        cells = [cell for cell in all_cells() if cell.run.startswith(f"{paper}/")]
    return any(quantity.metric == cell.metric or quantity.metric in companion_columns(cell.metric) for cell in cells)


def ratio_cell(quantity: Quantity) -> Cell:
    """Return the cell that prints a ratio; its `of` names the run group that the ratio divides by."""
    return next(cell for cell in all_cells() if (cell.run, cell.metric) == quantity)


class PublishedNumbers:
    """The printed numbers. A number that several tables print is taken from one of `tables` if possible."""

    def __init__(self, tables: tuple[str, ...] = ()) -> None:
        self.tables = tables
        self._cells = artifact_cells()

    def cells(self, quantities: Iterable[Quantity]) -> list[Cell]:
        """Return the cells that print the numbers of quantities; one that is not printed has none."""
        cells = map(self._cell, quantities)
        return [cell for cell in cells if cell is not None]

    def _cell(self, quantity: Quantity) -> Cell | None:
        """Return the cell that counts: the paper's own number before one that it quotes from another paper."""
        cells = [cell for cell in self._cells if (cell.run, cell.metric) == quantity and cell.mean]
        return min(cells, key=lambda cell: (cell.kind == "quoted", cell.table not in self.tables), default=None)

    def number(self, quantity: Quantity) -> Number:
        """Return the printed number of a quantity, with standard deviation and number of runs if they are printed."""
        cell = self._cell(quantity)
        if cell is None:
            return Number(None, "not printed")
        if quantity.metric == "teacher_accuracy":
            # All students have the same teacher, so its accuracy does not vary between them.
            return Number(Sample.constant(float(cell.mean)), "printed", digits=Decimal(cell.mean))
        std = float(cell.std) if cell.std and cell.n else None
        sample = Sample(float(cell.mean), std, int(cell.n or 1))
        return Number(sample, "printed", digits=Decimal(cell.mean), has_deviation=bool(cell.std))
