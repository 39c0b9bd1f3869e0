"""Runs workflows that are killed at random moments and started again, and compares them with an undisturbed one.

Each round has its own checkout. Every second round starts with the data of the first round, the others with none. A
round is started as `make` starts it. At a random moment it kills everything, as if the machine failed; or Snakemake
alone, whose trainings then go on without it; or one of its workers, as a system does that is out of memory.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kills import contents, is_temporary
from processes import Peak, Watch, command, wait_for_none, working_in

from checkouts import copy_checkout, environment

TARGETS = ("table1", "gip_table6", "aikd_table4")
KILLS = (1, 4)  # fewest and most kills in a round
TRIES = 12  # starts of a round at most
ORPHANS = 120  # seconds that the orphans of a killed Snakemake may go on
LONGEST = 1800  # seconds of a start at most


@dataclass
class Round:
    """The course of a round, and the faults that it ended with."""

    number: int
    kept_data: bool
    seconds: float = 0.0
    starts: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    moments: list[float] = field(default_factory=list)  # seconds after a start
    peak: Peak = field(default_factory=Peak)
    faults: list[str] = field(default_factory=list)

    def summary(self) -> dict:
        """Return the round as plain values."""
        return {**asdict(self), "kills": dict(self.kills)}


def soak(work: Path, rounds: int, minutes: float, seed: int) -> list[Round]:
    """Run the undisturbed round 0, then up to `rounds` others that begin within `minutes`; return all.

    The folders of rounds without a fault are deleted.
    """
    began, draws = time.monotonic(), random.Random(seed)
    first = play(Round(0, False), prepared(work / "0", None), draws, 0)
    done, expected = [first], outcome(work / "0")
    while len(done) <= rounds and time.monotonic() - began < 60 * minutes and not first.faults:
        number = len(done)
        played = Round(number, kept_data=number % 2 == 1)
        place = prepared(work / str(number), work / "0" if played.kept_data else None)
        play(played, place, draws, min(other.seconds for other in done))  # later moments are seldom before the end
        played.faults += compared(expected, outcome(place)) + leftovers(place)
        if not played.faults:
            shutil.rmtree(place)
        done.append(played)
        print(line(played), flush=True)
    return done


def prepared(place: Path, data_of: Path | None) -> Path:
    """Return a checkout at `place`, with the data of another round."""
    copy_checkout(place)
    if data_of:
        shutil.copytree(data_of / "data", place / "data")
    return place


def play(played: Round, place: Path, draws: random.Random, length: float) -> Round:
    """Start the workflow until it is done; kill it at random moments within `length` seconds, unless that is 0."""
    began, kills = time.monotonic(), draws.randint(*KILLS) if length else 0
    with Watch(place) as watch:
        while played.starts < TRIES:
            played.starts += 1
            process = start(place)
            if sum(played.kills.values()) < kills:
                _strike(played, place, process, draws, draws.uniform(0, length))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LONGEST)
            if process.returncode == 0:
                break
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
            if not played.kills:
                break
        left = wait_for_none(place, ORPHANS)
    played.seconds, played.peak = round(time.monotonic() - began, 1), watch.peak
    if left:
        played.faults.append(f"after {ORPHANS} s these processes still run: {left}")
    if process.returncode != 0:
        played.faults.append(f"not done after {played.starts} starts ({process.returncode}): {printed(place)}")
    return played


def start(place: Path) -> subprocess.Popen:
    """Start what `make TARGETS` starts, on two cores and in its own process group."""
    words = [sys.executable, "-m", "advkd.start", *TARGETS, "--cores", "2"]
    with (place / "out.txt").open("a") as out:
        return subprocess.Popen(
            words, cwd=place, env=environment(place), stdout=out, stderr=out, start_new_session=True
        )


def _strike(played: Round, place: Path, process: subprocess.Popen, draws: random.Random, moment: float) -> None:
    """Kill something `moment` seconds after the start, unless the workflow has ended by then."""
    target = draws.choice(("everything", "snakemake", "worker"))
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(moment)
        return
    if target == "worker":
        workers = [worker for worker in working_in(place) if command(worker)]
        if not workers:  # between two jobs
            target = "snakemake"
        else:
            draws.choice(workers).kill()
    if target == "everything":
        os.killpg(process.pid, signal.SIGKILL)
    elif target == "snakemake":
        os.kill(process.pid, signal.SIGKILL)
    played.kills[target] += 1
    played.moments.append(round(moment, 1))


def outcome(place: Path) -> dict[str, str]:
    """Return the checksums of a round's runs, tables and stores by path, without logs, which Snakemake may delete."""
    checksums = {}
    for top in ("results", "data/stores"):
        for name, sha in contents(place / top).items():
            if not name.endswith((".log", ".lock")):
                checksums[f"{top}/{name}"] = sha
    return checksums


def compared(expected: dict[str, str], actual: dict[str, str]) -> list[str]:
    """Return a line for each difference between two outcomes."""
    lines = []
    for name in sorted(expected.keys() | actual.keys()):
        if name not in expected or name not in actual:
            lines.append(f"{name}: exists only once")
        elif expected[name] != actual[name]:
            lines.append(f"{name}: differs")
    return lines


def leftovers(place: Path) -> list[str]:
    """Return a line for each file that only an unfinished job needs."""
    paths = [path.relative_to(place) for path in place.rglob("*") if ".snakemake" not in path.parts]
    needed = ("checkpoint.pt", "checkpoint.previous.pt", "scratch")
    return [f"{path} is left over" for path in paths if is_temporary(str(path)) or path.name in needed]


def printed(place: Path) -> str:
    """Return the last lines that a round printed."""
    return (place / "out.txt").read_text()[-2000:]


def line(played: Round) -> str:
    """Return a round as a line of a table."""
    kills = " ".join(f"{count} {name}" for name, count in sorted(played.kills.items())) or "none"
    peak = played.peak
    return (
        f"round {played.number:2d} {'kept' if played.kept_data else 'new ':4s} {played.seconds:6.0f} s"
        f" {played.starts:2d} starts"
        f"  tree {peak.mib:5.0f} MiB {peak.files:4d} files  trainer {peak.trainer_mib:5.0f} MiB"
        f" {peak.trainer_files:3d} files  kills: {kills:32s} {'; '.join(played.faults) or 'identical'}"
    )
