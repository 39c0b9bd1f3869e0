"""The predicate about the rows of a printed table, which needs no number."""

from typing import Literal

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
        printed = {cell.run for cell in catalog.cells(self.table)}
        claimed = set(self.groups)
        if printed == claimed:
            return ""
        differences = [f"{self.table} has {len(printed)} rows, not {len(claimed)}"]
        if printed - claimed:
            differences.append(f"also {', '.join(sorted(printed - claimed))}")
        if claimed - printed:
            differences.append(f"without {', '.join(sorted(claimed - printed))}")
        return "; ".join(differences)
