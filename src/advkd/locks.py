"""Waits for an exclusive lock on a file. The kernel releases the lock when its holder ends, however it ends."""

import contextlib
import fcntl
import time
from typing import IO, Any

from advkd.progress import say

PATIENCE = 2.0  # seconds to wait before saying so
POLL = 0.02  # seconds between two tries


def hold(file: IO[Any], waiting: str) -> None:
    """Lock an open file until it is closed.

    Args:
        file: the open file.
        waiting: the line to print, once, if another process still holds the lock after PATIENCE seconds.
    """
    patient_until = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() >= patient_until:
            break
        time.sleep(POLL)
    say(waiting)
    fcntl.flock(file, fcntl.LOCK_EX)
