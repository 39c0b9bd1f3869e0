"""The run time and memory that a training requests from a scheduler, estimated from similar finished runs."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from advkd.runs import paces
from advkd.settings.config import Resolved
from advkd.settings.names import Run
from advkd.settings.user import User

DAY = 1440  # minutes
LOOK = 600  # seconds between two looks at the finished runs
UNKNOWN_MIB = 8000  # requested if no similar run is finished, together with a day
TIME_MARGIN, MEMORY_MARGIN = 2.0, 1.5  # factors on the slowest and on the largest similar run
AROUND_MINUTES, AROUND_MIB = 15, 1000  # for checksums of the data, imports and products; for Snakemake around the job


@dataclass(frozen=True)
class Needs:
    """Minutes and MiB to request."""

    minutes: int
    mib: int

    def on(self, attempt: int) -> "Needs":
        """Return the request of an attempt, from 1: more time and more memory each time.

        The time grows by the first request with each attempt but stays below a day: a longer job may wait in the queue
        for ever, and the next attempt continues the training. The memory grows by half but stays below twice the first
        request, since most attempts do not fail for lack of memory.
        """
        return Needs(min(attempt * self.minutes, DAY), self.mib * (min(attempt, 3) + 1) // 2)


def requested(resolved: Resolved, user: User, attempt: int) -> Needs:
    """Return the request of an attempt at a run, given the runs that are finished by now."""
    times, peaks = _finished(user.scale, Path.cwd(), time.monotonic() // LOOK)
    return estimate_needs(resolved, times, peaks).on(attempt)


@lru_cache(maxsize=1)
def _finished(scale: str, folder: Path, look: float) -> tuple[dict[Run, float], dict[Run, float]]:
    """Return times and peaks of the finished runs. `folder` and `look` only say when to read them again."""
    user = User(scale=scale)
    return paces.measured(user), paces.peaks(user)


def estimate_needs(resolved: Resolved, times: Mapping[Run, float], peaks: Mapping[Run, float]) -> Needs:
    """Return what a run needs.

    Args:
        resolved: the run.
        times: seconds per epoch, or per iteration, of finished runs.
        peaks: largest resident MiB of finished runs.
    """
    seconds, _ = paces.like(resolved.run, times)
    sizes, _ = paces.like(resolved.run, peaks)
    minutes, mib = DAY, UNKNOWN_MIB
    if seconds:
        minutes = AROUND_MINUTES + math.ceil(TIME_MARGIN * paces.length(resolved) * max(seconds) / 60)
    if sizes:
        mib = AROUND_MIB + math.ceil(MEMORY_MARGIN * max(sizes))
    return Needs(minutes, mib)
