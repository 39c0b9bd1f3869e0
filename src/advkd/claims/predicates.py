"""What a claim may say: a small closed set of predicates over the numbers of run groups.

Each predicate breaks down into comparisons, and decides from an interval for each of them: True (the claim holds
whatever the numbers are within their intervals), False (it fails whatever they are) or None. Points, as of printed
means, are intervals too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations, pairwise
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from advkd.settings.catalog import series
from advkd.settings.schema import Strict

Interval = tuple[float, float]
Name = Annotated[str, Field(pattern=r"^[a-z0-9_/+=.{}]+( [a-z0-9_.A-Z]+)?$")]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]
Printed = Annotated[str, Field(pattern=r"^\d+(\.\d+)?$")]


class Quantity(NamedTuple):
    """A metric of a run group, PAPER/DATASET/MODEL/METHOD[+KEY=VALUE]."""

    run: str
    metric: str

    def __str__(self) -> str:
        return f"{self.run} {self.metric}"


@dataclass(frozen=True)
class Comparison:
    """One number that a predicate rests on, and what is claimed of it, in words.

    The sum of quantities times weights or, where `relative`, by how many % the first lies below the second.
    `decimals` are those of a number that the paper states of it; None where it states none.
    """

    quantities: tuple[Quantity, ...]
    weights: tuple[int, ...]
    claimed: str
    relative: bool = False
    decimals: int | None = None


class Predicate(Strict):
    """What all predicates share.

    metric: of the names that carry none of their own ("NAME METRIC"); of several the predicate must hold for each.
    under: PAPER/DATASET/MODEL before names without a slash; of several likewise. A name may be a series,
    as in the catalogue's variants.
    """

    metric: str | tuple[str, ...] = ""
    under: tuple[str, ...] = ("",)

    def instances(self) -> list["Instance"]:
        """Return the predicate once for each metric and each network and data set that it speaks of."""
        metrics = (self.metric,) if isinstance(self.metric, str) else self.metric
        return [Instance(self, metric, under) for under in self.under for metric in metrics]

    def comparisons(self, at: "Instance") -> list[Comparison]:
        """Return the comparisons of one instance."""
        raise NotImplementedError

    def decide(self, intervals: Sequence[Interval]) -> bool | None:
        """Decide from one interval for each comparison, in their order: all must be as claimed."""
        return all_of([self.as_claimed(*interval) for interval in intervals])

    def as_claimed(self, low: float, high: float) -> bool | None:
        """Decide one comparison: by default its number must be positive."""
        return True if low > 0 else False if high <= 0 else None

    def boundary(self, estimate: float) -> float:
        """Return how far an estimate is from where the decision turns."""
        return abs(estimate)


@dataclass(frozen=True)
class Instance:
    """A predicate for one metric, network and data set."""

    predicate: Predicate
    metric: str
    under: str

    def names(self, names: Names) -> list[Quantity]:
        """Return the quantities that names stand for."""
        found = []
        for name in names:
            groups, _, metric = name.partition(" ")
            prefix = f"{self.under}/" if "/" not in groups else ""
            found += [Quantity(prefix + group, metric or self.metric) for group in series(groups)]
        return found

    def name(self, name: Name) -> Quantity:
        """Return the one quantity that a name stands for."""
        (found,) = self.names((name,))
        return found

    def comparisons(self) -> list[Comparison]:
        """Return the comparisons, in the order in which the predicate decides them."""
        return self.predicate.comparisons(self)


class Lower(Predicate):
    """`group` has a lower number than each of the others."""

    kind: Literal["lower"]
    group: Name
    than: Names

    def comparisons(self, at: Instance) -> list[Comparison]:
        """Each other less the group."""
        return [Comparison((other, at.name(self.group)), (1, -1), "> 0") for other in at.names(self.than)]


class Higher(Predicate):
    """`group` has a higher number than each of the others."""

    kind: Literal["higher"]
    group: Name
    than: Names

    def comparisons(self, at: Instance) -> list[Comparison]:
        """The group less each other."""
        return [Comparison((at.name(self.group), other), (1, -1), "> 0") for other in at.names(self.than)]


class SomeLower(Predicate):
    """At least one of the groups has a lower number than the other."""

    kind: Literal["some_lower"]
    groups: Names
    than: Name

    def comparisons(self, at: Instance) -> list[Comparison]:
        """The other less each group."""
        return [Comparison((at.name(self.than), group), (1, -1), "> 0 in one") for group in at.names(self.groups)]

    def decide(self, intervals: Sequence[Interval]) -> bool | None:
        """One is enough."""
        found = all_of([negated(self.as_claimed(*interval)) for interval in intervals])
        return negated(found)


class Rank(Predicate):
    """`group` takes the place `place` among itself and the others; a shared place counts."""

    kind: Literal["rank"]
    group: Name
    among: Names
    order: Literal["lowest", "highest"]
    place: Annotated[int, Field(ge=1)] = 1

    def comparisons(self, at: Instance) -> list[Comparison]:
        """By how much the group is ahead of each other one."""
        own, sign = at.name(self.group), 1 if self.order == "highest" else -1
        claimed = "≥ 0" if self.place == 1 else f"< 0 in {self.place - 1}"
        return [Comparison((own, other), (sign, -sign), claimed) for other in at.names(self.among) if other != own]

    def decide(self, intervals: Sequence[Interval]) -> bool | None:
        """Compare with the places that are possible, given who is surely ahead."""
        ahead = sum(high < 0 for _, high in intervals)
        behind = sum(low >= 0 for low, _ in intervals)
        best, worst = 1 + ahead, 1 + len(intervals) - behind
        return (True if best == worst else None) if best <= self.place <= worst else False

    def as_claimed(self, low: float, high: float) -> bool | None:
        """For the first place only: behind the second and later ones some must be ahead."""
        if self.place > 1:
            return None
        return True if low >= 0 else False if high < 0 else None


class Difference(Predicate):
    """`higher` lies above `lower` by the number that the paper states, in the metric's unit."""

    kind: Literal["difference"]
    higher: Name
    lower: Name
    by: Printed

    def comparisons(self, at: Instance) -> list[Comparison]:
        """The difference."""
        both = (at.name(self.higher), at.name(self.lower))
        return [Comparison(both, (1, -1), f"= {self.by}", decimals=decimals(self.by))]

    def as_claimed(self, low: float, high: float) -> bool | None:
        """The stated number must be possible, and no difference impossible."""
        return False if not low <= float(self.by) <= high else True if low > 0 else None


