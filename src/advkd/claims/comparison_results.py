"""The result of a comparison: its numbers, its statistics, and how they read."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from advkd.artifacts.number_format import format_estimate, format_interval
from advkd.claims.comparison_words import compared_in_words, weighted_sum
from advkd.claims.number import Number
from advkd.claims.predicates.base import Comparison
from advkd.metrics.effect import Effect, hedges_g


@dataclass(frozen=True)
class ComparisonResult:
    """The result of one comparison, as the reports show it. What is unknown is None.

    Attributes:
        compared: what was compared, for example "PS-KD − AI-KD (Table 2: Top-1 Error / ResNet 18 / CIFAR-100)".
        claimed: what is claimed about it, for example "> 0".
        numbers: the calculation, for example "21.16 − 19.87 = 1.29", or why there is none.
        agrees: whether the result is as claimed; None if that is open.
        n: the number of runs behind each quantity.
        estimate: the result.
        low, high: the ends of its 95 % interval over seeds.
        interval: this interval as text; empty if it is unknown, or if no group varies.
        t, df, p: Welch's t-test of no difference.
        g: the difference in standard deviations (Hedges' g).
        images: the interval over evaluation images, see `ImageIntervals.interval`.
        machines: for times of ours, the hardware that they were measured on.
    """

    compared: str
    claimed: str
    numbers: str
    agrees: bool | None
    n: tuple[int, ...] = ()
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    interval: str = ""
    t: float | None = None
    df: float | None = None
    p: float | None = None
    g: float | None = None
    images: dict[str, Any] | None = None
    machines: tuple[str, ...] = ()


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


def summarize(
    comparison: Comparison,
    numbers: list[Number],
    effect: Effect | None,
    agrees: bool | None,
    images: dict[str, Any] | None = None,
) -> ComparisonResult:
    """Return the result of a comparison of `numbers` with the given effect.

    Args:
        effect: the effect of the comparison; None if a number is missing.
        agrees: whether the result is as claimed; None if that is open.
        images: the interval over evaluation images, if there is one.
    """
    compared = compared_in_words(comparison)
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
        describe_calculation(comparison, numbers, effect if printed is None else printed),
        agrees,
        n=tuple(sample.n for sample in samples),
        estimate=float(result),
        low=low,
        high=high,
        interval=format_interval(effect.interval(), effect.error, is_difference) if effect.error else "",
        t=effect.t() if is_difference else None,
        df=effect.df if is_difference and has_error else None,
        p=effect.p() if is_difference else None,
        g=None if g is None else g * comparison.weights[0],
        images=images,
        machines=tuple(dict.fromkeys(machine for number in numbers for machine in number.machines)),
    )


def describe_calculation(comparison: Comparison, numbers: list[Number], result: Effect | Decimal) -> str:
    """Return the numbers behind a comparison: "21.67 − 19.87 = 1.80".

    Printed numbers stand as printed. Ours have the digits that their errors allow, as in the tables.
    """
    if isinstance(result, Decimal):
        terms, value = [str(number.digits) for number in numbers], str(result)
    else:
        measured = [number.measured for number in numbers if number.measured is not None]
        terms = [format_estimate(number.mean, number.error) for number in measured]
        value = format_estimate(result.estimate, result.error)
    if comparison.relative:
        return f"{terms[0]} against {terms[1]}: {value} %"
    if len(terms) == 1:
        return terms[0]
    return f"{weighted_sum(comparison.weights, terms)} = {value.replace('-', '−')}"
