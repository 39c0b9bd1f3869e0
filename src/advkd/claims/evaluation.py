"""Looks up the numbers of a predicate, compares them, and describes the results."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from math import inf
from typing import Any

from advkd.claims.number import Number
from advkd.claims.our_numbers import OurNumbers
from advkd.claims.predicates.base import Comparison, Instance, Interval, Quantity
from advkd.claims.predicates.values import Untrained
from advkd.metrics.effect import LEVEL, Effect, Sample, contrast, decrease, hedges_g

UNBOUNDED: Interval = (-inf, inf)


@dataclass(frozen=True)
class ComparisonResult:
    """The result of one comparison, as the reports show it. What is unknown is None.

    Attributes:
        compared: what was compared, for example "pskd − aikd (aikd/cifar100/preact_resnet18, top1_error)".
        claimed: what is claimed about it, for example "> 0".
        numbers: the calculation, for example "21.16 − 19.87 = 1.29", or why there is none.
        agrees: whether the result is as claimed; None if that is open.
        n: the number of runs behind each quantity.
        estimate: the result.
        low, high: the ends of its 95 % interval over seeds.
        t, df, p: Welch's t-test of no difference.
        g: the difference in standard deviations (Hedges' g).
        images: the interval over evaluation images, see `ImageIntervals.interval`.
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
class Evaluation:
    """An instance of a predicate with the numbers of its comparisons.

    Attributes:
        numbers: for each comparison, the numbers of its quantities.
        effects: for each comparison, its effect; None if a number is missing.
    """

    instance: Instance
    comparisons: list[Comparison]
    numbers: list[list[Number]]
    effects: list[Effect | None]

    @classmethod
    def of(cls, instance: Instance, lookup: Callable[[Quantity], Number]) -> "Evaluation":
        """Look up the numbers of an instance and compare them."""
        comparisons = instance.comparisons()
        numbers = [[lookup(quantity) for quantity in comparison.quantities] for comparison in comparisons]
        if isinstance(instance.predicate, Untrained):
            numbers = [[_count_diverged(number) for number in group] for group in numbers]
        effects = [effect_of(comparison, group) for comparison, group in zip(comparisons, numbers, strict=True)]
        return cls(instance, comparisons, numbers, effects)

    def decide(self, level: float) -> bool | None:
        """Decide the predicate from the confidence intervals of the effects."""
        return self.instance.predicate.decide([_interval(effect, level) for effect in self.effects])

    def decide_printed(self) -> bool | None:
        """Decide the predicate from the printed numbers themselves."""
        return self.instance.predicate.decide(self._printed_points())

    def undecided(self) -> list[Effect]:
        """Return the effects that leave the predicate open: the undecided ones, or all if each is decided by itself."""
        predicate = self.instance.predicate
        effects = [effect for effect in self.effects if effect]
        return [effect for effect in effects if predicate.as_claimed(*effect.interval()) is None] or effects

    def printed_results(self) -> list[ComparisonResult]:
        """Return the results on printed numbers, where each comparison is decided by the numbers themselves."""
        return [
            describe_result(comparison, numbers, effect, self.instance.predicate.as_claimed(*point))
            for comparison, numbers, effect, point in zip(
                self.comparisons, self.numbers, self.effects, self._printed_points(), strict=True
            )
        ]

    def our_results(self, source: OurNumbers) -> list[ComparisonResult]:
        """Return the results on our numbers, where each comparison is decided by its interval over seeds."""
        results = []
        for comparison, numbers, effect in zip(self.comparisons, self.numbers, self.effects, strict=True):
            agrees = self.instance.predicate.as_claimed(*_interval(effect, LEVEL))
            images = source.image_interval(comparison) if effect else None
            results.append(describe_result(comparison, numbers, effect, agrees, images))
        return results

    def _printed_points(self) -> list[Interval]:
        """Return for each comparison the interval of width zero at its printed result."""
        points = []
        for comparison, numbers in zip(self.comparisons, self.numbers, strict=True):
            result = printed_result(comparison, numbers)
            points.append(UNBOUNDED if result is None else (float(result), float(result)))
        return points


def _count_diverged(number: Number) -> Number:
    """Give a group whose trainings all diverged the number 0: it has learnt nothing."""
    if not number.diverged:
        return number
    return replace(number, sample=Sample.from_values([0.0] * number.diverged), ended="")


def _interval(effect: Effect | None, level: float) -> Interval:
    return effect.interval(level) if effect else UNBOUNDED


def effect_of(comparison: Comparison, numbers: list[Number]) -> Effect | None:
    """Return the effect of a comparison, or None if a number is missing."""
    samples = [number.sample for number in numbers if number.sample is not None]
    if len(samples) < len(numbers):
        return None
    return decrease(*samples) if comparison.relative else contrast(comparison.weights, samples)


def printed_result(comparison: Comparison, numbers: list[Number]) -> Decimal | None:
    """Return a comparison of printed numbers in decimal arithmetic, or None if a number is not printed.

    Where the paper states the result, it is rounded to the same number of decimals.
    """
    digits = [number.digits for number in numbers if number.digits is not None]
    if len(digits) < len(numbers):
        return None
    if comparison.relative:
        result = 100 * (digits[1] - digits[0]) / digits[1]
    else:
        result = sum((weight * mean for weight, mean in zip(comparison.weights, digits, strict=True)), Decimal())
    if comparison.decimals is None:
        return result
    return result.quantize(Decimal(1).scaleb(-comparison.decimals), ROUND_HALF_UP)


def describe_result(
    comparison: Comparison,
    numbers: list[Number],
    effect: Effect | None,
    agrees: bool | None,
    images: dict[str, Any] | None = None,
) -> ComparisonResult:
    """Return the result of a comparison with all that is known about it."""
    compared = describe_comparison(comparison)
    if effect is None:
        missing = dict.fromkeys(number.status for number in numbers if number.sample is None)
        return ComparisonResult(compared, comparison.claimed, ", ".join(missing), agrees)
    samples = [number.sample for number in numbers if number.sample is not None]
    printed = printed_result(comparison, numbers)
    result = effect.estimate if printed is None else printed
    has_error = effect.error is not None
    low, high = effect.interval() if has_error else (None, None)
    is_difference = len(numbers) > 1
    g = hedges_g(*samples) if len(numbers) == 2 and not comparison.relative else None
    return ComparisonResult(
        compared,
        comparison.claimed,
        describe_calculation(comparison, numbers, result),
        agrees,
        n=tuple(sample.n for sample in samples),
        estimate=float(result),
        low=low,
        high=high,
        t=effect.t() if is_difference else None,
        df=effect.df if is_difference and has_error else None,
        p=effect.p() if is_difference else None,
        g=None if g is None else g * comparison.weights[0],
        images=images,
    )


def describe_comparison(comparison: Comparison) -> str:
    """Return what is compared, with what all names share once: "cskd − aikd (aikd/cifar100/…, top1_error)"."""
    groups = [quantity.run.rsplit("/", 1) for quantity in comparison.quantities]
    places = list(dict.fromkeys(place for place, _ in groups))
    metrics = list(dict.fromkeys(quantity.metric for quantity in comparison.quantities))
    names = []
    for (place, name), quantity in zip(groups, comparison.quantities, strict=True):
        full_name = name if len(places) == 1 else f"{place}/{name}"
        names.append(full_name if len(metrics) == 1 else f"{full_name} {quantity.metric}")
    shared = (places if len(places) == 1 else []) + (metrics if len(metrics) == 1 else [])
    text = f"{names[0]} below {names[1]}" if comparison.relative else _weighted_sum(comparison.weights, names)
    return f"{text} ({', '.join(shared)})" if shared else text


def describe_calculation(comparison: Comparison, numbers: list[Number], result: float | Decimal) -> str:
    """Return the numbers behind a comparison: "21.67 − 19.87 = 1.80". Our own numbers get four digits."""
    if isinstance(result, Decimal):
        terms, value = [str(number.digits) for number in numbers], str(result)
    else:
        terms = [f"{number.sample.mean:.4g}" for number in numbers if number.sample is not None]
        value = f"{result:.3g}"
    if comparison.relative:
        return f"{terms[0]} against {terms[1]}: {value} %"
    if len(terms) == 1:
        return terms[0]
    return f"{_weighted_sum(comparison.weights, terms)} = {value.replace('-', '−')}"


def _weighted_sum(weights: tuple[int, ...], names: list[str]) -> str:
    """Return a sum as text, with the added terms before the subtracted ones."""
    terms = sorted(zip(weights, names, strict=True), key=lambda term: -term[0])
    return " ".join(f"{'−' if weight < 0 else '+'} {name}" for weight, name in terms).removeprefix("+ ")
