"""Differences between run groups and their uncertainty, from the spread of a metric over seeds.

Two methods need not have the same variance. All intervals are therefore Welch's: unequal variances, with degrees of
freedom after Satterthwaite (1946). The groups count as independent. Trainings with the same seed can share more than
that number (AI-KD's student learns from the superior, which is a row of the same table); an unpaired interval is then
too wide rather than too narrow.

Choices:
    - [aikd] Open: what ± is. Here: the sample standard deviation over seeds.
    - [okd: Table 1] Added: standard deviations over seeds. Why: the paper reports one run of each model.
"""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

LEVEL = 0.95
POWER = 0.8
MOST_SEEDS = 1000


class Sample(NamedTuple):
    """Mean, sample standard deviation (divisor n - 1) and size of a group of values.

    `std` is None where it is unknown: for one value, or for a published number without a deviation.
    """

    mean: float
    std: float | None
    n: int

    @classmethod
    def from_values(cls, values: Sequence[float]) -> "Sample":
        """Summarise at least one value; the standard deviation of a single value is None."""
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))

    @classmethod
    def constant(cls, value: float) -> "Sample":
        """Return a number without uncertainty, such as the accuracy of the teacher that all students share."""
        return cls(value, 0.0, 1)


class Effect(NamedTuple):
    """An estimate with its standard error and degrees of freedom.

    error: standard error; None where the spread of a group is unknown, 0 where no group varies.
    df: Satterthwaite's degrees of freedom; None where the error is None or 0.
    variances: for each group, the variance that one seed of it contributes: error² is the sum of variance / n.
    """

    estimate: float
    error: float | None
    df: float | None
    variances: tuple[float, ...] = ()

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the two-sided confidence interval.

        It is (-inf, inf) where a spread is unknown, and the estimate alone where no group varies.
        """
        if self.error is None:
            return -math.inf, math.inf
        if self.error == 0 or self.df is None:
            return self.estimate, self.estimate
        reach = self.error * _t_quantile((1 + level) / 2, self.df)
        return self.estimate - reach, self.estimate + reach

    def t(self, null: float = 0.0) -> float | None:
        """Return Welch's t of the estimate against `null`; None where the error is None or 0."""
        return (self.estimate - null) / self.error if self.error else None

    def p(self, null: float = 0.0) -> float | None:
        """Return the two-sided p-value of `null`; None where t is None."""
        from scipy.special import stdtr

        t = self.t(null)
        return None if t is None else 2 * float(stdtr(self.df, -abs(t)))


def contrast(weights: Sequence[float], samples: Sequence[Sample]) -> Effect:
    """Return the weighted sum of the samples' means.

    Weights (1, -1) give a difference, (1, -1, -1, 1) a difference of two differences.
    """
    estimate = math.fsum(weight * sample.mean for weight, sample in zip(weights, samples, strict=True))
    return _effect(estimate, weights, samples)


def decrease(new: Sample, old: Sample) -> Effect:
    """Return by how many % the mean of `new` lies below that of `old`.

    The error is of first order in both errors (delta method), which holds while they are small beside the means.
    """
    ratio = new.mean / old.mean
    # The derivatives of 100 (1 - new / old) by new and by old.
    return _effect(100 * (1 - ratio), (-100 / old.mean, 100 * ratio / old.mean), (new, old))


def hedges_g(first: Sample, second: Sample) -> float | None:
    """Return Hedges' g: the difference of the means in standard deviations, corrected for small samples.

    The standard deviation is the root mean square of the two. g is unbiased where both groups have the same variance.
    None where a spread is unknown, a sample is a constant, or neither group varies.
    """
    if first.std is None or second.std is None or min(first.n, second.n) < 2 or not (first.std or second.std):
        return None
    std = math.sqrt((first.std**2 + second.std**2) / 2)
    correction = 1 - 3 / (4 * (first.n + second.n - 2) - 1)  # Hedges (1981)
    return (first.mean - second.mean) / std * correction


def seeds_needed(distance: float, variances: Sequence[float], level: float = LEVEL) -> int | None:
    """Return how many seeds each group needs for an interval to exclude a value at `distance` from the estimate.

    That number of seeds has a power of 0.8, if the estimate and the `variances` (of an `Effect`) are true. None where
    1,000 seeds are too few.

    Args:
        distance: of the value from the estimate, at least 0.
        variances: of an `Effect`.
        level: coverage of the interval.
    """

    def enough(n: int) -> bool:
        if not sum(variances):
            return distance > 0
        error = math.sqrt(sum(variances) / n)
        df = (n - 1) * sum(variances) ** 2 / sum(variance**2 for variance in variances)
        return _power(distance / error, df, level) >= POWER

    if not enough(MOST_SEEDS):
        return None
    # Bisection: `few` seeds are too few (one seed has no spread), `many` are enough.
    few, many = 1, MOST_SEEDS
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many


def detectable(effect: Effect, level: float = LEVEL) -> float | None:
    """Return the distance from a null at which a t-test at `level` has a power of 0.8, if the effect's error is true.

    None where the error is unknown, or no group varies.
    """
    from scipy.optimize import brentq

    if effect.error is None or effect.df is None:
        return None
    df = effect.df
    return effect.error * float(brentq(lambda noncentrality: _power(noncentrality, df, level) - POWER, 0.1, 1000))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, in the same order (Holm, 1979).

    All that are below 0.05 hold together with an error rate of 5 %.
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    ranked = sorted(range(len(p_values)), key=lambda index: p_values[index])
    for rank, index in enumerate(ranked):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def lowest_of_draws(count: int, mean: float, std: float, threshold: float) -> tuple[float, float]:
    """Return the expected lowest of `count` independent normal draws, and the probability that it is <= threshold.

    The mean and the standard deviation count as known.
    """
    import numpy as np
    from scipy.special import ndtr

    # On so smooth a density the trapezoidal rule is exact to rounding.
    z = np.linspace(-12, 12, 2401)
    density = count * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * ndtr(-z) ** (count - 1)
    expected_z = float(np.trapezoid(z * density, z))
    above = ndtr((mean - threshold) / std)
    return mean + std * expected_z, float(1 - above**count)


def _effect(estimate: float, weights: Sequence[float], samples: Sequence[Sample]) -> Effect:
    """Return the estimate with its error; `weights` are its derivatives by the samples' means."""
    variances = []
    for weight, sample in zip(weights, samples, strict=True):
        if sample.std is None:
            return Effect(estimate, None, None)
        variances.append((weight * sample.std) ** 2)
    # Squared errors of the weighted means, and Satterthwaite's degrees of freedom of their sum.
    shares = [variance / sample.n for variance, sample in zip(variances, samples, strict=True)]
    error = math.sqrt(sum(shares))
    divisor = sum(share**2 / (sample.n - 1) for share, sample in zip(shares, samples, strict=True) if share)
    return Effect(estimate, error, error**4 / divisor if divisor else None, tuple(variances))


def _t_quantile(probability: float, df: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, probability))


def _power(noncentrality: float, df: float, level: float) -> float:
    """Return the probability that a t-test at `level` rejects the null on the side where the effect lies."""
    from scipy.special import nctdtr

    if noncentrality > 30:  # scipy's series of the noncentral t loses its digits; the power is 1 to rounding
        return 1.0
    return 1 - float(nctdtr(df, noncentrality, _t_quantile((1 + level) / 2, df)))
