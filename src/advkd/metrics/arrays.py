"""The measures of the papers for arrays of one's own: arrays in, named results out.

Logits are (M, C): M images, C classes. Labels are (M,), integers from 0. Features are (n, d). Whatever numpy converts
is taken, torch's tensors on the CPU too, and computed in float64. Errors and calibration errors are in %, as in the
papers' tables; p-values and levels are fractions.

All functions raise UserError where arrays have other shapes, hold values that are not finite, or do not fit each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from advkd.errors import UserError
from advkd.extras import naming_extra
from advkd.metrics import calibration, classification, effect, frechet, kid, significance
from advkd.metrics.calibration import Bins


@dataclass(frozen=True)
class Interval:
    """An estimate with its two-sided interval of coverage `level`; it is infinite where the spread is unknown."""

    estimate: float
    low: float
    high: float
    level: float


@dataclass(frozen=True)
class ErrorRates:
    """Errors of a classifier.

    Attributes:
        top1: Top-1 error in %, with its 95 % interval over images.
        top5: Top-5 error in %, likewise; with fewer than 5 classes it is 0.
        f1: macro average of F1 over all classes, in [0, 1]; that of a class without images is 0.
        images: number of images M.
    """

    top1: Interval
    top5: Interval
    f1: float
    images: int


@dataclass(frozen=True)
class CalibrationError:
    """How well confidence agrees with accuracy.

    Attributes:
        ece: expected calibration error in %.
        nll: mean negative log-likelihood of the labels, in nats.
        bins: images, accuracy and confidence of each bin, for a reliability diagram.
    """

    ece: float
    nll: float
    bins: Bins


@dataclass(frozen=True)
class TemperatureScaling:
    """Logits divided by the temperature with the lowest NLL.

    Attributes:
        temperature: T, in [0.01, 100]; the mean of two where it is cross-fitted.
        before: calibration of the logits as they are.
        after: calibration of the logits divided by the temperature.
    """

    temperature: float
    before: CalibrationError
    after: CalibrationError


@dataclass(frozen=True)
class FrechetDistance:
    """The squared Fréchet distance of two sets of features: FID, where these are Inception's.

    Attributes:
        distance: at least 0, in squared units of the features. It falls with the number of vectors.
        n_real: vectors of the first set.
        n_fake: vectors of the second set.
        rank_deficient: whether a set has no more vectors than dimensions. Its covariance is then singular, and
            `kernel_distance` says more.
    """

    distance: float
    n_real: int
    n_fake: int
    rank_deficient: bool


@dataclass(frozen=True)
class KernelDistance:
    """The unbiased squared kernel distance of two sets of features: KID, where these are Inception's.

    Attributes:
        distance: around 0 for equal distributions, so that it may be negative.
        error: its standard error.
    """

    distance: float
    error: float


@dataclass(frozen=True)
class McNemarTest:
    """McNemar's exact test of two classifiers on the same images.

    Attributes:
        only_first_wrong: images that only the first gets wrong.
        only_second_wrong: images that only the second gets wrong.
        p: two-sided p-value of equal error rates.
    """

    only_first_wrong: int
    only_second_wrong: int
    p: float


@dataclass(frozen=True)
class SeedDifference:
    """The difference of two means over seeds.

    Attributes:
        difference: first minus second, with its interval (Welch's).
        p: two-sided p-value of equal means (Welch's t-test); None where a side has one value, or none varies.
        hedges_g: the difference in standard deviations, corrected for few values; None likewise.
    """

    difference: Interval
    p: float | None
    hedges_g: float | None


def wrong(logits: ArrayLike, labels: ArrayLike, k: int = 1) -> np.ndarray:
    """Return for each image whether its label is not among the k largest logits, bool (M,).

    >>> wrong([[2, 1, 0], [0, 2, 1]], [0, 2]).tolist()
    [False, True]
    """
    return classification.wrong(*_classified(logits, labels), k)


@naming_extra("advkd.metrics.error_rates")
def error_rates(logits: ArrayLike, labels: ArrayLike) -> ErrorRates:
    """Return Top-1 and Top-5 error and macro F1.

    >>> rates = error_rates([[2, 1, 0], [0, 2, 1], [0, 0, 3], [1, 0, 0]], [0, 2, 2, 0])
    >>> rates.top1.estimate, round(rates.f1, 3)
    (25.0, 0.556)
    """
    logits, labels = _classified(logits, labels)
    top1, top5 = (classification.wrong(logits, labels, k) for k in (1, classification.TOP))
    f1 = classification.error_rates(logits, labels)["f1"]
    return ErrorRates(error_interval(top1), error_interval(top5), f1, len(labels))


@naming_extra("advkd.metrics.calibration_error")
def calibration_error(logits: ArrayLike, labels: ArrayLike, bins: int = 10) -> CalibrationError:
    """Return ECE and NLL.

    Args:
        logits: (M, C).
        labels: (M,).
        bins: number of bins (lo, hi] of equal width over the largest softmax probability; PS-KD and AI-KD take 10.

    Of two images with a confidence of 0.9 one is right:

    >>> found = calibration_error(np.log([[0.9, 0.1], [0.9, 0.1]]), [0, 1])
    >>> round(found.ece, 6), round(found.nll, 3), found.bins.count.tolist()
    (40.0, 1.204, [0, 0, 0, 0, 0, 0, 0, 0, 2, 0])
    """
    logits, labels = _classified(logits, labels)
    if bins < 1:
        raise UserError(f"bins is {bins}: give at least 1")
    right = ~classification.wrong(logits, labels, 1)
    reliability = calibration.reliability(classification.confidence(logits), right, bins)
    return CalibrationError(
        calibration.expected_calibration_error(reliability), calibration.nll(logits, labels), reliability
    )


@naming_extra("advkd.metrics.scale_temperature")
def scale_temperature(
    logits: ArrayLike, labels: ArrayLike, cross_fit: bool = False, bins: int = 10
) -> TemperatureScaling:
    """Fit a temperature, and return it with the calibration before and after.

    Args:
        logits: (M, C).
        labels: (M,).
        cross_fit: whether each half of the images is divided by the temperature of the other half, as in AI-KD's
            Table 3 here. Otherwise the temperature is fitted on all images, which are also those that it is judged on.
        bins: as for `calibration_error`.

    Three of four images are right, with a confidence of 0.9. T = ln 9 / ln 3 makes it 0.75:

    >>> scaling = scale_temperature(np.log([[0.9, 0.1]] * 4), [0, 0, 0, 1])
    >>> round(scaling.temperature, 6), round(scaling.before.ece, 6), round(scaling.after.ece, 6)
    (2.0, 15.0, 0.0)
    """
    logits, labels = _classified(logits, labels)
    if cross_fit:
        if len(labels) < 2:
            raise UserError("one image has no two halves: give at least 2, or cross_fit=False")
        fit = calibration.cross_fit(logits, labels)
        temperature, scaled = float(np.mean(fit.temperatures)), fit.logits
    else:
        temperature = calibration.fit_temperature(logits, labels)
        scaled = logits / temperature
    return TemperatureScaling(
        temperature, calibration_error(logits, labels, bins), calibration_error(scaled, labels, bins)
    )


def frechet_distance(real: ArrayLike, fake: ArrayLike) -> FrechetDistance:
    """Return the squared Fréchet distance between Gaussians fitted to two sets of features.

    Args:
        real: features (n, d).
        fake: features (m, d).

    Sets that only differ by a shift have its square as their distance:

    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> round(frechet_distance(x, x + [3, 4, 0]).distance, 6)
    25.0
    """
    real, fake = _features(real, "real"), _features(fake, "fake")
    _check_dimensions(real, fake)
    distance = frechet.frechet_distance(frechet.fit_gaussian(real), frechet.fit_gaussian(fake))
    fewest = min(len(real), len(fake))
    return FrechetDistance(distance, len(real), len(fake), fewest <= real.shape[1])


def kernel_distance(real: ArrayLike, fake: ArrayLike, paired: bool = False) -> KernelDistance:
    """Return the unbiased MMD² with the kernel (x·y/d + 1)³ of two sets of features, and its standard error.

    Args:
        real: features (n, d).
        fake: features (m, d).
        paired: whether real[i] and fake[i] come from the same noise, as of two generators (n = m).

    With d = 1, the images 1, 1 and -1, -1 have the kernel 8 within a set and 0 between the sets:

    >>> kernel_distance([[1.0], [1.0]], [[-1.0], [-1.0]]).distance
    16.0
    """
    real, fake = _features(real, "real"), _features(fake, "fake")
    _check_dimensions(real, fake)
    return KernelDistance(*kid.kid(real, fake, paired))


@naming_extra("advkd.metrics.mcnemar")
def mcnemar(wrong_first: ArrayLike, wrong_second: ArrayLike) -> McNemarTest:
    """Test whether two classifiers err equally often on the same images.

    Args:
        wrong_first: bool (M,), whether the first gets each image wrong.
        wrong_second: bool (M,), the same of the second.

    Five images are wrong for the first alone, none for the second alone: p = 2 / 2^5.

    >>> mcnemar([True] * 5 + [False] * 5, [False] * 10)
    McNemarTest(only_first_wrong=5, only_second_wrong=0, p=0.0625)
    """
    return McNemarTest(*significance.mcnemar(_answers(wrong_first), _answers(wrong_second)))


@naming_extra("advkd.metrics.error_interval")
def error_interval(wrong: ArrayLike, level: float = effect.LEVEL) -> Interval:
    """Return an error rate in % with its bootstrap interval over images, which is computed without drawing.

    Args:
        wrong: bool (M,), whether each image is wrong.
        level: coverage of the interval.

    >>> error_interval([True] * 10 + [False] * 90)
    Interval(estimate=10.0, low=5.0, high=16.0, level=0.95)
    """
    answers = _answers(wrong)
    return error_difference(answers, np.zeros(len(answers), bool), level)


@naming_extra("advkd.metrics.error_difference")
def error_difference(wrong_first: ArrayLike, wrong_second: ArrayLike, level: float = effect.LEVEL) -> Interval:
    """Return the first error rate minus the second in percentage points, with its paired bootstrap interval.

    Images are resampled in pairs: an image brings both answers. The interval is computed without drawing.

    Args:
        wrong_first: bool (M,), whether the first gets each image wrong.
        wrong_second: bool (M,), the same of the second.
        level: coverage of the interval.

    >>> error_difference([True] * 9 + [False] * 91, [False] * 8 + [True] * 3 + [False] * 89)
    Interval(estimate=6.0, low=0.0, high=12.0, level=0.95)
    """
    _check_level(level)
    first, second = _answers(wrong_first), _answers(wrong_second)
    low, high = significance.paired_difference(first, second, level)
    return Interval(100 * float(first.mean() - second.mean()), 100 * low, 100 * high, level)


@naming_extra("advkd.metrics.seed_difference")
def seed_difference(first: Sequence[float], second: Sequence[float], level: float = effect.LEVEL) -> SeedDifference:
    """Return the difference of the means of a metric over the seeds of two methods, with Welch's interval and test.

    Args:
        first: one value for each training of the first method, in any unit.
        second: the same of the second.
        level: coverage of the interval.

    >>> found = seed_difference([3.0, 4.0, 5.0], [1.0, 2.0, 3.0])
    >>> found.difference.estimate, round(found.difference.low, 3), round(found.p, 4)
    (2.0, -0.267, 0.0705)
    """
    _check_level(level)
    samples = [effect.Sample.from_values(_values(values)) for values in (first, second)]
    difference = effect.contrast((1, -1), samples)
    low, high = difference.interval(level)
    return SeedDifference(
        Interval(difference.estimate, low, high, level), difference.p(), effect.hedges_g(samples[0], samples[1])
    )


def _classified(logits: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return logits, float64 (M, C), and labels, integers (M,), that fit each other."""
    scores, classes = np.asarray(logits, np.float64), np.asarray(labels)
    if scores.ndim != 2 or classes.ndim != 1 or len(scores) != len(classes) or not scores.size:
        raise UserError(f"logits of shape {scores.shape} and labels of shape {classes.shape}: give (M, C) and (M,)")
    if classes.dtype.kind not in "iu" or classes.min() < 0 or classes.max() >= scores.shape[1]:
        raise UserError(f"labels must be whole numbers from 0 to {scores.shape[1] - 1}, the classes of the logits")
    if not np.isfinite(scores).all():
        raise UserError("logits hold NaN or infinite values")
    return scores, classes


def _features(features: ArrayLike, name: str) -> np.ndarray:
    vectors = np.asarray(features, np.float64)
    if vectors.ndim != 2 or len(vectors) < 2:
        raise UserError(f"{name} features of shape {vectors.shape}: give (n, d) of at least 2 images")
    return vectors


def _check_dimensions(real: np.ndarray, fake: np.ndarray) -> None:
    if real.shape[1] != fake.shape[1]:
        raise UserError(f"real features have {real.shape[1]} dimensions, fake ones {fake.shape[1]}")


def _answers(wrong: ArrayLike) -> np.ndarray:
    answers = np.asarray(wrong)
    if answers.ndim != 1 or not len(answers) or answers.dtype.kind != "b":
        raise UserError(f"answers of type {answers.dtype} and shape {answers.shape}: give bool (M,), True where wrong")
    return answers


def _values(values: Sequence[float]) -> list[float]:
    numbers = np.asarray(values, np.float64)
    if numbers.ndim != 1 or not len(numbers) or not np.isfinite(numbers).all():
        raise UserError(f"values over seeds are {values}: give at least one, all of them finite")
    return [float(number) for number in numbers]


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise UserError(f"level is {level}: give a coverage between 0 and 1, as 0.95")
