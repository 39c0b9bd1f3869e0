"""Kills a job with SIGKILL, starts it again until it is done, and compares the files that it leaves.

A job is a command line of `advkd` in its own folder. Each start of it, a life, is a new process. The process is forked
from a server that has already imported torch, so that the time of a life is the time of the job.
"""

import contextlib
import fcntl
import functools
import hashlib
import itertools
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from advkd.files import read_json, write_json
from advkd.jobs import preloaded

PRELOADED = preloaded.modules(["draw", "prepare", "train", "reals", "evaluate", "table"])
# These files hold times and attempts. An undisturbed job leaves files with the same names but other content.
VOLATILE = ("provenance.json", "log.txt", ".log")
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "os.link", "os.symlink"}
AGAIN = 0.3  # probability that the life after a killed one is killed too
LONGEST = 300  # seconds that a life may last

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(PRELOADED)


@dataclass
class Work:
    """A job: a command in the folder `place`, which holds all its input.

    Attributes:
        run: for a training, the run's folder relative to `place`.
        parts: for a training whose epochs have parts, the number of steps of each part.
    """

    name: str
    place: Path
    words: list[str]
    run: Path | None = None
    parts: dict[str, int] = field(default_factory=dict)


@dataclass
class Series:
    """The figures of a job that was killed repeatedly; `moments` are seconds since the start of a life."""

    work: str
    seed: int
    seconds: float = 0.0  # an undisturbed life
    spent: float = 0.0  # all lives of the series
    kills: int = 0
    lives: int = 0
    hit: Counter[str] = field(default_factory=Counter)  # the stages in which it was killed
    moments: list[list[float]] = field(default_factory=list)
    from_steps: list[int] = field(default_factory=list)  # the steps from which trainings continued,
    in_parts: Counter[str] = field(default_factory=Counter)  # and the parts of an epoch that these steps belong to
    differences: list[str] = field(default_factory=list)

    def summary(self) -> dict:
        """Return the series as plain values."""
        counts = {"hit": dict(self.hit), "in_parts": dict(self.in_parts)}
        return {**asdict(self), **counts, "identical": not self.differences}


def endure(work: Work, kills: int, seed: int) -> Series:
    """Run a job undisturbed, then kill it `kills` times in several series of lives; return the figures.

    The moments are uniformly distributed over the time of an undisturbed life. If a life ends before its moment, it
    does not count as a kill, and another moment is drawn.
    """
    series, draws = Series(work.name, seed), random.Random(f"{work.name} {seed}")
    start_server()
    before = contents(work.place)
    began = time.monotonic()
    live(work)
    series.seconds = time.monotonic() - began
    expected = contents(work.place)
    while series.kills < kills:
        restore(work.place, before)
        moments = _once(work, series, draws, kills)
        series.moments.append(moments)
        series.differences += differences(work, expected, f"kills at {moments}")
        if work.run:
            attempts = read_json(work.place / work.run / "provenance.json")["attempts"]
            went_on = [attempt["from_step"] for attempt in attempts[1:]]
            series.from_steps += went_on
            series.in_parts.update(part for step in went_on if step for part in part_of(work.parts, step))
    restore(work.place, before)
    series.spent = time.monotonic() - began - series.seconds
    return series


def endure_everywhere(work: Work) -> Series:
    """Run a job undisturbed, then kill it once before each change that it makes to a file."""
    series = Series(work.name, 0)
    start_server()
    before = contents(work.place)
    began = time.monotonic()
    live(work)
    series.seconds = time.monotonic() - began
    expected = contents(work.place)
    for change in itertools.count(1):
        restore(work.place, before)
        series.lives += 2
        if not live(work, change=change):
            break
        series.kills += 1
        live(work)
        series.differences += differences(work, expected, f"a kill before change {change}")
    restore(work.place, before)
    series.spent = time.monotonic() - began - series.seconds
    return series


def _once(work: Work, series: Series, draws: random.Random, kills: int) -> list[float]:
    """Run the job to its end with at least one kill, unless it ends before the first moment; return the moments."""
    moments: list[float] = []
    while series.kills < kills and (not moments or draws.random() < AGAIN):
        moment = round(draws.uniform(0, series.seconds), 3)
        series.lives += 1
        before = stamps(work.place)
        if not live(work, moment):
            return moments
        series.kills += 1
        series.hit[stage(work, before)] += 1
        moments.append(moment)
    series.lives += 1
    live(work)
    return moments


@functools.cache
def start_server() -> None:
    """Start the server, so that its imports do not count into the first measured time."""
    first = _server.Process(target=int)
    first.start()
    first.join()


