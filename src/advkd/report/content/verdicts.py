"""The claims' verdicts and what the audit found, as the page lists them."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from advkd.damage import attempt
from advkd.settings.user import User

# Beside the word of a claim's verdict: its sign and the class of its colour.
SIGNS = {
    "holds": ("✓", "agrees"),
    "fails": ("✗", "worse"),
    "contradicted": ("✗", "worse"),
    "contradicted as read here": ("≠", "differs"),
}


class Listed(NamedTuple):
    """What there is, and in a line why there is not more."""

    items: list[Any]
    error: str


class Audited(NamedTuple):
    """What the rules checked and found, the readings of the printed numbers, and the controls of the GANs."""

    checks: Listed
    readings: Listed
    controls: Listed

    @property
    def findings(self) -> list[Any]:
        """What all rules found."""
        return [finding for checked in self.checks.items for finding in checked.findings]


def claims(report: Callable[[User], list[dict[str, Any]]], user: User) -> Listed:
    """Return the judgements that `report`, as `judgements.judge_all`, gives, each verdict with its sign and colour."""
    found = listed(lambda: report(user))
    for claim in found.items:
        for verdict in (claim["published"], claim["ours"]):
            verdict["sign"], verdict["colour"] = SIGNS.get(verdict["word"], ("", ""))
    return found


def audited(*parts: Callable[[], Iterable[Any]]) -> Audited:
    """Return what the three functions of the audit give: checks, readings, controls."""
    return Audited(*(listed(part) for part in parts))


def listed(read: Callable[[], Iterable[Any]]) -> Listed:
    """Return all that `read` gives, or why it gives nothing."""
    found, problem = attempt(lambda: list(read()))
    return Listed(found or [], problem)
