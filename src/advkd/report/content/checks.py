"""The claims' verdicts and the findings of the audit, as the report lists them."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from advkd.claims.audit.findings import Finding
from advkd.damage import attempt
from advkd.settings.user import User

# The sign of a verdict on a claim, and the class of its colour in the page.
SIGNS = {
    "holds": ("✓", "agrees"),
    "fails": ("✗", "worse"),
    "contradicted": ("✗", "worse"),
    "contradicted in our reading": ("≠", "differs"),
}


class Items(NamedTuple):
    """The items of a section, and the reason if they cannot be read; otherwise `error` is empty."""

    items: list[Any]
    error: str


class Audit(NamedTuple):
    """The audit of the printed numbers.

    Attributes:
        checks: what each rule checked and found.
        readings: the best against the second best number, by the printed deviations.
        controls: connected generators against what chance gives.
    """

    checks: Items
    readings: Items
    controls: Items

    @property
    def findings(self) -> list[Finding]:
        """The findings of all rules."""
        return [finding for check in self.checks.items for finding in check.findings]


def read_items(read: Callable[[], Iterable[Any]]) -> Items:
    """Return what `read` yields, or why it cannot be read."""
    items, problem = attempt(lambda: list(read()))
    return Items(items or [], problem)


def read_claims(judge_all: Callable[[User], list[dict[str, Any]]], user: User) -> Items:
    """Return what `judgements.judge_all` returns, with a sign and a colour for each verdict."""
    claims = read_items(lambda: judge_all(user))
    for claim in claims.items:
        for verdict in (claim["published"], claim["ours"]):
            verdict["sign"], verdict["colour"] = SIGNS.get(verdict["word"], ("–", ""))
    return claims
