"""Metrics of a classifier of crops of photos: average precision of each class, with intervals over photos.

A crop may show several classes, so each class is judged by itself: how well the classifier's probability of it ranks
the crops that show it before the others. Crops of one photo are alike. So intervals come from resampling photos, not
crops: a resampled photo brings all of its crops.

Choices:
    - [okd] Added: average precision of a classifier that is trained with generated images, for each class and on
      average. Why: it says what the images are worth; CODEBRIM's classes overlap, so that accuracy would not do.
"""

from typing import Any, NamedTuple

import numpy as np

DRAWS = 1000  # resamples of the photos
LEVEL = 0.95
SEED = 0  # of the resamples: the same for all runs on the same photos, so that differences are paired


class Crops(NamedTuple):
    """What a classifier says of M crops, as far as these metrics need it.

    Attributes:
        rank: (M, C) uint16, the place of each crop in the order of the class's probability, from the lowest, 1; equal
            probabilities have equal ranks.
        tags: (M, C) bool, the classes that each crop shows.
        photo: (M,) uint16, the number of the photo that each crop is a part of.
    """

    rank: np.ndarray
    tags: np.ndarray
    photo: np.ndarray

    @classmethod
    def from_logits(cls, logits: np.ndarray, tags: np.ndarray, photos: np.ndarray) -> "Crops":
        """Return what follows from logits (M, C); photos (M,) may have any numbers."""
        from scipy.special import log_softmax
        from scipy.stats import rankdata

        rank = rankdata(log_softmax(logits, axis=1), method="min", axis=0)
        _, numbers = np.unique(photos, return_inverse=True)
        return cls(rank.astype(np.uint16), tags.astype(bool), numbers.astype(np.uint16))


def average_precision(crops: Crops, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the average precision of each class, in [0, 1]: the area under the steps of precision over recall.

    Args:
        crops: what the classifier says.
        weights: (B, M), weights of the crops, as how often each was resampled; None: 1 for each.

    Returns:
        (B, C), or (C,) without weights; NaN for a class that no crop of positive weight shows.
    """
    given = np.ones((1, len(crops.rank))) if weights is None else weights.astype(np.float64)
    columns = [_of_class(crops.rank[:, label], crops.tags[:, label], given) for label in range(crops.rank.shape[1])]
    values = np.stack(columns, axis=1)
    return values[0] if weights is None else values


def _of_class(rank: np.ndarray, shown: np.ndarray, weights: np.ndarray) -> np.ndarray:
    order = np.argsort(-rank.astype(np.int64), kind="stable")
    last = np.append(np.flatnonzero(np.diff(rank[order])), len(order) - 1)  # of the crops with equal probability
    sorted_weights = weights[:, order]
    right = np.cumsum(sorted_weights * shown[order], axis=1)[:, last]
    taken = np.cumsum(sorted_weights, axis=1)[:, last]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(taken > 0, right / taken, 0.0)
        recall = right / right[:, -1:]
    return np.asarray((np.diff(recall, axis=1, prepend=0.0) * precision).sum(axis=1))


def photo_weights(photo: np.ndarray, draws: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """Return how often each crop is drawn where photos are drawn with replacement, as many as there are.

    Args:
        photo: (M,), the number of each crop's photo, from 0 without gaps.
        draws: how many resamples, B.
        seed: of the resamples.

    Returns:
        (B, M), whole numbers.
    """
    photos = int(photo.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(photos, np.full(photos, 1 / photos), size=draws)
    return np.asarray(drawn[:, photo])


def mean_average_precision(crops: Crops, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the mean of `average_precision` over the classes that are shown; a number, or (B,) with weights."""
    return np.asarray(np.nanmean(average_precision(crops, weights), axis=-1))


def interval(values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Return the percentile interval of resampled values (B,); those that are NaN are left out."""
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def evaluate(crops: Crops, wrong: np.ndarray) -> dict[str, dict[str, Any]]:
    """Return the metrics of a classifier of crops.

    Args:
        crops: what the classifier says.
        wrong: (M,) bool, whether each crop is misclassified.

    Returns:
        A dictionary with two entries. All values are in %.

        - values: map (the mean over the classes) and ap.1, ap.2, … of the classes in their order, each with its 95 %
          interval over photos as map_low, map_high, …; and the intervals over photos of the Top-1 error and of the
          accuracy as top1_low, top1_high, accuracy_low and accuracy_high.
        - meta: n_photos, draws (how often the photos were resampled).
    """
    weights = photo_weights(crops.photo)
    resampled, whole = average_precision(crops, weights), average_precision(crops)
    values = _with_interval("map", float(np.nanmean(whole)), np.nanmean(resampled, axis=1))
    for label, of_class in enumerate(whole):
        if not np.isnan(of_class):
            values |= _with_interval(f"ap.{label + 1}", float(of_class), resampled[:, label])
    low, high = interval(weights @ wrong / weights.sum(axis=1))
    values |= {"top1_low": 100 * low, "top1_high": 100 * high}
    values |= {"accuracy_low": 100 - 100 * high, "accuracy_high": 100 - 100 * low}
    return {"values": values, "meta": {"n_photos": int(crops.photo.max()) + 1, "draws": len(weights)}}


def _with_interval(name: str, value: float, resampled: np.ndarray) -> dict[str, float]:
    low, high = interval(resampled)
    return {name: 100 * value, f"{name}_low": 100 * low, f"{name}_high": 100 * high}
