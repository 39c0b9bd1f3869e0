"""How far a classifier's confidence can be trusted: reliability, ECE, NLL and temperature scaling, in float64.

ECE (Naeini et al. 2015) as PS-KD's public code computes it, whose recipe AI-KD shares: equal bins (lo, hi] of the
largest softmax probability. Temperature scaling divides the logits by the T of the lowest NLL (Guo et al. 2017). The
NLL is convex in 1/T, so T is the zero of a monotone function and is found to rounding; the public LBFGS settings stop
short of it.

Choices:
    - [aikd: Table 3] Open: what temperature scaling is fitted on. Here: cross-fit on the two halves of the evaluation
      set; the fit on the whole set stands beside it. Why: there is no validation split, and the training set is
      memorised.
    - [aikd: Table 3] Open: the range of temperatures. Here: [0.01, 100]. Why: clamps at 1 miss students that are
      under-confident, as those of soft targets are.
    - [aikd: Table 3] Open: ECE's bins. Here: 10; 15 stand beside it. Why: PS-KD's code has 10, Guo et al. have 15.
    - [aikd: Figures 4, 5] Measured: reliability over several seeds. Here: the images of all seeds are pooled.
    - [aikd: Table 3] Added: NLL, and ECE with 15 bins.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

# Without a wrong image the NLL falls as T -> 0, at chance or worse as T -> infinity: there the fit ends at a bound.
COLDEST, HOTTEST = 0.01, 100.0


@dataclass(frozen=True, eq=False)
class Bins:
    """Images by their confidence, in B bins (edges[i], edges[i + 1]].

    edges: (B + 1,), from 0 to 1. count: (B,) images. accuracy, confidence: (B,) means in [0, 1], NaN without images.
    """

    edges: np.ndarray
    count: np.ndarray
    accuracy: np.ndarray
    confidence: np.ndarray


class CrossFit(NamedTuple):
    """Logits (M, C) scaled by the temperature of the half that an image is not in, and the temperatures of both."""

    logits: np.ndarray
    temperatures: tuple[float, float]


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = 10) -> Bins:
    """Sort images into bins by their confidence (M,) in (0, 1]; correct: (M,) whether the prediction is right."""
    edges = np.arange(bins + 1) / bins
    place = np.searchsorted(edges, confidence, side="left") - 1
    count = np.bincount(place, minlength=bins)
    sums = (np.bincount(place, weights=values, minlength=bins) for values in (correct, confidence))
    accuracy, mean = (np.divide(total, count, out=np.full(bins, np.nan), where=count > 0) for total in sums)
    return Bins(edges, count, accuracy, mean)


def expected_calibration_error(bins: Bins) -> float:
    """Return the ECE in %: the mean over images of |accuracy - confidence| of their bin."""
    return 100 * float(np.nansum(bins.count * np.abs(bins.accuracy - bins.confidence)) / bins.count.sum())


def nll(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative log-likelihood of labels (M,) under softmax of logits (M, C), in nats."""
    from scipy.special import logsumexp

    return float(np.mean(logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the T > 0 at which logits (M, C) / T have the lowest NLL for labels (M,); relative error below 1e-8.

    It lies in [COLDEST, HOTTEST] and reaches a bound where the data have no optimum within; it is 1 where no T is
    better than another (every logit of an image equal, or all differences beyond what an exponential resolves).
    """
    from scipy.optimize import brentq  # imported where it is used: figures ask for bins only

    below = logits - logits.max(axis=1, keepdims=True)
    true = below[np.arange(len(labels)), labels].mean()

    def slope(log_t: float) -> float:
        """Return the NLL's derivative by 1/T: expected minus true logit; it falls as T grows."""
        weights = np.exp(below / math.exp(log_t))
        return float(np.mean((weights * below).sum(axis=1) / weights.sum(axis=1)) - true)

    coldest, hottest = math.log(COLDEST), math.log(HOTTEST)
    falls_when_cold, falls_when_hot = slope(coldest) <= 0, slope(hottest) >= 0
    if falls_when_cold or falls_when_hot:
        return 1.0 if falls_when_cold and falls_when_hot else COLDEST if falls_when_cold else HOTTEST
    return math.exp(brentq(slope, coldest, hottest, xtol=1e-11))


def halves(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return (M,) the half, 0 or 1, of each image: random, and within one image even in every class and in all."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    half = np.empty(len(labels), int)
    half[np.lexsort((shuffled, labels))] = np.arange(len(labels)) % 2
    return half


def cross_fit(logits: np.ndarray, labels: np.ndarray) -> CrossFit:
    """Fit T on each half of at least two images and apply it to the other: no image helps to choose its own T."""
    half = halves(labels)
    first = fit_temperature(logits[half == 0], labels[half == 0])
    second = fit_temperature(logits[half == 1], labels[half == 1])
    # The temperature of the other half: of the second for images of half 0.
    temperature = np.array([second, first])[half]
    return CrossFit(logits / temperature[:, None], (first, second))
