"""Waits for an exclusive lock on a file. The kernel releases the lock when its holder ends, however it ends."""

import contextlib
import errno
import fcntl
import time
from typing import IO, Any

from advkd.errors import UserError
from advkd.progress import say

PATIENCE = 2.0  # seconds to wait before saying so
# How a network disk refuses a lock. Python itself tries again after EINTR.
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
POLL = 0.02  # seconds between two tries


def hold(file: IO[Any], waiting: str) -> None:
    """Lock an open file until it is closed.

    Args:
        file: the open file.
        waiting: the line to print, once, if another process still holds the lock after PATIENCE seconds.

    Raises:
        UserError: the file system keeps no locks.
    """
    try:
        _hold(file, waiting)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        raise UserError(
            f"{file.name} cannot be locked ({error.strerror}): its disk keeps no locks, so that two processes could "
            "write the same files; move the checkout, or data_root, to another disk"
        ) from error


def _hold(file: IO[Any], waiting: str) -> None:
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
