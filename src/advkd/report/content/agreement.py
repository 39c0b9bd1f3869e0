"""Whether our number agrees with the published one, judged from the spreads over seeds that either side has.

The difference is ours less the published, with its 95 % interval:

- both have a spread: Welch's;
- one has: Student's with that spread for both, a single number on the other side taken as one more draw;
- neither has: there is no interval, and no verdict.

A number agrees where the interval, widened by the rounding of the print, contains zero. That is all it says: a wide
interval agrees with much. Numbers are compared only where they measure the same on the same data: not at smoke scale,
not on other data than the official ones or a part of these, not where FID was computed with other weights or too few
images.
"""

import math
from typing import Any, NamedTuple

from advkd.metrics.effect import Effect, Sample, contrast
from advkd.settings.catalog import Cell

AGREES, BETTER, WORSE, DIFFERS = "agrees", "better", "worse", "differs"
UNJUDGED, INCOMPARABLE, NOTHING = "no spread", "not comparable", ""
# Never colour alone: each verdict has its sign and its word.
SIGNS = {AGREES: "=", BETTER: "▲", WORSE: "▼", DIFFERS: "≠", UNJUDGED: "?", INCOMPARABLE: "~", NOTHING: ""}


class Agreement(NamedTuple):
    """A verdict (a key of SIGNS) and what it rests on, in words; empty where there is nothing to compare."""

    verdict: str = NOTHING
    reason: str = ""

    @property
    def sign(self) -> str:
        """The verdict's sign."""
        return SIGNS[self.verdict]


def judge(cell: Cell, row: dict[str, Any], part: str = "") -> Agreement:
    """Return how our number in `row`, of `table_cells.cell_row`, compares with the one that `cell` prints.

    `part` says in which settings the prepared data differ from the paper's; empty where in none.
    """
    if row.get("mean") is None or not cell.mean or row["scale"] == "smoke":
        return Agreement()
    if cell.kind == "data":
        same = row["mean"] == number(cell.mean)
        return Agreement(AGREES if same else DIFFERS, "a count: equal or not")
    if reason := incomparable(row, part):
        return Agreement(INCOMPARABLE, reason)
    effect, basis = difference(
        Sample(row["mean"], row.get("std"), row["n"]),
        Sample(number(cell.mean), number(cell.std) if cell.std else None, int(cell.n or 1)),
    )
    unit = f" {cell.unit}" if cell.unit else ""
    distance = f"ours less published {effect.estimate:+.3g}{unit}"
    if effect.error is None:
        return Agreement(UNJUDGED, f"{distance}; {basis}")
    low, high = effect.interval()
    reason = f"{distance}, 95 % interval {low:+.3g} to {high:+.3g} ({basis})"
    rounding = 0.5 * 10.0 ** -int(cell.decimals or 2)
    if low <= rounding and high >= -rounding:
        return Agreement(AGREES, reason)
    if not cell.better:
        return Agreement(DIFFERS, reason)
    return Agreement(BETTER if (effect.estimate > 0) == (cell.better == "higher") else WORSE, reason)


def incomparable(row: dict[str, Any], part: str) -> str:
    """Return why our number is not of what the paper measured; empty where it is."""
    verified = row["data"]["source"]["verified"] if "data" in row else ""
    if verified in ("drawn on the spot", "the user's own images", "accepted by the user"):
        return f"other data than the paper's: {verified}"
    if part:
        return f"other data than the paper's: {part}"
    if "meta" in row and row["meta"]["weights"] == "random":
        return "a Fréchet distance on features of random weights, no FID"
    if "meta" in row and row["meta"]["rank_deficient"]:
        return "FID of fewer images than features"
    return ""


def difference(ours: Sample, published: Sample) -> tuple[Effect, str]:
    """Return `ours` less `published`, and in words what its interval rests on."""
    known = [side for side in (ours, published) if side.std is not None and side.n > 1]
    sizes = f"n = {ours.n} and {published.n}"
    if len(known) == 2:
        return contrast((1, -1), (ours, published)), f"Welch, {sizes}"
    estimate = ours.mean - published.mean
    if not known:
        return Effect(estimate, None, None), f"no spread on either side, {sizes}"
    error = known[0].std * math.sqrt(1 / ours.n + 1 / published.n)
    side = "our" if known[0] is ours else "the published"
    return Effect(estimate, error, known[0].n - 1), f"Student with {side} spread for both, {sizes}"


def number(printed: str) -> float:
    """Return a printed number, which may group its thousands."""
    return float(printed.replace(",", ""))
