"""Uncertainty of an error rate, or of a difference between two, due to the choice of evaluation images.

Seeds vary the training; these measures vary the images. The bootstrap is exact here, without drawing resamples: an
error rate is a mean of zeros and ones, so the number of errors among resampled images is a sum of independent steps,
and the distribution of that sum is computed directly.

Choices:
    - [aikd, gip] Added: bootstrap intervals over images, exact: the limit of infinitely many resamples.
    - [aikd, gip] Added: McNemar's test of two runs (advkd measure RUN --against OTHER).
"""

from typing import NamedTuple

import numpy as np

from advkd.errors import UserError


class McNemar(NamedTuple):
    """Result of McNemar's test.

    b: images that only the first run gets wrong. c: images that only the second gets wrong. p: two-sided exact p-value.
    """

    b: int
    c: int
    p: float


def bootstrap_interval(wrong: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile bootstrap interval of an error rate, as fractions in [0, 1].

    Args:
        wrong: (M,) bool, whether each image is wrong.
        level: coverage of the interval.
    """
    return paired_difference(wrong, np.zeros(len(wrong), bool), level)


def paired_difference(wrong_a: np.ndarray, wrong_b: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile bootstrap interval of error rate a minus error rate b, as fractions in [-1, 1].

    Images are resampled in pairs: an image brings the results of both runs.

    Args:
        wrong_a: (M,) bool, whether run a gets each image wrong.
        wrong_b: (M,) bool, the same for run b.
        level: coverage of the interval.

    Raises:
        UserError: the numbers of images differ, or there are none.
    """
    b, c = _discordant(wrong_a, wrong_b)
    images = len(wrong_a)
    # A resampled image changes the number of errors by +1, -1 or 0 with these probabilities. The distribution of the
    # sum over all images is the `images`-fold convolution of that of a step, computed by FFT. Index -1 stands for -1.
    step = np.zeros(2 * images + 1)
    step[[0, 1, -1]] = (images - b - c) / images, b / images, c / images
    sums = np.fft.irfft(np.fft.rfft(step) ** images, len(step))
    cumulative = np.cumsum(np.roll(sums, images))  # index i stands for a sum of at most i - images
    low = int(np.argmax(cumulative >= (1 - level) / 2)) - images
    high = int(np.argmax(cumulative >= (1 + level) / 2)) - images
    return low / images, high / images


def mcnemar(wrong_a: np.ndarray, wrong_b: np.ndarray) -> McNemar:
    """Test whether two runs err equally often, by McNemar's exact test.

    Under the null hypothesis, an image that only one run gets wrong is equally likely to be that of either run.

    Args:
        wrong_a: (M,) bool, whether the first run gets each image wrong.
        wrong_b: (M,) bool, the same for the second run.

    Raises:
        UserError: the numbers of images differ, or there are none.
    """
    from scipy.stats import binomtest  # takes two seconds to import, and the intervals do not need it

    b, c = _discordant(wrong_a, wrong_b)
    return McNemar(b, c, float(binomtest(b, b + c).pvalue) if b + c else 1.0)


def _discordant(wrong_a: np.ndarray, wrong_b: np.ndarray) -> tuple[int, int]:
    """Return how many images only run a gets wrong, and how many only run b."""
    if len(wrong_a) != len(wrong_b) or not len(wrong_a):
        raise UserError(f"runs evaluated on {len(wrong_a)} and {len(wrong_b)} images cannot be compared image by image")
    return int(np.sum(wrong_a & ~wrong_b)), int(np.sum(wrong_b & ~wrong_a))
