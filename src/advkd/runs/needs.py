"""What a training asks of a scheduler: run time and memory, judging by finished runs like it at the same scale."""

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

DAY = 1440
LOOK = 600  # seconds after which finished runs are looked through again
UNKNOWN_MIB = 8000  # where no like run is finished: an estimate, as is a day
TIME_MARGIN, MEMORY_MARGIN = 2.0, 1.5  # of the slowest and of the largest like run
AROUND_MINUTES, AROUND_MIB = 15, 1000  # checksums of the data, imports, products; the Snakemakes around a job


@dataclass(frozen=True)
class Needs:
    """Minutes and MiB to ask for."""

    minutes: int
    mib: int

    def on(self, attempt: int) -> "Needs":
        """Return what try `attempt` (from 1) asks for: so many times the time, and half as much memory more each.

        Never more than a day, or than twice the memory: what a cluster does not have may wait in the queue for ever, a
        training continues in its next try, and most tries did not fail for want of memory.
        """
        return Needs(min(attempt * self.minutes, DAY), self.mib * (min(attempt, 3) + 1) // 2)


def asked(one: Resolved, user: User, attempt: int) -> Needs:
    """Return what a run's try `attempt` asks for, given what the runs took that are finished by now."""
    return of(one, *_finished(user.scale, Path.cwd(), time.monotonic() // LOOK)).on(attempt)


@lru_cache(maxsize=1)
def _finished(scale: str, folder: Path, look: float) -> tuple[dict[Run, float], dict[Run, float]]:
    user = User(scale=scale)
    return paces.measured(user), paces.peaks(user)


def of(one: Resolved, times: Mapping[Run, float], peaks: Mapping[Run, float]) -> Needs:
    """Return what a run needs, given finished runs' seconds an epoch (or iteration) and resident MiB."""
    seconds, sizes = paces.like(one.run, times)[0], paces.like(one.run, peaks)[0]
    minutes, mib = DAY, UNKNOWN_MIB
    if seconds:
        minutes = AROUND_MINUTES + math.ceil(TIME_MARGIN * paces.length(one) * max(seconds) / 60)
    if sizes:
        mib = AROUND_MIB + math.ceil(MEMORY_MARGIN * max(sizes))
    return Needs(minutes, mib)
