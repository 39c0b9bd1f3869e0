"""What the processes of one folder take: resident memory and open files, looked at again and again."""

import contextlib
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

MIB = 1 << 20


@dataclass
class Peak:
    """The largest values seen, in MiB and open files; `trainer_*` of the largest single training."""

    mib: float = 0.0
    files: int = 0
    trainer_mib: float = 0.0
    trainer_files: int = 0

    def add(self, found: list[tuple[bool, float, int]]) -> None:
        """Take note of one look at (whether it trains, MiB, open files) of every process."""
        self.mib = max(self.mib, sum(mib for _, mib, _ in found))
        self.files = max(self.files, sum(files for *_, files in found))
        self.trainer_mib = max([self.trainer_mib, *(mib for trains, mib, _ in found if trains)])
        self.trainer_files = max([self.trainer_files, *(files for trains, _, files in found if trains)])


class Watch(threading.Thread):
    """Looks at the processes that work in a folder every `pause` seconds until it is left as a context."""

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
            looks = [look(process) for process in working_in(self.folder)]
            self.peak.add([found for found in looks if found])


def working_in(folder: Path) -> list[psutil.Process]:
    """Return the processes whose working folder is `folder`, orphans too."""
    found = psutil.process_iter(["cwd"])
    return [process for process in found if process.info["cwd"] == str(folder)]


def look(process: psutil.Process) -> tuple[bool, float, int] | None:
    """Return whether a process trains, its resident MiB, its open files; None where it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return command(process)[:1] == ["train"], process.memory_info().rss / MIB, process.num_fds()
    return None


def command(process: psutil.Process) -> list[str]:
    """Return the words behind `python -m advkd` of a process; none of another, or where it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        words = process.cmdline()
        if words[1:3] == ["-m", "advkd"]:
            return words[3:]
    return []


def wait_for_none(folder: Path, seconds: float) -> list[psutil.Process]:
    """Wait until no process works in `folder`; return those that still do after so many seconds."""
    deadline = time.monotonic() + seconds
    while (left := working_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left
