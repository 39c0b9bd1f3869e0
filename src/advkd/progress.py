"""What a person reads while a job runs: one line kept up to date on a terminal, a line now and then elsewhere."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

# Before the first line: tqdm's own is shared between processes, and made when it is needed, for which there may be no
# memory left where that is what the line says.
tqdm.set_lock(threading.RLock())
_logs: list[Path] = []
_lost: set[Path] = set()  # those that could not be written last time


@contextlib.contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Append every `say` line, with its time of day, to `path` too.

    A log is no product: one that cannot be written, as on a full disk, is told once and stops nothing.
    """
    with _telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    _logs.append(path)
    try:
        yield
    finally:
        _logs.remove(path)
        _lost.discard(path)


def say(message: str) -> None:
    """Print one line to standard error and append it to the log files."""
    _print(message)
    for path in _logs:
        with _telling(path), path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}\n")


def _print(message: str) -> None:
    with contextlib.suppress(OSError):  # a terminal that was closed, a full disk behind it
        tqdm.write(message, file=sys.stderr)


@contextlib.contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
        _lost.discard(path)
    except OSError as error:
        if path not in _lost:
            _lost.add(path)
            _print(f"{path} cannot be written ({error.strerror}): it will lack lines")


class Progress:
    """Progress through `total` steps of `unit`, beginning at step `start`.

    On a terminal a bar; otherwise (a log, a pipe, or ADVKD_PROGRESS=plain, which the workflow sets because its jobs
    share one terminal) a line at most every `every` seconds: label, step, terms, rate, time left.
    """

    def __init__(self, label: str, total: int, unit: str = "step", start: int = 0, every: float = 15.0) -> None:
        self.label, self.total, self.unit, self.every = label, total, unit, every
        self.start, self.step = start, start
        self.began = self.last = time.monotonic()
        plain = os.environ.get("ADVKD_PROGRESS") == "plain" or not sys.stderr.isatty()
        self.bar = None if plain else tqdm(total=total, initial=start, desc=label, unit=unit, dynamic_ncols=True)

    def update(self, step: int, terms: str = "", rate: str = "") -> None:
        """Report that `step` of `total` is done; `terms` and `rate` are shown as they are."""
        if self.bar is not None:
            self.bar.set_postfix_str("  ".join(filter(None, [terms, rate])), refresh=False)
            self.bar.update(step - self.step)
        ended = step == self.total and self.step != step
        self.step = step
        now = time.monotonic()
        if self.bar is None and (now - self.last >= self.every or ended):
            self.last = now
            done = step - self.start
            left = (now - self.began) / done * (self.total - step) if done else 0.0
            parts = [f"{self.label}: {self.unit} {step}/{self.total}", terms, rate, f"{duration(left)} left"]
            say("  ".join(filter(None, parts)))

    @property
    def seconds(self) -> float:
        """Time since the start, never zero."""
        return max(time.monotonic() - self.began, 1e-9)

    def close(self) -> None:
        """End the bar."""
        if self.bar is not None:
            self.bar.close()


def duration(seconds: float) -> str:
    """Return seconds as a short reading, for example 45 s, 12 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 36:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
