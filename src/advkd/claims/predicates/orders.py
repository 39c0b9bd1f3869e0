"""Predicates about orders: which of several run groups has the lower or higher number."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from advkd.claims.predicates.base import (
    Comparison,
    Instance,
    Interval,
    Name,
    Names,
    Predicate,
    all_hold,
    difference,
    negate,
)


class Lower(Predicate):
    """`group` has a lower number than each of the others."""

    kind: Literal["lower"]
    group: Name
    than: Names

    def comparisons(self, instance: Instance) -> list[Comparison]:
        """Return each of the others minus the group."""
        return [difference(other, instance.quantity(self.group)) for other in instance.quantities(self.than)]


class Higher(Predicate):
    """`group` has a higher number than each of the others."""

    kind: Literal["higher"]
    group: Name
    than: Names

    def comparisons(self, instance: Instance) -> list[Comparison]:
        """Return the group minus each of the others."""
        return [difference(instance.quantity(self.group), other) for other in instance.quantities(self.than)]


class SomeLower(Predicate):
    """At least one of the groups has a lower number than `than`."""

    kind: Literal["some_lower"]
    groups: Names
    than: Name

    def comparisons(self, instance: Instance) -> list[Comparison]:
        """Return `than` minus each group."""
        than = instance.quantity(self.than)
        return [difference(than, group, "> 0 for at least one") for group in instance.quantities(self.groups)]

    def decide(self, intervals: Sequence[Interval]) -> bool | None:
        """Decide whether at least one comparison is as claimed."""
        none_lower = all_hold([negate(self.as_claimed(*interval)) for interval in intervals])
        return negate(none_lower)


class Rank(Predicate):
    """`group` takes the place `place` among itself and the others. Groups with equal numbers share a place."""

    kind: Literal["rank"]
    group: Name
    among: Names
    order: Literal["lowest", "highest"]
    place: Annotated[int, Field(ge=1)] = 1

    def comparisons(self, instance: Instance) -> list[Comparison]:
        """Return by how much the group is ahead of each of the others; negative where it is behind."""
        group = instance.quantity(self.group)
        sign = 1 if self.order == "highest" else -1
        claimed = "≥ 0" if self.place == 1 else f"< 0 for {self.place - 1} of them"
        others = [other for other in instance.quantities(self.among) if other != group]
        return [Comparison((group, other), (sign, -sign), claimed) for other in others]

    def decide(self, intervals: Sequence[Interval]) -> bool | None:
        """Compare the claimed place with the best and the worst place that the intervals allow."""
        surely_behind = sum(high < 0 for _, high in intervals)
        surely_ahead = sum(low >= 0 for low, _ in intervals)
        best_place = 1 + surely_behind
        worst_place = 1 + len(intervals) - surely_ahead
        if not best_place <= self.place <= worst_place:
            return False
        return True if best_place == worst_place else None

    def as_claimed(self, low: float, high: float) -> bool | None:
        """Decide one comparison for the first place.

        For a later place some of the others must be ahead and it does not matter which, so no comparison decides alone.
        """
        if self.place > 1:
            return None
        if low >= 0:
            return True
        return False if high < 0 else None


class Rising(Predicate):
    """The numbers rise from each group to the next."""

    kind: Literal["rising"]
    groups: Annotated[tuple[Name, ...], Field(min_length=2)]

    def comparisons(self, instance: Instance) -> list[Comparison]:
        """Return each group minus the one before it."""
        return [difference(after, before) for before, after in pairwise(instance.quantities(self.groups))]


class LargerGain(Predicate):
    """The gain (first minus second) of the pair `gain` is larger than that of the pair `than`."""

    kind: Literal["larger_gain"]
    gain: tuple[Name, Name]
    than: tuple[Name, Name]

    def comparisons(self, instance: Instance) -> list[Comparison]:
        """Return the difference of the two gains."""
        return [Comparison(tuple(instance.quantities(self.gain + self.than)), (1, -1, -1, 1), "> 0")]