class Decrease(Difference):
    """`lower` lies below `higher` by the stated %."""

    kind: Literal["decrease"]

    def comparisons(self, at: Instance) -> list[Comparison]:
        """The decrease in %."""
        both = (at.name(self.lower), at.name(self.higher))
        return [Comparison(both, (1, -1), f"= {self.by} %", relative=True, decimals=decimals(self.by))]


class Value(Predicate):
    """`group` has the number that the paper states."""

    kind: Literal["value"]
    group: Name
    equals: Printed

    def comparisons(self, at: Instance) -> list[Comparison]:
        """The number itself."""
        return [Comparison((at.name(self.group),), (1,), f"= {self.equals}", decimals=decimals(self.equals))]

    def as_claimed(self, low: float, high: float) -> bool | None:
        """The stated number must be possible; the whole line says nothing."""
        if not low <= float(self.equals) <= high:
            return False
        return True if high - low < float("inf") else None


class Above(Predicate):
    """Every group has a number above `value`."""

    kind: Literal["above"]
    groups: Names
    value: float

    def comparisons(self, at: Instance) -> list[Comparison]:
        """The numbers themselves."""
        return [Comparison((group,), (1,), f"> {self.value:g}") for group in at.names(self.groups)]

    def as_claimed(self, low: float, high: float) -> bool | None:
        """Decide against `value`."""
        return True if low > self.value else False if high <= self.value else None

    def boundary(self, estimate: float) -> float:
        """The distance from `value`."""
        return abs(estimate - self.value)


class Untrained(Predicate):
    """No group learns: its number is below `below`, or its trainings diverge."""

    kind: Literal["untrained"]
    groups: Names
    below: float

    def comparisons(self, at: Instance) -> list[Comparison]:
        """The numbers themselves."""
        return [Comparison((group,), (1,), f"< {self.below:g}") for group in at.names(self.groups)]

    def as_claimed(self, low: float, high: float) -> bool | None:
        """Decide against `below`."""
        return True if high < self.below else False if low >= self.below else None

    def boundary(self, estimate: float) -> float:
        """The distance from `below`."""
        return abs(estimate - self.below)


class Rising(Predicate):
    """The numbers rise from each group to the next."""

    kind: Literal["rising"]
    groups: Annotated[tuple[Name, ...], Field(min_length=2)]

    def comparisons(self, at: Instance) -> list[Comparison]:
        """Each step."""
        return [Comparison((after, before), (1, -1), "> 0") for before, after in pairwise(at.names(self.groups))]


class Insensitive(Predicate):
    """No two groups differ by more than `margin`."""

    kind: Literal["insensitive"]
    groups: Annotated[tuple[Name, ...], Field(min_length=2)]
    margin: Annotated[float, Field(gt=0)]

    def comparisons(self, at: Instance) -> list[Comparison]:
        """The difference of every two."""
        pairs = combinations(at.names(self.groups), 2)
        return [Comparison(pair, (1, -1), f"within ±{self.margin:g}") for pair in pairs]

    def as_claimed(self, low: float, high: float) -> bool | None:
        """Decide against the margin on both sides."""
        if -self.margin <= low and high <= self.margin:
            return True
        return False if low > self.margin or high < -self.margin else None

    def boundary(self, estimate: float) -> float:
        """The distance from the nearer end of the margin."""
        return abs(abs(estimate) - self.margin)


class LargerGain(Predicate):
    """The first of `gain` is further above its second than the first of `than` above its."""

    kind: Literal["larger_gain"]
    gain: tuple[Name, Name]
    than: tuple[Name, Name]

    def comparisons(self, at: Instance) -> list[Comparison]:
        """The difference of the differences."""
        return [Comparison(tuple(at.names(self.gain + self.than)), (1, -1, -1, 1), "> 0")]


class Rows(Predicate):
    """A table has these run groups and no others: a matter of print, which no run can settle."""

    kind: Literal["rows"]
    table: str
    groups: Names

    def comparisons(self, at: Instance) -> list[Comparison]:
        """None: the table's rows decide."""
        return []


def all_of(decisions: Sequence[bool | None]) -> bool | None:
    """Return False if any is, True if all are, else None."""
    if any(decision is False for decision in decisions):
        return False
    return True if all(decisions) else None


def negated(decision: bool | None) -> bool | None:
    """Return the opposite; what is undecided stays so."""
    return None if decision is None else not decision


def decimals(printed: str) -> int:
    """Return the number of decimals of a printed number."""
    return -Decimal(printed).as_tuple().exponent


AnyPredicate = Annotated[
    Lower | Higher | SomeLower | Rank | Difference | Decrease | Value | Above | Untrained | Rising | Insensitive
    | LargerGain | Rows,
    Field(discriminator="kind"),
]  # fmt: skip
