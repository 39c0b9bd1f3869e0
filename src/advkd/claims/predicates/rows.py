"""The predicate about the rows of a printed table, which needs no number."""

from typing import Literal

from advkd.artifacts import papers
from advkd.claims.predicates.base import Comparison, Instance, Names, Predicate
from advkd.settings import catalog


class Rows(Predicate):
    """A table has exactly these run groups as rows. No run can decide this."""

    kind: Literal["rows"]
    table: str
    groups: Names

    def comparisons(self, instance: Instance) -> list[Comparison]:
        """Return no comparison: the rows of the table decide."""
        return []

    def mismatch(self) -> str:
        """Return how the rows of the printed table differ from the claimed ones; empty if they do not."""
        rows = {cell.run: cell.row for cell in catalog.cells(self.table)}
        claimed = set(self.groups)
        if rows.keys() == claimed:
            return ""
        differences = [f"{papers.number(self.table)} has {len(rows)} rows, not {len(claimed)}"]
        if more := [row for run, row in rows.items() if run not in claimed]:
            differences.append(f"also {', '.join(more)}")
        if fewer := claimed - rows.keys():
            differences.append(f"without {', '.join(sorted(fewer))}")
        return "; ".join(differences)
