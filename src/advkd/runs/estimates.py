"""How long runs take: as long as runs like them took; where none is finished, their steps are counted.

A step of each kind of run is taken on a few images of random pixels, on this machine's CPU. Of its time, a part is
spent on every operation that is started, whatever the batch; the rest grows with the images. Of a GPU, which is assumed
to sustain GPU_FLOPS, the longer of two times counts: that of the floating-point operations, and that of starting the
operations. Evaluations of GANs, tables and the preparation of data are left out.
"""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from advkd.damage import DAMAGED
from advkd.progress import duration
from advkd.runs import device, paces
from advkd.runs.counted import kind_of
from advkd.runs.kinds import Kind, kind_key
from advkd.runs.work import Work, images_of, work_of
from advkd.settings.config import Resolved
from advkd.settings.names import Run
from advkd.settings.user import User

COUNTED = "counted"
NOT_KNOWN = "unknown before its data are prepared"
STARTING = 10e-6  # seconds to start an operation of PyTorch, on a CPU and on a GPU
GPU_FLOPS = 10e12  # in a second, that a GPU is assumed to sustain


@dataclass(frozen=True)
class Estimate:
    """How long a run takes.

    Attributes:
        seconds: the time; None if it is not known.
        basis: the runs that it was measured on, "counted", or why it is not known.
        gpu: the seconds on the assumed GPU; None where the time was not counted.
    """

    seconds: float | None
    basis: str
    gpu: float | None = None

    @property
    def counted(self) -> bool:
        """Whether nothing like the run has run, so that its steps were counted."""
        return self.basis == COUNTED

    def __str__(self) -> str:
        if self.seconds is None:
            return self.basis
        return f"{duration(self.seconds)} ({self.basis if self.counted else f'measured on {self.basis}'})"


def measured(resolved: Resolved, pace: Mapping[Run, float]) -> Estimate | None:
    """Return a run's length times the median pace of the most similar finished runs; None where there is none.

    Args:
        resolved: the run.
        pace: seconds for an epoch, or for a GAN's iteration, of each finished run.
    """
    similar, basis = paces.like(resolved.run, pace)
    return Estimate(paces.length(resolved) * statistics.median(similar), basis) if similar else None


class Estimator:
    """Estimates runs of a user's scale on the device that they are trained on."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.on_cpu = device.expected(user.device) == "cpu"
        self.pace = paces.measured(user)
        self.kinds: dict[tuple[object, ...], Kind] = {}

    def estimate(self, resolved: Resolved) -> Estimate:
        """Return how long a run takes."""
        known = measured(resolved, self.pace)
        if known:
            return known
        images = images_of(resolved, self.user)
        if images is None:
            return Estimate(None, NOT_KNOWN)
        work, key = work_of(resolved, images), (*kind_key(resolved), images.classes)
        if key not in self.kinds:
            try:
                self.kinds[key] = kind_of(resolved, images.classes, self.user)
            except DAMAGED as error:  # as with a method of another package that wants more
                return Estimate(None, f"its steps cannot be counted ({' '.join(str(error).split())})")
        kind = self.kinds[key]
        gpu = gpu_seconds(kind, work, GPU_FLOPS, STARTING)
        return Estimate(cpu_seconds(kind, work) if self.on_cpu else gpu, COUNTED, gpu)


def cpu_seconds(kind: Kind, work: Work) -> float:
    """Return the seconds of a run on this machine's CPU, with as many threads as its steps were timed with."""
    total, for_a_flop = 0.0, 0.0
    for sort, step in kind.steps.items():
        number, batch = work.steps[sort]
        starting = min(step.started * STARTING, step.seconds / 2)
        for_an_image = (step.seconds - starting) / step.images
        total += number * (starting + batch * for_an_image)
        for_a_flop = max(for_a_flop, for_an_image / step.flops)
    return total + work.evaluated * kind.evaluation * for_a_flop


def gpu_seconds(kind: Kind, work: Work, flops: float, starting: float) -> float:
    """Return the seconds of a run on a GPU.

    Args:
        kind: the counted steps.
        work: the steps of the run.
        flops: floating-point operations that the GPU sustains in a second.
        starting: seconds that it needs to start an operation.
    """
    total = work.evaluated * kind.evaluation / flops
    for sort, step in kind.steps.items():
        number, batch = work.steps[sort]
        total += number * max(step.flops * batch / flops, step.started * starting)
    return total
