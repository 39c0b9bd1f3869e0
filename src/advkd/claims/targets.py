"""The targets of the workflow that train the runs of a claim."""

from advkd.claims.predicates.base import Quantity
from advkd.claims.published import artifact_cells
from advkd.settings import catalog


def choose_targets(quantities: list[Quantity], preferred: tuple[str, ...]) -> list[str]:
    """Return a small set of targets of the workflow that train all run groups of `quantities`.

    The choice is greedy: targets in `preferred` come first, then those that train most of the remaining groups, tables
    before figures.
    """
    groups_of = _groups_by_target({quantity.run.split("/")[0] for quantity in quantities})
    missing = {quantity.run for quantity in quantities}
    chosen: list[str] = []
    while missing:
        useful = [target for target, groups in groups_of.items() if groups & missing]
        best = max(
            useful, key=lambda target: (target in preferred, len(groups_of[target] & missing), "table" in target)
        )
        chosen.append(best)
        missing -= groups_of[best]
    return chosen


def _groups_by_target(papers: set[str]) -> dict[str, set[str]]:
    """Return the run groups that each table and figure shows, and the variants of some papers."""
    groups_of: dict[str, set[str]] = {}
    for cell in artifact_cells():
        groups_of.setdefault(cell.table, set()).add(cell.run)
    for paper in sorted(papers):
        groups_of[f"{paper}_variants"] = set(catalog.variant_groups(paper))
    return groups_of
