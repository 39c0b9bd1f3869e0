import os
import socket
import tempfile
from pathlib import Path

import pytest

from advkd import channel
from advkd.channel import ADDRESS, LARGEST, Listener, Report, tell
from advkd.progress import Progress, logging_to

REPORT = Report(["a.log"], "run", "step", 3, 10, "5 images/s", 2.5)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder for temporary files; short, since a socket's path may have about 100 characters."""
    with tempfile.TemporaryDirectory() as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        yield Path(short)


@pytest.fixture
def listener(folder):
    listener = Listener()
    yield listener
    listener.close()


def test_what_is_told_is_received(listener):
    tell(REPORT)
    assert listener.receive(1) == REPORT
    assert listener.receive(0.01) is None


def test_a_loop_tells_its_step_and_the_logs_of_its_job(listener, tmp_path, capsys):
    with logging_to(tmp_path / "job.log"):
        progress = Progress("run", 10, start=2)
        progress.update(4, "loss 1", "7 images/s")
        progress.update(5)  # too early to be told again
        progress.update(10)
    first, last = listener.receive(1), listener.receive(1)
    assert (first.step, first.total, first.rate, first.label) == (4, 10, "7 images/s", "run")
    assert first.logs == [str(tmp_path / "job.log")]
    assert (last.step, last.left) == (10, 0) and listener.receive(0.01) is None


def test_nobody_has_to_listen(folder, monkeypatch):
    tell(REPORT)
    monkeypatch.setenv(ADDRESS, str(folder / "nothing"))
    tell(REPORT)


@pytest.mark.parametrize("sent", [b"{", b"[]", b'{"step": 1}', b"\xff", b"x" * LARGEST])
def test_what_is_no_report_is_ignored(listener, sent):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(sent, os.environ[ADDRESS])
    assert listener.receive(1) is None
    tell(REPORT)
    assert listener.receive(1) == REPORT


def test_nothing_is_left(folder):
    listener = Listener()
    assert Path(os.environ[ADDRESS]).stat().st_uid == os.getuid() and Path(listener.folder).stat().st_mode & 0o077 == 0
    listener.close()
    assert not list(folder.iterdir()) and ADDRESS not in os.environ


def test_the_socket_of_a_killed_listener_is_removed_and_that_of_a_living_one_stays(folder):
    dead = Listener()
    dead.socket.close()  # as when its process is killed
    living = Listener()
    channel.remove_left_over()
    assert [path.name for path in folder.iterdir()] == [Path(living.folder).name]
    living.close()
