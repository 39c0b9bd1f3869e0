"""How much of an error rate, or of a difference between two, is the choice of evaluation images.

Seeds vary the training; these vary the images. An error is a mean of zeros and ones, so a bootstrap needs no drawing:
what infinitely many resamples would give is a sum of independent steps, whose distribution is computed exactly.

Choices:
    - [aikd, gip] Added: bootstrap intervals over images, exact: the limit of infinitely many resamples.
    - [aikd, gip] Added: McNemar's test of two runs (advkd measure RUN --against OTHER).
"""

from typing import NamedTuple

import numpy as np

from advkd.errors import UserError


class McNemar(NamedTuple):
    """Images that only the first run gets wrong, that only the second does, and the two-sided exact p-value."""

    b: int
    c: int
    p: float


def bootstrap_interval(wrong: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile bootstrap interval of an error rate, as fractions; wrong: (M,) bool, one an image."""
    return paired_difference(wrong, np.zeros(len(wrong), bool), level)


def paired_difference(wrong_a: np.ndarray, wrong_b: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile bootstrap interval of error a minus error b, as fractions, resampling images.

    Raises:
        UserError: the two are not of the same images, or of none.
    """
    b, c = _discordant(wrong_a, wrong_b)
    images = len(wrong_a)
    # A resampled image moves the difference by +1, -1 or 0; the sum over images is a convolution. Index -1 is -1.
    step = np.zeros(2 * images + 1)
    step[[0, 1, -1]] = (images - b - c) / images, b / images, c / images
    sums = np.fft.irfft(np.fft.rfft(step) ** images, len(step))
    below = np.cumsum(np.roll(sums, images))
    low, high = (int(np.argmax(below >= quantile)) - images for quantile in ((1 - level) / 2, (1 + level) / 2))
    return low / images, high / images


def mcnemar(wrong_a: np.ndarray, wrong_b: np.ndarray) -> McNemar:
    """Test that two runs err equally often: the images on which one alone errs split as a fair coin would.

    Raises:
        UserError: the two are not of the same images, or of none.
    """
    from scipy.stats import binomtest  # takes two seconds to import, and intervals do without

    b, c = _discordant(wrong_a, wrong_b)
    return McNemar(b, c, float(binomtest(b, b + c).pvalue) if b + c else 1.0)


def _discordant(wrong_a: np.ndarray, wrong_b: np.ndarray) -> tuple[int, int]:
    if len(wrong_a) != len(wrong_b) or not len(wrong_a):
        raise UserError(f"runs evaluated on {len(wrong_a)} and {len(wrong_b)} images cannot be compared image by image")
    return int(np.sum(wrong_a & ~wrong_b)), int(np.sum(wrong_b & ~wrong_a))
