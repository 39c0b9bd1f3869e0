"""Watches the resident memory and the open files of the processes that work in a folder."""

import contextlib
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

MIB = 1 << 20


@dataclass
class Peak:
    """The largest MiB and numbers of open files so far; `trainer_*` are those of the largest single training."""

    mib: float = 0.0
    files: int = 0
    trainer_mib: float = 0.0
    trainer_files: int = 0

    def add(self, readings: list[tuple[bool, float, int]]) -> None:
        """Add a reading of each process: whether it trains, its MiB, its open files."""
        self.mib = max(self.mib, sum(mib for _, mib, _ in readings))
        self.files = max(self.files, sum(files for *_, files in readings))
        self.trainer_mib = max([self.trainer_mib, *(mib for trains, mib, _ in readings if trains)])
        self.trainer_files = max([self.trainer_files, *(files for trains, _, files in readings if trains)])


class Watch(threading.Thread):
    """Reads the processes that work in a folder every `pause` seconds, until the end of its context."""

    def __init__(self, folder: Path, pause: float = 0.5) -> None:
        super().__init__(daemon=True)
        self.folder, self.pause, self.peak = folder, pause, Peak()
        self._done = threading.Event()

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self._done.set()
        self.join()

    def run(self) -> None:
        while not self._done.wait(self.pause):
            readings = [look(process) for process in working_in(self.folder)]
            self.peak.add([reading for reading in readings if reading])


def working_in(folder: Path) -> list[psutil.Process]:
    """Return the processes whose working folder is `folder`, including orphans."""
    processes = psutil.process_iter(["cwd"])
    return [process for process in processes if process.info["cwd"] == str(folder)]


def look(process: psutil.Process) -> tuple[bool, float, int] | None:
    """Return whether a process trains, its resident MiB and its open files; None if it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return command(process)[:1] == ["train"], process.memory_info().rss / MIB, process.num_fds()
    return None


def command(process: psutil.Process) -> list[str]:
    """Return the words after `python -m advkd` of a process; an empty list for others and if it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        words = process.cmdline()
        if words[1:3] == ["-m", "advkd"]:
            return words[3:]
    return []


def wait_for_none(folder: Path, seconds: float) -> list[psutil.Process]:
    """Wait up to `seconds` until no process works in `folder`; return those that still do."""
    deadline = time.monotonic() + seconds
    while (left := working_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left
