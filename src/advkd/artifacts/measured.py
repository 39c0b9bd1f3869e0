"""A number of ours with what is known of its uncertainty: its spread over seeds, and its error over images."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from advkd.metrics.effect import LEVEL, Sample, contrast

NORMAL_REACH = 1.959963984540054  # a normal 95 % interval reaches this many standard errors to each side


class Measured(NamedTuple):
    """A mean over seeds.

    Attributes:
        mean: the mean.
        std: the sample standard deviation over seeds; None for a single seed.
        n: the number of seeds.
        images_error: the standard error due to the choice of images, of one training; None if it is unknown.
    """

    mean: float
    std: float | None = None
    n: int = 1
    images_error: float | None = None

    @property
    def seeds_error(self) -> float | None:
        """The standard error of the mean over seeds; None for a single seed."""
        return None if self.std is None else self.std / math.sqrt(self.n)

    @property
    def error(self) -> float | None:
        """The larger of the standard errors over seeds and over images; None if neither is known."""
        return max((error for error in (self.seeds_error, self.images_error) if error is not None), default=None)

    def times(self, factor: float) -> "Measured":
        """Return the number in a unit of which one old unit has `factor`."""
        std = None if self.std is None else factor * self.std
        images_error = None if self.images_error is None else factor * self.images_error
        return Measured(factor * self.mean, std, self.n, images_error)


def error_of_interval(low: float, high: float) -> float:
    """Return the standard error of a number with a normal 95 % interval."""
    return (high - low) / 2 / NORMAL_REACH


def measured(row: Mapping[str, Any], prefix: str = "") -> Measured | None:
    """Return the number in a table's row of columns, as `seed_results.summary_columns` writes them.

    Args:
        row: the row.
        prefix: the prefix of the columns of another metric than the cell's, for example "student_".
    """
    mean = row.get(f"{prefix}mean")
    if mean is None:
        return None
    return Measured(mean, row.get(f"{prefix}std"), row[f"{prefix}n"], row.get(f"{prefix}images_error"))


def measured_kid(row: Mapping[str, Any]) -> Measured | None:
    """Return the KID x 1000 in the row of a GAN's cell; None if it has none."""
    if row["metric"].startswith("inter_kid."):
        kid = measured(row)
    else:
        kid = measured({**row, "kid_images_error": row.get("kid_se_mean")}, "kid_")
    return None if kid is None else kid.times(1000)


def differ(first: Measured, second: Measured) -> bool | None:
    """Tell whether two numbers differ by more than their error: the 95 % interval of the difference excludes zero.

    The interval is Welch's over seeds if both numbers have several, and otherwise the normal one over images, taken as
    if these were drawn anew for each. None if neither error is known.
    """
    if first.std is not None and second.std is not None:
        samples = [Sample(number.mean, number.std, number.n) for number in (first, second)]
        low, high = contrast((1, -1), samples).interval(LEVEL)
        return not low <= 0 <= high
    if first.images_error is not None and second.images_error is not None:
        error = math.hypot(first.images_error, second.images_error)
        return abs(first.mean - second.mean) > NORMAL_REACH * error
    return None
