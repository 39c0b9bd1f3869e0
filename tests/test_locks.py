import fcntl
import threading
import time

import pytest

from advkd import locks
from advkd.locks import hold


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lock"


def wait_for_it(path, seconds):
    """Hold the lock on `path` for `seconds`, while a second one waits; return in which order they had it."""
    order = []

    def second():
        with path.open("a") as file:
            hold(file, "somebody has it")
            order.append("second")

    with path.open("a") as first:
        hold(first, "nobody has it")
        other = threading.Thread(target=second)
        other.start()
        time.sleep(seconds)
        order.append("first")
    other.join(10)
    return order


def test_a_wait_that_lasts_is_told_once(path, monkeypatch, capsys):
    monkeypatch.setattr(locks, "PATIENCE", 0.05)
    assert wait_for_it(path, 0.5) == ["first", "second"]
    assert capsys.readouterr().err == "somebody has it\n"


def test_a_short_one_is_not(path, monkeypatch, capsys):
    monkeypatch.setattr(locks, "PATIENCE", 0.5)
    assert wait_for_it(path, 0.05) == ["first", "second"]
    time.sleep(0.6)
    assert capsys.readouterr().err == ""


def test_the_lock_ends_with_the_file(path):
    with path.open("a") as first, path.open("a") as second:
        hold(first, "")
        with pytest.raises(BlockingIOError):
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        first.close()
        hold(second, "")
