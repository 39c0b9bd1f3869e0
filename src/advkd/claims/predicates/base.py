"""The basis of all predicates: quantities, comparisons, and decisions from intervals.

A predicate breaks down into comparisons, for example the difference of two error rates. It is decided from one interval
for each comparison. The decision is True if the predicate holds for all values in the intervals, False if it fails for
all of them, and None otherwise. A printed number is an interval of width zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, NamedTuple

from pydantic import Field

from advkd.errors import UserError
from advkd.settings.catalog import series
from advkd.settings.validation import Strict

Interval = tuple[float, float]
Name = Annotated[str, Field(pattern=r"^[a-z0-9_/+=.{}]+( [a-z0-9_.A-Z]+)?$")]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]
PrintedNumber = Annotated[str, Field(pattern=r"^\d+(\.\d+)?$")]


class Quantity(NamedTuple):
    """A metric of a run group; `run` is PAPER/DATASET/MODEL/METHOD[+KEY=VALUE]."""

    run: str
    metric: str

    def __str__(self) -> str:
        return f"{self.run} {self.metric}"


@dataclass(frozen=True)
class Comparison:
    """A number that a predicate is decided by.

    Attributes:
        quantities: the quantities that are compared.
        weights: one factor for each quantity; the comparison is the weighted sum. (1, -1) is a difference.
        claimed: what is claimed about the number, for example "> 0".
        relative: whether the number is instead by how many % the first quantity lies below the second.
        decimals: the decimals of the number that the paper states; None if it states none.
    """

    quantities: tuple[Quantity, ...]
    weights: tuple[int, ...]
    claimed: str
    relative: bool = False
    decimals: int | None = None


class Predicate(Strict):
    """The fields that all predicates share.

    A name is METHOD[+KEY=VALUE] or a whole run group, optionally followed by a metric ("aikd ece"). It may also stand
    for a series of groups, as in the `variants` of a paper's configuration.

    Attributes:
        metric: the metric of names without one. The predicate must hold for each of several metrics.
        under: PAPER/DATASET/MODEL, the prefix of names without a slash. The predicate must hold under each of several.
    """

    metric: str | tuple[str, ...] = ""
    under: tuple[str, ...] = ("",)

    def instances(self) -> list["Instance"]:
        """Return one instance for each metric and each prefix."""
        metrics = (self.metric,) if isinstance(self.metric, str) else self.metric
        return [Instance(self, metric, under) for under in self.under for metric in metrics]

    def comparisons(self, instance: "Instance") -> list[Comparison]:
        """Return the comparisons of one instance."""
        raise NotImplementedError

    def decide(self, intervals: Sequence[Interval]) -> bool | None:
        """Decide from one interval for each comparison. By default every comparison must be as claimed."""
        return all_hold([self.as_claimed(*interval) for interval in intervals])

    def as_claimed(self, low: float, high: float) -> bool | None:
        """Decide one comparison. By default its number must be positive."""
        return is_above(0, low, high)

    def boundary(self, estimate: float) -> float:
        """Return the distance between an estimate and the value at which the decision changes."""
        return abs(estimate)


@dataclass(frozen=True)
class Instance:
    """A predicate for one metric and one prefix (`Predicate.under`)."""

    predicate: Predicate
    metric: str
    under: str

    def quantities(self, names: Names) -> list[Quantity]:
        """Return the quantities that `names` stand for."""
        quantities = []
        for name in names:
            groups, _, metric = name.partition(" ")
            prefix = "" if "/" in groups else f"{self.under}/"
            for group in series(groups):
                quantities.append(Quantity(prefix + group, metric or self.metric))
        return quantities

    def quantity(self, name: Name) -> Quantity:
        """Return the quantity that a name stands for; raises UserError if the name is a series of several groups."""
        quantities = self.quantities((name,))
        if len(quantities) != 1:
            raise UserError(f"{name!r} stands for {len(quantities)} run groups: name one")
        return quantities[0]

    def comparisons(self) -> list[Comparison]:
        """Return the comparisons in the order in which `Predicate.decide` expects their intervals."""
        return self.predicate.comparisons(self)


def difference(high: Quantity, low: Quantity, claimed: str = "> 0") -> Comparison:
    """Return the comparison `high` minus `low`."""
    return Comparison((high, low), (1, -1), claimed)


def all_hold(decisions: Sequence[bool | None]) -> bool | None:
    """Return False if any decision is False, True if all are True, and None otherwise."""
    if any(decision is False for decision in decisions):
        return False
    return True if all(decisions) else None


def negate(decision: bool | None) -> bool | None:
    """Return the opposite of a decision; None stays None."""
    return None if decision is None else not decision


def is_above(bound: float, low: float, high: float) -> bool | None:
    """Decide whether the number in an interval lies above `bound`."""
    if low > bound:
        return True
    return False if high <= bound else None


def decimals(printed: str) -> int:
    """Return the number of decimals of a printed number."""
    return -int(Decimal(printed).as_tuple().exponent)
