import errno
import fcntl
import os
import threading

import pytest

from advkd import locks
from advkd.errors import UserError
from advkd.locks import hold

LONGEST = 30  # seconds to wait for an event


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lock"


def take_turns(path, happened: threading.Event) -> list[str]:
    """Hold the lock on `path` until `happened` while a second thread waits; return the order in which they held it."""
    order = []

    def second():
        with path.open("a") as file:
            hold(file, "somebody has it")
            order.append("second")

    with path.open("a") as first:
        hold(first, "nobody has it")
        other = threading.Thread(target=second)
        other.start()
        assert happened.wait(LONGEST)
        order.append("first")
    other.join(LONGEST)
    return order


def test_a_long_wait_is_reported_once(path, monkeypatch):
    lines, happened = [], threading.Event()
    monkeypatch.setattr(locks, "PATIENCE", 0.05)
    monkeypatch.setattr(locks, "say", lambda line: lines.append(line) or happened.set())
    assert take_turns(path, happened) == ["first", "second"]
    assert lines == ["somebody has it"]


def test_a_short_wait_is_not_reported(path, monkeypatch):
    lines, happened, sleep = [], threading.Event(), locks.time.sleep
    monkeypatch.setattr(locks, "PATIENCE", LONGEST)
    monkeypatch.setattr(locks, "say", lines.append)
    monkeypatch.setattr(locks.time, "sleep", lambda seconds: happened.set() or sleep(seconds))
    assert take_turns(path, happened) == ["first", "second"]
    assert lines == []


def test_the_lock_is_held_until_the_file_is_closed(path):
    with path.open("a") as first, path.open("a") as second:
        hold(first, "")
        with pytest.raises(BlockingIOError):
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        first.close()
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_disk_without_locks_is_told_in_one_line(path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with path.open("a") as file, pytest.raises(UserError, match=r"lock cannot be locked .*: its disk keeps no locks"):
        hold(file, "")
