"""Looks up the numbers of a predicate and compares them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf

from advkd.claims.comparison_results import ComparisonResult, printed_result, summarize
from advkd.claims.number import Number
from advkd.claims.our_numbers import OurNumbers
from advkd.claims.predicates.base import Comparison, Instance, Interval, Quantity
from advkd.claims.predicates.values import Untrained
from advkd.metrics.effect import LEVEL, Effect, Sample, contrast, decrease

UNBOUNDED: Interval = (-inf, inf)


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
    def of_instance(cls, instance: Instance, lookup: Callable[[Quantity], Number]) -> "Evaluation":
        """Look up the numbers of an instance and compare them."""
        comparisons = instance.comparisons()
        numbers: list[list[Number]] = []
        effects: list[Effect | None] = []
        for comparison in comparisons:
            compared = [lookup(quantity) for quantity in comparison.quantities]
            if isinstance(instance.predicate, Untrained):
                compared = [_count_diverged(number) for number in compared]
            numbers.append(compared)
            effects.append(effect_of(comparison, compared))
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
        results = []
        points = self._printed_points()
        for comparison, numbers, effect, point in zip(
            self.comparisons, self.numbers, self.effects, points, strict=True
        ):
            agrees = self.instance.predicate.as_claimed(*point)
            results.append(summarize(comparison, numbers, effect, agrees))
        return results

    def our_results(self, source: OurNumbers) -> list[ComparisonResult]:
        """Return the results on our numbers, where each comparison is decided by its interval over seeds."""
        results = []
        for comparison, numbers, effect in zip(self.comparisons, self.numbers, self.effects, strict=True):
            agrees = self.instance.predicate.as_claimed(*_interval(effect, LEVEL))
            images = source.image_interval(comparison) if effect else None
            results.append(summarize(comparison, numbers, effect, agrees, images))
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
