"""Comparisons with their numbers: what they come to, and how they read."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from advkd.claims.evidence import Number, Ours
from advkd.claims.predicates import Comparison, Instance, Interval, Quantity, Untrained
from advkd.metrics.effect import LEVEL, Effect, Sample, contrast, decrease, hedges_g

LINE = (-float("inf"), float("inf"))


@dataclass(frozen=True)
class Part:
    """One comparison: what was compared, what is claimed of it, and what came out.

    numbers: the calculation as text. n: runs behind each. low, high: 95 % interval over seeds. t, df, p: of no
    difference (Welch). g: the difference in standard deviations (Hedges). images: `Ours.images`. What is unknown is
    None.
    """

    compared: str
    claimed: str
    numbers: str
    agrees: bool | None
    n: tuple[int, ...] = ()
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    t: float | None = None
    df: float | None = None
    p: float | None = None
    g: float | None = None
    images: dict[str, Any] | None = None


@dataclass(frozen=True)
class Examined:
    """An instance with the numbers of its comparisons and their effects; None where a number is missing."""

    instance: Instance
    comparisons: list[Comparison]
    numbers: list[list[Number]]
    effects: list[Effect | None]

    @classmethod
    def of(cls, instance: Instance, number: Callable[[Quantity], Number]) -> "Examined":
        """Look the numbers up and compare them."""
        comparisons = instance.comparisons()
        numbers = [[number(quantity) for quantity in one.quantities] for one in comparisons]
        if isinstance(instance.predicate, Untrained):
            numbers = [[untrained(one) for one in pair] for pair in numbers]
        return cls(instance, comparisons, numbers, list(map(effect, comparisons, numbers)))

    def decide(self, level: float) -> bool | None:
        """Decide from the effects' intervals."""
        return self.instance.predicate.decide([self._interval(one, level) for one in self.effects])

    def decide_printed(self) -> bool | None:
        """Decide from the printed numbers themselves."""
        return self.instance.predicate.decide([self._printed(index) for index in range(len(self.comparisons))])

    def undecided(self) -> list[Effect]:
        """Return the effects that leave the claim open: where possible those that are open themselves."""
        predicate = self.instance.predicate
        found = [one for one in self.effects if one]
        return [one for one in found if predicate.as_claimed(*one.interval()) is None] or found

    def parts(self, source: Ours | None = None) -> list[Part]:
        """Return the comparisons; with the source of our numbers as decided by seeds, without as printed."""
        found = []
        for index, one in enumerate(self.effects):
            interval = self._interval(one, LEVEL) if source else self._printed(index)
            agrees = self.instance.predicate.as_claimed(*interval)
            images = source.images(self.comparisons[index]) if source and one else None
            found.append(part(self.comparisons[index], self.numbers[index], one, agrees, images))
        return found

    def _interval(self, one: Effect | None, level: float) -> Interval:
        return one.interval(level) if one else LINE

    def _printed(self, index: int) -> Interval:
        found = exact(self.comparisons[index], self.numbers[index])
        return LINE if found is None else (float(found), float(found))


def untrained(number: Number) -> Number:
    """Return the number of a group whose every training diverged as one that has learnt nothing."""
    return replace(number, sample=Sample.from_values([0.0] * number.diverged), ended="") if number.diverged else number


def effect(comparison: Comparison, numbers: list[Number]) -> Effect | None:
    """Return the effect of a comparison, or None where a number is missing."""
    samples = [number.sample for number in numbers]
    if None in samples:
        return None
    return decrease(*samples) if comparison.relative else contrast(comparison.weights, samples)


def exact(comparison: Comparison, numbers: list[Number]) -> Decimal | None:
    """Return a comparison of printed numbers in decimal arithmetic, rounded as the paper rounds what it states."""
    digits = [number.digits for number in numbers]
    if None in digits:
        return None
    if comparison.relative:
        found = 100 * (digits[1] - digits[0]) / digits[1]
    else:
        found = sum((w * number for w, number in zip(comparison.weights, digits, strict=True)), Decimal())
    places = comparison.decimals
    return found if places is None else found.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def part(
    comparison: Comparison, numbers: list[Number], found: Effect | None, agrees: bool | None, images: dict | None
) -> Part:
    """Return a comparison with all that is known of it."""
    if found is None:
        lacking = dict.fromkeys(number.status for number in numbers if number.sample is None)
        return Part(describe(comparison), comparison.claimed, ", ".join(lacking), agrees)
    compared, bounded = len(numbers) > 1, found.error is not None
    low, high = found.interval() if bounded else (None, None)
    digits = exact(comparison, numbers)
    size = None
    if len(numbers) == 2 and not comparison.relative:
        size = hedges_g(*(number.sample for number in numbers))
    return Part(
        describe(comparison),
        comparison.claimed,
        calculation(comparison, numbers, found.estimate if digits is None else digits),
        agrees,
        n=tuple(number.sample.n for number in numbers),
        estimate=found.estimate if digits is None else float(digits),
        low=low,
        high=high,
        t=found.t() if compared else None,
        df=found.df if compared and bounded else None,
        p=found.p() if compared else None,
        g=None if size is None else size * comparison.weights[0],
        images=images,
    )


def describe(comparison: Comparison) -> str:
    """Return what is compared, saying once what the names share: "cskd − aikd (aikd/cifar100/…, top1_error)"."""
    groups = [quantity.run.rsplit("/", 1) for quantity in comparison.quantities]
    metrics = list(dict.fromkeys(quantity.metric for quantity in comparison.quantities))
    places = list(dict.fromkeys(place for place, _ in groups))
    names = [
        (name if len(places) == 1 else f"{place}/{name}") + (f" {quantity.metric}" if len(metrics) > 1 else "")
        for (place, name), quantity in zip(groups, comparison.quantities, strict=True)
    ]
    shared = ", ".join((places if len(places) == 1 else []) + (metrics if len(metrics) == 1 else []))
    words = f"{names[0]} below {names[1]}" if comparison.relative else weighted(comparison.weights, names)
    return f"{words} ({shared})" if shared else words


def calculation(comparison: Comparison, numbers: list[Number], result: float | Decimal) -> str:
    """Return the numbers behind a comparison: "21.67 − 19.87 = 1.80"; ours to four digits."""
    if isinstance(result, Decimal):
        shown, value = [str(number.digits) for number in numbers], str(result)
    else:
        shown, value = [f"{number.sample.mean:.4g}" for number in numbers], f"{result:.3g}"
    if comparison.relative:
        return f"{shown[0]} against {shown[1]}: {value} %"
    return shown[0] if len(shown) == 1 else f"{weighted(comparison.weights, shown)} = {value.replace('-', '−')}"


def weighted(weights: tuple[int, ...], names: list[str]) -> str:
    """Return a sum as text, what is added before what is taken away."""
    terms = sorted(zip(weights, names, strict=True), key=lambda term: -term[0])
    return " ".join(f"{'−' if weight < 0 else '+'} {name}" for weight, name in terms).removeprefix("+ ")
