"""Rounds of a workflow that is killed at random moments and started again, against one that nothing disturbs.

A round is a checkout of its own. Every second one begins with the first round's data, the others with nothing. It is
started as `make` starts it. What is killed is drawn: everything, as by a machine that fails; Snakemake alone, whose
trainings then go on without it; or one of the processes that work for it, as by a system that is out of memory.
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
KILLS = (1, 4)  # of a round, at least and at most
TRIES = 12  # starts of a round
ORPHANS = 120  # seconds that what a killed Snakemake left may go on
LONGEST = 1800  # seconds of one start


@dataclass
class Round:
    """One round: how it went, and what was found in the end."""

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
    """Run the undisturbed round 0 and then `rounds` others, or as many as begin within `minutes`; return all.

    The folders of rounds without a fault are removed.
    """
    began, draws = time.monotonic(), random.Random(seed)
    first = play(Round(0, False), prepared(work / "0", None), draws, 0)
    done, expected = [first], outcome(work / "0")
    while len(done) <= rounds and time.monotonic() - began < 60 * minutes and not first.faults:
        number = len(done)
        one = Round(number, kept_data=number % 2 == 1)
        place = prepared(work / str(number), work / "0" if one.kept_data else None)
        play(one, place, draws, min(other.seconds for other in done))  # later moments seldom hit anything
        one.faults += compared(expected, outcome(place)) + leftovers(place)
        if not one.faults:
            shutil.rmtree(place)
        done.append(one)
        print(line(one), flush=True)
    return done


def prepared(place: Path, data_of: Path | None) -> Path:
    """Return a checkout at `place`, with the data of another one."""
    copy_checkout(place)
    if data_of:
        shutil.copytree(data_of / "data", place / "data")
    return place


def play(one: Round, place: Path, draws: random.Random, length: float) -> Round:
    """Start the workflow until it is done, killing it some times within `length` seconds; none if that is 0."""
    began, kills = time.monotonic(), draws.randint(*KILLS) if length else 0
    with Watch(place) as watch:
        while one.starts < TRIES:
            one.starts += 1
            process = start(place)
            if sum(one.kills.values()) < kills:
                _strike(one, place, process, draws, draws.uniform(0, length))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LONGEST)
            if process.returncode == 0:
                break
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
            if not one.kills:
                break
        left = wait_for_none(place, ORPHANS)
    one.seconds, one.peak = round(time.monotonic() - began, 1), watch.peak
    if left:
        one.faults.append(f"after {ORPHANS} s there still work {left}")
    if process.returncode != 0:
        one.faults.append(f"not done after {one.starts} starts ({process.returncode}): {printed(place)}")
    return one


def start(place: Path) -> subprocess.Popen:
    """Start what `make TARGETS` starts, on two cores and in a process group of its own."""
    words = [sys.executable, "-m", "advkd.start", *TARGETS, "--cores", "2"]
    with (place / "out.txt").open("a") as out:
        return subprocess.Popen(
            words, cwd=place, env=environment(place), stdout=out, stderr=out, start_new_session=True
        )


def _strike(one: Round, place: Path, process: subprocess.Popen, draws: random.Random, moment: float) -> None:
    """Kill something `moment` seconds after the start, if the workflow has not ended by then."""
    target = draws.choice(("everything", "snakemake", "worker"))
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(moment)
        return
    if target == "worker":
        workers = [found for found in working_in(place) if command(found)]
        if not workers:  # between two jobs
            target = "snakemake"
        else:
            draws.choice(workers).kill()
    if target == "everything":
        os.killpg(process.pid, signal.SIGKILL)
    elif target == "snakemake":
        os.kill(process.pid, signal.SIGKILL)
    one.kills[target] += 1
    one.moments.append(round(moment, 1))


def outcome(place: Path) -> dict[str, str]:
    """Return what a round made, by path: runs, tables, stores; of logs, which Snakemake empties, not even the names."""
    found = {
        f"{part}/{name}": sha for part in ("results", "data/stores") for name, sha in contents(place / part).items()
    }
    return {name: sha for name, sha in found.items() if not name.endswith((".log", ".lock"))}


def compared(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Return what differs between two outcomes."""
    names = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    return [f"{name}: {'differs' if name in expected and name in found else 'is there once only'}" for name in names]


def leftovers(place: Path) -> list[str]:
    """Return what only an unfinished work needs and is still there."""
    paths = [path.relative_to(place) for path in place.rglob("*") if ".snakemake" not in path.parts]
    needed = ("checkpoint.pt", "checkpoint.previous.pt", "scratch")
    return [f"{path} is left over" for path in paths if is_temporary(str(path)) or path.name in needed]


def printed(place: Path) -> str:
    """Return the last lines that a round printed."""
    return (place / "out.txt").read_text()[-2000:]


def line(one: Round) -> str:
    """Return a round as a line of a table."""
    kills = " ".join(f"{count} {name}" for name, count in sorted(one.kills.items())) or "none"
    peak = one.peak
    return (
        f"round {one.number:2d} {'kept' if one.kept_data else 'new ':4s} {one.seconds:6.0f} s {one.starts:2d} starts"
        f"  tree {peak.mib:5.0f} MiB {peak.files:4d} files  trainer {peak.trainer_mib:5.0f} MiB"
        f" {peak.trainer_files:3d} files  kills: {kills:32s} {'; '.join(one.faults) or 'identical'}"
    )