def live(work: Work, moment: float | None = None, change: int | None = None) -> bool:
    """Start the job once, and return whether it was killed.

    It is killed `moment` seconds after its start, or before the `change`-th change (from 1) that it makes to a file.
    """
    process = _server.Process(target=_body, args=(str(work.place), work.words, change))
    began = time.monotonic()
    process.start()
    process.join(LONGEST if moment is None else max(0, began + moment - time.monotonic()))
    process.kill()  # has no effect on a process that has ended
    process.join()
    killed = (moment, change) != (None, None) and process.exitcode == -signal.SIGKILL
    assert killed or process.exitcode == 0, f"{work.name} ended with {process.exitcode}: {printed(work)}"
    return killed


def _body(place: str, words: list[str], change: int | None) -> None:
    """Run the job in this process: in its folder, with its output in a file, and with its exit status."""
    from advkd import cli

    os.chdir(place)
    os.environ["ADVKD_PROGRESS"] = "plain"
    out = os.open(Path(place).with_suffix(".out"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(out, stream)
    if change:
        _die_before(change)
    raise SystemExit(cli.main(words))


def _die_before(change: int) -> None:
    """Make this process kill itself before its `change`-th change of a file (opened for writing, renamed, …)."""
    left = itertools.count(change - 1, -1)

    def watch(event: str, args: tuple) -> None:
        opened = event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR) and args[0] != os.devnull
        if (opened or event in CHANGES) and next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def printed(work: Work) -> str:
    """Return the last lines that the job printed in all its lives."""
    with contextlib.suppress(FileNotFoundError):
        return work.place.with_suffix(".out").read_text()[-2000:]
    return ""


def contents(place: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below `place` by its path; empty for folders and volatile files."""
    found = {}
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        if path.is_dir():
            found[f"{name}/"] = ""
        else:
            found[name] = "" if name.endswith(VOLATILE) else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def differences(work: Work, expected: dict[str, str], after: str) -> list[str]:
    """Return a line for each difference between the job's folder and the expected files; `after` says what happened."""
    found, lines = contents(work.place), []
    for name in sorted(expected.keys() | found.keys()):
        if found.get(name) != expected.get(name):
            how = "is missing" if name not in found else "differs" if name in expected else "is left over"
            lines.append(f"after {after}: {name} {how}")
    return lines


def stamps(place: Path) -> dict[str, tuple[int, int]]:
    """Return the inode and the time of modification of every file below `place`."""
    files = {path: path.stat() for path in place.rglob("*") if path.is_file()}
    return {str(path.relative_to(place)): (stat.st_ino, stat.st_mtime_ns) for path, stat in files.items()}


def restore(place: Path, before: dict[str, str]) -> None:
    """Delete every file of `place` that is not in `before`."""
    for name in sorted(contents(place).keys() - before.keys(), reverse=True):
        path = place / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def stage(work: Work, before: dict[str, tuple[int, int]]) -> str:
    """Return the stage in which the job was killed, according to the files that this life wrote.

    A training is in one of the stages start, training, checkpoint (half-written) and finish (it writes its products,
    provenance and result). Another job is in compute (no file is written yet), write (a file or a draft is
    half-written) or between (some files are written). `before` are the `stamps` before this life.
    """
    new = [name for name, stamp in stamps(work.place).items() if before.get(name) != stamp]
    if work.run is None:
        return "write" if any(map(is_temporary, new)) else "between" if new else "compute"
    names = [Path(name).name for name in new if Path(name).is_relative_to(work.run)]
    if any(name.startswith((".checkpoint", ".history")) for name in names):
        return "checkpoint"
    if any(product in name for name in names for product in ("safetensors", "predictions", "provenance", "result")):
        return "finish"
    return "training" if "config.yaml" in names else "start"


def part_of(parts: dict[str, int], step: int) -> list[str]:
    """Return the part of an epoch to which `step` (from 0) belongs; an empty list if epochs have no parts."""
    steps = [name for name, count in parts.items() for _ in range(count)]
    return [steps[step % len(steps)]] if steps else []


def is_temporary(name: str) -> bool:
    """Return whether a path only exists while a file is being written."""
    parts = Path(name).parts
    return any(part.startswith(".") and (".tmp" in part or part.endswith(".advkd-draft")) for part in parts)


def write_figures(path: Path, series: Series) -> None:
    """Add the figures of a series to a JSON file, to which other processes add theirs."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = read_json(path) if path.exists() else {}
        write_json(path, {**known, series.work: series.summary()})
