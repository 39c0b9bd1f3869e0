"""How far the difference between two groups of classifiers of crops depends on the choice of evaluation photos."""

from collections.abc import Mapping, Sequence

import numpy as np

from advkd.errors import UserError
from advkd.metrics.crops import interval, mean_average_precision, photo_weights
from advkd.runs.crops import read_crops
from advkd.runs.lookup import folder_of
from advkd.settings.config import Resolved

METRIC = "map"  # the metric that is computed from crops alone


class PhotoIntervals:
    """Computes intervals from resampling photos, and reads each run's crops once."""

    def __init__(self) -> None:
        self._resampled: dict[str, np.ndarray] = {}
        self._drawn: tuple[np.ndarray, np.ndarray] | None = None  # the photo of each crop, and the resamples

    def interval(
        self, better: Mapping[int, Resolved], than: Mapping[int, Resolved], units: Sequence[Sequence[int]], level: float
    ) -> tuple[float, float]:
        """Return the interval of the mean difference of two groups' mean average precision, in points.

        A resampled photo brings its crops in all runs, so the photos' own difficulty cancels.

        Args:
            better: the runs of the first group, by seed.
            than: those of the other group.
            units: seeds whose differences are averaged first.
            level: the coverage.

        Raises:
            UserError: the runs were evaluated on crops of different photos, or their files are damaged.
        """
        means = []
        for seeds in units:
            means.append(np.mean([self._of(better[seed]) - self._of(than[seed]) for seed in seeds], axis=0))
        return interval(np.mean(means, axis=0), level)

    def _of(self, run: Resolved) -> np.ndarray:
        """Return a run's mean average precision of every resample, (B,), in %."""
        name = str(run.run)
        if name not in self._resampled:
            crops = read_crops(folder_of(run))
            if self._drawn is None:
                self._drawn = crops.photo, photo_weights(crops.photo)
            photos, weights = self._drawn
            if not np.array_equal(crops.photo, photos):
                raise UserError(f"{name} was evaluated on crops of other photos")
            self._resampled[name] = 100 * mean_average_precision(crops, weights)
        return self._resampled[name]
