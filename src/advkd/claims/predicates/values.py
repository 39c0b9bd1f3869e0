"""Predicates about values: numbers that the paper states, thresholds and margins."""

import math
from itertools import combinations
from typing import Annotated, Literal

from pydantic import Field

from advkd.claims.predicates.base import (
    Comparison,
    Instance,
    Name,
    Names,
    Predicate,
    PrintedNumber,
    decimals,
    difference,
    is_above,
)


class StatedChange(Predicate):
    """The paper states by how much `higher` lies above `lower`."""

    higher: Name
    lower: Name
    by: PrintedNumber

    def as_claimed(self, low: float, high: float) -> bool | None:
        """Decide whether the interval contains the stated number and excludes zero."""
        if not low <= float(self.by) <= high:
            return False
        return True if low > 0 else None


class Difference(StatedChange):
    """`higher` lies above `lower` by `by`, in the unit of the metric."""

    kind: Literal["difference"]

    def comparisons(self, instance: Instance) -> list[Comparison]:
        """Return the difference."""
        pair = (instance.quantity(self.higher), instance.quantity(self.lower))
        return [Comparison(pair, (1, -1), f"= {self.by}", decimals=decimals(self.by))]


class Decrease(StatedChange):
    """`lower` lies below `higher` by `by` %."""

    kind: Literal["decrease"]

    def comparisons(self, instance: Instance) -> list[Comparison]:
        """Return the decrease in %."""
        pair = (instance.quantity(self.lower), instance.quantity(self.higher))
        return [Comparison(pair, (1, -1), f"= {self.by} %", relative=True, decimals=decimals(self.by))]


class Value(Predicate):
    """`group` has the number `equals`, which the paper states."""

    kind: Literal["value"]
    group: Name
    equals: PrintedNumber

    def comparisons(self, instance: Instance) -> list[Comparison]:
        """Return the number itself."""
        group = instance.quantity(self.group)
        return [Comparison((group,), (1,), f"= {self.equals}", decimals=decimals(self.equals))]

    def as_claimed(self, low: float, high: float) -> bool | None:
        """Decide whether the interval contains the stated number. An infinite interval leaves it open."""
        if not low <= float(self.equals) <= high:
            return False
        return True if high - low < math.inf else None


class Above(Predicate):
    """Every group has a number above `value`."""

    kind: Literal["above"]
    groups: Names
    value: float

    def comparisons(self, instance: Instance) -> list[Comparison]:
        """Return the numbers themselves."""
        return [Comparison((group,), (1,), f"> {self.value:g}") for group in instance.quantities(self.groups)]

    def as_claimed(self, low: float, high: float) -> bool | None:
        """Decide whether the number lies above `value`."""
        return is_above(self.value, low, high)

    def boundary(self, estimate: float) -> float:
        """Return the distance from `value`."""
        return abs(estimate - self.value)


class Untrained(Predicate):
    """No group learns: its number is below `below`, or all of its trainings diverge."""

    kind: Literal["untrained"]
    groups: Names
    below: float

    def comparisons(self, instance: Instance) -> list[Comparison]:
        """Return the numbers themselves."""
        return [Comparison((group,), (1,), f"< {self.below:g}") for group in instance.quantities(self.groups)]

    def as_claimed(self, low: float, high: float) -> bool | None:
        """Decide whether the number lies below `below`."""
        if high < self.below:
            return True
        return False if low >= self.below else None

    def boundary(self, estimate: float) -> float:
        """Return the distance from `below`."""
        return abs(estimate - self.below)


class Insensitive(Predicate):
    """No two groups differ by more than `margin`."""

    kind: Literal["insensitive"]
    groups: Annotated[tuple[Name, ...], Field(min_length=2)]
    margin: Annotated[float, Field(gt=0)]

    def comparisons(self, instance: Instance) -> list[Comparison]:
        """Return the difference of each pair of groups."""
        pairs = combinations(instance.quantities(self.groups), 2)
        return [difference(first, second, f"within ±{self.margin:g}") for first, second in pairs]

    def as_claimed(self, low: float, high: float) -> bool | None:
        """Decide whether the difference lies within the margin."""
        if -self.margin <= low and high <= self.margin:
            return True
        return False if low > self.margin or high < -self.margin else None

    def boundary(self, estimate: float) -> float:
        """Return the distance from the nearer end of the margin."""
        return abs(abs(estimate) - self.margin)
