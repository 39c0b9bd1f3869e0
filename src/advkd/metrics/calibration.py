"""Calibration of a classifier's confidence: reliability, ECE, NLL and temperature scaling, in float64.

ECE (Naeini et al. 2015) is computed as in PS-KD's public code, whose recipe AI-KD shares: bins (lo, hi] of equal width
over the largest softmax probability. Temperature scaling divides the logits by the T with the lowest NLL (Guo et al.
2017). The NLL is convex in 1/T, so T is the root of a monotone function and is found to rounding. The LBFGS settings
of the public code stop short of it.

Choices:
    - [aikd: Table 3] Open: what temperature scaling is fitted on. Here: each half of the evaluation set gets the
      temperature of the other half; the fit on the whole set stands beside it. Why: there is no validation split, and
      the training set is memorised.
    - [aikd: Table 3] Open: the range of temperatures. Here: [0.01, 100]. Why: students of soft targets are often
      under-confident and need T < 1, which a clamp at 1 excludes.
    - [aikd: Table 3] Open: ECE's bins. Here: 10; 15 stand beside it. Why: PS-KD's code has 10, Guo et al. have 15.
    - [aikd: Figures 4, 5] Measured: reliability over several seeds. Here: the images of all seeds are pooled.
    - [aikd: Table 3] Added: NLL, and ECE with 15 bins.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

# If every image is right, the NLL falls as T -> 0; at chance level or worse, it falls as T -> infinity. The fit then
# ends at a bound.
COLDEST, HOTTEST = 0.01, 100.0
RESOLUTION = 1e-11  # of the logarithm of T


@dataclass(frozen=True, eq=False)
class Bins:
    """Images grouped by their confidence into B bins (edges[i], edges[i + 1]].

    edges: (B + 1,), from 0 to 1. count: (B,), images per bin. accuracy, confidence: (B,), means per bin in [0, 1], NaN
    for an empty bin.
    """

    edges: np.ndarray
    count: np.ndarray
    accuracy: np.ndarray
    confidence: np.ndarray


class CrossFit(NamedTuple):
    """Cross-fitted temperature scaling.

    logits: (M, C), each image divided by the temperature fitted on the half that it is not in.
    temperatures: the temperatures fitted on half 0 and on half 1.
    """

    logits: np.ndarray
    temperatures: tuple[float, float]


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = 10) -> Bins:
    """Group images into bins of equal width by their confidence.

    Args:
        confidence: (M,), largest softmax probability of each image, in (0, 1].
        correct: (M,) bool, whether the prediction is right.
        bins: number of bins.
    """
    edges = np.arange(bins + 1) / bins
    bin_of_image = np.searchsorted(edges, confidence, side="left") - 1  # "left": a value on an edge goes below it
    count = np.bincount(bin_of_image, minlength=bins)

    def mean_per_bin(values: np.ndarray) -> np.ndarray:
        total = np.bincount(bin_of_image, weights=values, minlength=bins)
        means = np.full(bins, np.nan)
        np.divide(total, count, out=means, where=count > 0)
        return means

    return Bins(edges, count, mean_per_bin(correct), mean_per_bin(confidence))


def expected_calibration_error(bins: Bins) -> float:
    """Return the ECE in %: |accuracy - confidence| of each bin, averaged over images."""
    return 100 * float(np.nansum(bins.count * np.abs(bins.accuracy - bins.confidence)) / bins.count.sum())


def nll(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative log-likelihood in nats of labels (M,) under the softmax of logits (M, C)."""
    from scipy.special import logsumexp

    return float(np.mean(logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature T > 0 with the lowest NLL of labels (M,) under the softmax of logits (M, C) / T.

    The relative error of T is below 1e-8. T lies in [COLDEST, HOTTEST], and at a bound if the optimum lies outside. T
    is 1 if the NLL does not depend on it: all logits of an image are equal, or differ by more than exp resolves.
    """
    # Softmax does not change when a constant is subtracted; with the largest logit at 0, exp cannot overflow.
    shifted = logits - logits.max(axis=1, keepdims=True)
    true_logit = shifted[np.arange(len(labels)), labels].mean()

    def slope(log_t: float) -> float:
        """Return the derivative of the NLL by 1/T: the mean expected logit minus the true one; it falls as T grows."""
        weights = np.exp(shifted / math.exp(log_t))
        return float(np.mean((weights * shifted).sum(axis=1) / weights.sum(axis=1)) - true_logit)

    coldest, hottest = math.log(COLDEST), math.log(HOTTEST)
    optimum_is_colder, optimum_is_hotter = slope(coldest) <= 0, slope(hottest) >= 0
    if optimum_is_colder and optimum_is_hotter:
        return 1.0
    if optimum_is_colder:
        return COLDEST
    if optimum_is_hotter:
        return HOTTEST
    while hottest - coldest > RESOLUTION:  # bisection: whoever only loads a trained network has no SciPy
        middle = (coldest + hottest) / 2
        if slope(middle) > 0:
            coldest = middle
        else:
            hottest = middle
    return math.exp((coldest + hottest) / 2)


def halves(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the random half, 0 or 1, of each of M images.

    The halves differ by at most one image, in total and in every class.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    half = np.empty(len(labels), int)
    # Alternate through the images sorted by class, in random order within a class.
    half[np.lexsort((shuffled, labels))] = np.arange(len(labels)) % 2
    return half


def cross_fit(logits: np.ndarray, labels: np.ndarray) -> CrossFit:
    """Fit a temperature on each half of the images (M >= 2) and apply it to the other half.

    No image then takes part in choosing its own temperature.
    """
    half = halves(labels)
    first = fit_temperature(logits[half == 0], labels[half == 0])
    second = fit_temperature(logits[half == 1], labels[half == 1])
    temperature = np.array([second, first])[half]
    return CrossFit(logits / temperature[:, None], (first, second))
