"""How far apart run groups are, and how sure that is, from the spread over their seeds.

Nothing says that two methods scatter alike, so all intervals are Welch's: unequal variances, degrees of freedom by
Satterthwaite. Groups are taken as independent. Trainings of one seed may share more than the number (AI-KD's student
and its superior's row do); that makes an unpaired interval too wide rather than too narrow.

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
    """Mean, sample standard deviation and size of a run group; `std` is None where nobody knows it."""

    mean: float
    std: float | None
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Sample":
        """Summarise the values over seeds; one value has no spread."""
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))

    @classmethod
    def constant(cls, value: float) -> "Sample":
        """Return a number that is taken as it is, as the accuracy of the one teacher of all students."""
        return cls(value, 0.0, 1)


class Effect(NamedTuple):
    """An estimate with its standard error and degrees of freedom; both None where a spread is unknown.

    variances: what one seed of each group adds to n times the squared error.
    """

    estimate: float
    error: float | None
    df: float | None
    variances: tuple[float, ...] = ()

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the confidence interval; without a spread the whole line, and without any scatter the point."""
        if self.error is None:
            return -math.inf, math.inf
        reach = self.error * _quantile((1 + level) / 2, self.df) if self.error else 0.0
        return self.estimate - reach, self.estimate + reach

    def t(self, null: float = 0.0) -> float | None:
        """Return Welch's t of the estimate against `null`; None without a spread or without any scatter."""
        return (self.estimate - null) / self.error if self.error else None

    def p(self, null: float = 0.0) -> float | None:
        """Return the two-sided p-value of `null`; None where t is."""
        from scipy.special import stdtr

        return None if (t := self.t(null)) is None else 2 * float(stdtr(self.df, -abs(t)))


def contrast(weights: Sequence[float], samples: Sequence[Sample]) -> Effect:
    """Return the weighted sum of the samples' means: (1, -1) is a difference, (1, -1, -1, 1) one of differences."""
    estimate = math.fsum(weight * sample.mean for weight, sample in zip(weights, samples, strict=True))
    return _effect(estimate, weights, samples)


def decrease(new: Sample, old: Sample) -> Effect:
    """Return by how many % `new` lies below `old`, its error to first order in both (good while they are small)."""
    ratio = new.mean / old.mean
    return _effect(100 * (1 - ratio), (-100 / old.mean, 100 * ratio / old.mean), (new, old))


def hedges_g(first: Sample, second: Sample) -> float | None:
    """Return the means' difference in standard deviations (root mean square of the two), corrected for small n.

    Unbiased where both scatter alike. None where a spread is unknown, one is a constant, or neither group scatters.
    """
    if None in (first.std, second.std) or min(first.n, second.n) < 2 or not (first.std or second.std):
        return None
    scatter = math.sqrt((first.std**2 + second.std**2) / 2)
    return (first.mean - second.mean) / scatter * (1 - 3 / (4 * (first.n + second.n - 2) - 1))


def seeds_needed(distance: float, variances: Sequence[float]) -> int | None:
    """Return how many seeds of each group let a 95 % interval exclude what lies `distance` from the estimate.

    With probability 0.8, if the estimate and the `variances` (of an `Effect`) are what they seem; None where a
    thousand seeds are too few.
    """

    def enough(n: int) -> bool:
        if not sum(variances):
            return distance > 0
        error = math.sqrt(sum(variances) / n)
        df = (n - 1) * sum(variances) ** 2 / sum(variance**2 for variance in variances)
        return _power(distance / error, df) >= POWER

    if not enough(MOST_SEEDS):
        return None
    few, many = 1, MOST_SEEDS
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many


def best_of(count: int, sample: Sample, reached: float) -> tuple[float, float]:
    """Return what the lowest of `count` independent draws is on average, and how often it is at most `reached`.

    Draws are normal with the sample's mean and standard deviation, as if both were known.
    """
    from scipy.integrate import quad
    from scipy.stats import norm

    def density(z: float) -> float:
        return z * count * norm.pdf(z) * norm.sf(z) ** (count - 1)

    lowest = quad(density, -math.inf, math.inf)[0]
    single = norm.sf((reached - sample.mean) / sample.std)
    return sample.mean + sample.std * lowest, float(1 - single**count)


def _effect(estimate: float, weights: Sequence[float], samples: Sequence[Sample]) -> Effect:
    """Return the estimate with Satterthwaite's error, given by what factor each sample's mean enters it."""
    if any(sample.std is None for sample in samples):
        return Effect(estimate, None, None)
    pairs = list(zip(weights, samples, strict=True))
    variances = tuple((weight * sample.std) ** 2 for weight, sample in pairs)
    shares = [(variance / sample.n, sample.n - 1) for variance, sample in zip(variances, samples, strict=True)]
    error = math.sqrt(sum(share for share, _ in shares))
    parts = sum(share**2 / freedom for share, freedom in shares if share)
    return Effect(estimate, error, error**4 / parts if parts else None, variances)


def _quantile(probability: float, df: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, probability))


def _power(noncentrality: float, df: float) -> float:
    """Return the chance that |t| of a t-test exceeds its 95 % quantile on the side where the effect lies."""
    from scipy.special import nctdtr

    if noncentrality > 30:  # where the series of the noncentral t loses its digits
        return 1.0
    return 1 - float(nctdtr(df, noncentrality, _quantile((1 + LEVEL) / 2, df)))
