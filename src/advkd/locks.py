"""Waiting for a lock on a file. The kernel releases it when its holder dies, however it dies."""

import contextlib
import fcntl
import time
from typing import IO

from advkd.progress import say

PATIENCE = 2.0  # seconds; what takes turns quickly says nothing
POLL = 0.02  # seconds


def hold(file: IO, waiting: str) -> None:
    """Lock an open file till it is closed; while another holds it wait, and say `waiting` once that lasts."""
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
