"""Locks a file, alone or shared, with or without waiting. The kernel releases a lock when its holder ends, however."""

import errno
import fcntl
import time
from typing import IO, Any

from advkd.errors import UserError
from advkd.progress import say

PATIENCE = 2.0  # seconds to wait before saying so
# How a network disk refuses a lock.
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
POLL = 0.02  # seconds between two tries


class NoLocks(UserError):
    """The file system keeps no locks."""

    def __init__(self, file: IO[Any], error: OSError) -> None:
        super().__init__(
            f"{file.name} cannot be locked ({error.strerror}): its disk keeps no locks, so that two processes could "
            "write the same files; move the checkout, or data_root, to another disk"
        )


def try_hold(file: IO[Any], shared: bool = False) -> bool:
    """Lock an open file until it is closed, without waiting; return whether no other process holds its lock.

    Args:
        file: the open file.
        shared: whether others may share the lock.

    Raises:
        NoLocks: the file system keeps no locks.
    """
    try:
        _lock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def hold(file: IO[Any], waiting: str, shared: bool = False) -> None:
    """Lock an open file until it is closed.

    Args:
        file: the open file.
        waiting: the line to print, once, if another process still holds the lock after PATIENCE seconds.
        shared: whether others may share the lock.

    Raises:
        NoLocks: the file system keeps no locks.
    """
    patient_until = time.monotonic() + PATIENCE
    while not try_hold(file, shared):
        if time.monotonic() >= patient_until:
            say(waiting)
            _lock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            return
        time.sleep(POLL)


def _lock(file: IO[Any], operation: int) -> None:
    while True:
        try:
            fcntl.flock(file, operation)
            return
        except InterruptedError:  # some network disks pass a signal on, although Python tries again by itself
            continue
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            raise NoLocks(file, error) from error
