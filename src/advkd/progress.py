"""Prints what a person reads while a job runs: a progress bar on a terminal, a line now and then elsewhere."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from advkd.channel import Report, tell
from advkd.opening import open_to_append

# tqdm makes a lock that processes share when it prints its first line. That line may report that memory ran out, and
# then the lock cannot be made either. A lock between threads is enough here, and it is made now.
tqdm.set_lock(threading.RLock())
REPORTS = 0.2  # seconds between two reports to the workflow's terminal, at least
_logs: list[Path] = []
_unwritable: set[Path] = set()  # log files whose last line could not be written


@contextlib.contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Append every line that `say` prints to `path` too, each with its date and time.

    A log file that cannot be written, as on a full disk, is reported once and stops nothing.
    """
    with _report_unwritable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    _logs.append(path)
    try:
        yield
    finally:
        _logs.remove(path)
        _unwritable.discard(path)


def say(message: str) -> None:
    """Print one line to standard error and append it to the log files."""
    _print(message)
    for path in _logs:
        with _report_unwritable(path), open_to_append(path) as file:
            line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}\n"
            file.write(line.encode(errors="backslashreplace"))


def _print(message: str) -> None:
    with contextlib.suppress(OSError):  # a terminal that was closed, or a full disk behind it
        tqdm.write(message, file=sys.stderr)


@contextlib.contextmanager
def _report_unwritable(path: Path) -> Iterator[None]:
    """Print a line about an OSError of the body, unless the last attempt to write `path` failed too."""
    try:
        yield
        _unwritable.discard(path)
    except OSError as error:
        if path not in _unwritable:
            _unwritable.add(path)
            _print(f"{path} cannot be written ({error.strerror}): it will lack lines")


class Progress:
    """Shows the progress of a loop.

    On a terminal it is a bar. Elsewhere (a log, a pipe, or with ADVKD_PROGRESS=plain, which the workflow sets because
    its jobs share one terminal) it is a line now and then: label, step, loss terms, rate and time left. The terminal of
    a workflow is told too, and shows it as a bar (`advkd.channel`).

    Args:
        label: what is running, for example a run's name.
        total: number of steps.
        unit: what one step is, in the singular.
        start: number of steps that were done before.
        every: seconds between two lines, at least.
    """

    def __init__(self, label: str, total: int, unit: str = "step", start: int = 0, every: float = 15.0) -> None:
        self.label, self.total, self.unit, self.every = label, total, unit, every
        self.start, self.step = start, start
        self.began = self.last = time.monotonic()
        plain = os.environ.get("ADVKD_PROGRESS") == "plain" or not sys.stderr.isatty()
        self.told = -REPORTS  # when the workflow's terminal was told last
        self.bar = None if plain else tqdm(total=total, initial=start, desc=label, unit=unit, dynamic_ncols=True)

    def update(self, step: int, terms: str = "", rate: str = "") -> None:
        """Report that `step` of `total` steps are done; `terms` and `rate` are printed as they are."""
        if self.bar is not None:
            self.bar.set_postfix_str("  ".join(filter(None, [terms, rate])), refresh=False)
            self.bar.update(step - self.step)
        finished_now = step == self.total and self.step != step
        self.step = step
        now = time.monotonic()
        done = step - self.start
        left = (now - self.began) / done * (self.total - step) if done else 0.0
        if now - self.told >= REPORTS or finished_now:
            self.told = now
            logs = [str(path) for path in _logs]
            tell(Report(logs, self.label, self.unit, step, self.total, rate, left if done else None))
        if self.bar is None and (now - self.last >= self.every or finished_now):
            self.last = now
            columns = [f"{self.label}: {self.unit} {step}/{self.total}", terms, rate, f"{duration(left)} left"]
            say("  ".join(filter(None, columns)))

    @property
    def seconds(self) -> float:
        """Seconds since the start, never zero."""
        return max(time.monotonic() - self.began, 1e-9)

    def close(self) -> None:
        """End the bar."""
        if self.bar is not None:
            self.bar.close()


def duration(seconds: float) -> str:
    """Return seconds in the units a person would use: 45 s, 12 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 36:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
