"""Waiting for a lock on a file. The kernel releases it when its holder dies, however it dies."""

import fcntl
import threading
from typing import IO

from advkd.progress import say

PATIENCE = 2.0  # seconds; what takes turns quickly says nothing


def hold(file: IO, waiting: str) -> None:
    """Lock an open file till it is closed; while another holds it wait, and say `waiting` once that lasts."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        telling = threading.Timer(PATIENCE, say, [waiting])
        telling.daemon = True
        telling.start()
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        finally:
            telling.cancel()
