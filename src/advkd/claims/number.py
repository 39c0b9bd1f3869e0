"""A number that a claim is checked on, whether the paper prints it or our runs measured it."""

from dataclasses import dataclass
from decimal import Decimal

from advkd.artifacts.measured import Measured
from advkd.metrics.effect import Sample


@dataclass(frozen=True)
class Number:
    """The number of one quantity.

    Attributes:
        sample: mean, sample standard deviation and number of runs; None if there is no number.
        status: "printed" or "done" if there is a number, otherwise why there is none.
        digits: the mean as the paper prints it; None for a number of ours.
        has_deviation: whether the paper prints a standard deviation. `sample` holds it only if the paper also prints
            the number of runs.
        ended: how our trainings ended, if any of them diverged or was blocked; otherwise empty.
        diverged: the number of our trainings if all of them diverged, otherwise 0.
        images_error: the standard error over images, in the metric's unit; None if it is unknown.
        remark: why our number does not measure what the metric's name says; empty if it does.
        cautions: what a reader should know of our number: a weak teacher, an evaluation by older code, or
            images that changed since.
        machines: for a time, the hardware that it was measured on.
    """

    sample: Sample | None
    status: str
    digits: Decimal | None = None
    has_deviation: bool = False
    ended: str = ""
    diverged: int = 0
    remark: str = ""
    images_error: float | None = None
    cautions: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()

    @property
    def measured(self) -> Measured | None:
        """The number with its errors; None if there is none."""
        return None if self.sample is None else Measured(*self.sample, self.images_error)
