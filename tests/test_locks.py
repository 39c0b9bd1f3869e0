import errno
import fcntl
import os
import re
import tempfile
import threading

import numpy as np
import pytest

from advkd import locks, start
from advkd.data.archives.download import download
from advkd.data.store_draft import write_store
from advkd.errors import UserError
from advkd.locks import NoLocks, hold, try_hold
from advkd.runs import gpus
from advkd.runs.folder_state import recorded_state
from advkd.runs.folder_writer import WritableFolder
from advkd.runs.state import Kind

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
        assert not try_hold(second) and not try_hold(second, shared=True)
        first.close()
        assert try_hold(second)


def test_a_shared_lock_keeps_others_from_holding_it_alone(path):
    with path.open("a") as first, path.open("a") as second:
        assert try_hold(first, shared=True) and try_hold(second, shared=True)
        assert not try_hold(first)


@pytest.fixture(params=[errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS], ids=errno.errorcode.get)
def no_locks(request, monkeypatch):
    """A disk that keeps no locks."""

    def refuse(*_):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)


REFUSED = r" cannot be locked .*: its disk keeps no locks"


def test_a_disk_without_locks_is_told_in_one_line(path, no_locks):
    with path.open("a") as file:
        for take in (lambda: hold(file, ""), lambda: try_hold(file), lambda: try_hold(file, shared=True)):
            with pytest.raises(NoLocks, match=f"lock{REFUSED}"):
                take()


def test_a_signal_during_a_wait_does_not_end_it(path, monkeypatch):
    interruptions, lock = [InterruptedError(errno.EINTR, "")] * 3, fcntl.flock

    def interrupted(file, operation):
        if interruptions:
            raise interruptions.pop()
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", interrupted)
    with path.open("a") as file:
        hold(file, "")
        assert not interruptions


def test_results_on_a_disk_without_locks_can_be_read(tmp_path, no_locks):
    folder = WritableFolder(tmp_path)
    folder.file(".lock").touch()
    assert not folder.is_locked() and recorded_state(folder, "0" * 12, "").kind is Kind.NOT_STARTED
    with pytest.raises(UserError, match=REFUSED), folder.locked():
        pass


def test_every_other_lock_says_so_too(tmp_path, no_locks, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with pytest.raises(UserError, match=f"set.zip.part{REFUSED}"):
        download("http://127.0.0.1:9/set.zip", tmp_path / "set.zip", None, None)
    with pytest.raises(UserError, match=REFUSED):
        write_store(tmp_path / "store", {"images": np.zeros((1, 1))}, "", {})
    monkeypatch.setattr(gpus, "visible", lambda: ["GPU-0"])
    with pytest.raises(UserError, match=f"GPU-0.0{REFUSED}"):
        gpus.hold(1)
    (tmp_path / "Snakefile").touch()
    assert start.main(["-n"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(f"advkd: .snakemake/advkd.lock{REFUSED}.*", line)


def test_a_make_waits_where_another_takes_the_lock_that_it_converts(tmp_path, monkeypatch):
    """flock(2): "the existing lock is first removed, and then a new lock is established"."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Snakefile").touch()
    lock, others, was_shared = tmp_path / ".snakemake" / "advkd.lock", [], []
    plainly = locks._lock

    def lose(file, operation):
        if operation & fcntl.LOCK_SH and not others:
            fcntl.flock(file, fcntl.LOCK_UN)
            others.append(lock.open("a"))
            fcntl.flock(others[0], fcntl.LOCK_EX)
            threading.Timer(0.2, others[0].close).start()
        plainly(file, operation)

    def look(*_):
        with lock.open("a") as alone, lock.open("a") as shared:
            was_shared.append(not try_hold(alone) and try_hold(shared, shared=True))

    monkeypatch.setattr(locks, "_lock", lose)
    monkeypatch.setattr(os, "execv", look)
    start.main(["-n"])
    assert others and was_shared == [True]
