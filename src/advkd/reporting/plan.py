"""What a target still needs: the runs to train, and how long that takes judging by finished ones of the same scale."""

import heapq
import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advkd import catalog
from advkd.config import Resolved
from advkd.files import read_json
from advkd.progress import duration
from advkd.reporting import status
from advkd.reporting.damage import attempt
from advkd.run import Run
from advkd.settings import User

# From the closest to the farthest: whose pace says how long a run takes.
LIKENESS: list[tuple[str, Callable[[Run], tuple]]] = [
    ("other seeds", lambda run: (run.group,)),
    ("other variants", lambda run: (run.paper, run.dataset, run.model, run.method)),
    ("other data sets", lambda run: (run.paper, run.model, run.method)),
]
FINISHED = ("done", "diverged", "blocked")


@dataclass(frozen=True)
class Estimate:
    """How long a run takes, in seconds, and whose times say so; None where no finished run is like it."""

    seconds: float | None
    basis: str


def report(target: str, user: User, jobs: int) -> str:
    """Return the runs that `target` still needs at the user's scale, each with its state and time.

    Args:
        target: a table, a figure, or another target of the workflow.
        user: the user's configuration.
        jobs: trainings side by side, for the time of all.

    Raises:
        UserError: no such target.
    """
    needed = catalog.with_parents(catalog.wanted(target, user))
    states = {name: status.told(one) for name, one in needed.items()}
    missing = unfinished(needed, states)
    lines = [f"{target} at scale {user.scale}: {len(needed)} runs, {len(needed) - len(missing)} finished"]
    if not missing:
        return "\n".join([*lines, "nothing is left to train"])
    paces = measured(user)
    estimates = {name: estimate(one, paces) for name, one in missing.items()}
    for name, found in estimates.items():
        word = "no like run is finished" if found.seconds is None else f"{duration(found.seconds)} ({found.basis})"
        state, _, problem = states[name].partition(": ")
        damage = f"; {problem}" if state == status.DAMAGED else ""
        lines.append(f"  {name:<64}  {state:<12}  {word}{damage}")
    known = [found.seconds for found in estimates.values() if found.seconds is not None]
    if known:
        total = sum(known)
        without = f"; {len(estimates) - len(known)} runs without an estimate" if len(known) < len(estimates) else ""
        times = {name: found.seconds or 0.0 for name, found in estimates.items()}
        side = f", {duration(makespan(missing, times, jobs))} with {jobs} side by side" if jobs > 1 else ""
        lines.append(f"to train: {len(missing)} runs, {duration(total)} one after the other{side}{without}")
    else:
        lines.append(f"to train: {len(missing)} runs; none like them is finished at this scale, so no time is known")
    return "\n".join(lines)


def unfinished(needed: dict[str, Resolved], states: dict[str, str]) -> dict[str, Resolved]:
    """Return the runs that are to be trained: those that are not finished, and what learns from such."""
    found: dict[str, Resolved] = {}

    def lacking(one: Resolved) -> bool:
        here = states[str(one.run)].split(":")[0].split()[0] not in FINISHED
        return here or any(lacking(parent) for parent in one.parents.values())

    for name, one in needed.items():
        if lacking(one):
            found[name] = one
    return found


def makespan(runs: Mapping[str, Resolved], seconds: Mapping[str, float], jobs: int) -> float:
    """Return the seconds from the first start to the last end of `runs`, at most `jobs` at a time.

    A run starts when those among `runs` that it learns from have ended; of several, the one with the longest chain of
    others behind it (list scheduling, at most twice as long as possible).
    """
    parents = {name: {str(parent.run) for parent in one.parents.values()} & runs.keys() for name, one in runs.items()}
    behind = chains(runs, seconds)
    waiting = sorted(runs, key=lambda name: -behind[name])
    running: list[tuple[float, str]] = []  # a heap: who ends first
    ended: set[str] = set()
    now = 0.0
    while waiting or running:
        ready = [name for name in waiting if parents[name] <= ended]
        for name in ready[: jobs - len(running)]:
            waiting.remove(name)
            heapq.heappush(running, (now + seconds[name], name))
        now, name = heapq.heappop(running)
        ended.add(name)
    return now


def chains(runs: Mapping[str, Resolved], seconds: Mapping[str, float]) -> dict[str, float]:
    """Return for each run the seconds of the longest chain that begins with it: itself, and what learns from it."""
    children: dict[str, list[str]] = {name: [] for name in runs}
    for name, one in runs.items():
        for parent in one.parents.values():
            children.get(str(parent.run), []).append(name)
    found: dict[str, float] = {}

    def longest(name: str) -> float:
        if name not in found:
            found[name] = seconds[name] + max(map(longest, children[name]), default=0.0)
        return found[name]

    return {name: longest(name) for name in runs}


def measured(user: User) -> dict[Run, float]:
    """Return the wall seconds an epoch, or a GAN's iteration, of every finished run of the scale."""
    return _finished(user, pace)


def pace(provenance: dict[str, Any]) -> float:
    """Return the wall seconds an epoch, or a GAN's iteration, that a run's provenance.json tells."""
    result = provenance["result"]
    return provenance["wall_seconds"] / result.get("epochs", result["steps"])


def peaks(user: User) -> dict[Run, float]:
    """Return the largest resident size, in MiB, of every finished run of the scale."""
    return _finished(user, lambda provenance: provenance["peak_memory_mib"]["resident"])


def _finished(user: User, read: Callable[[dict[str, Any]], float]) -> dict[Run, float]:
    """Return what `read` makes of the provenance of each run of the scale that ended well; damaged ones say nothing."""

    def told(path: Path) -> tuple[Run, float] | None:
        content = read_json(path)
        if content["result"]["status"] != "done":
            return None
        found = float(read(content))
        if not 0 < found < math.inf:
            raise ValueError(f"{found} is no time or size")
        return Run.parse(content["result"]["run"]), found

    paths = Path("results", user.scale, "runs").rglob("provenance.json")
    return dict(found for path in paths if (found := attempt(told, path)[0]))


def estimate(one: Resolved, paces: dict[Run, float]) -> Estimate:
    """Return the run's length times the median pace of the finished runs that are most like it."""
    alike, basis = like(one.run, paces)
    return Estimate(length(one) * statistics.median(alike) if alike else None, basis)


def length(one: Resolved) -> int:
    """Return a run's epochs, or a GAN's iterations."""
    return one.settings.get("epochs") or one.settings["iterations"]


def like(run: Run, known: Mapping[Run, Any]) -> tuple[list[Any], str]:
    """Return what is known of the runs that are most like `run`, and how they differ from it; nothing, if none is."""
    for basis, key in LIKENESS:
        if alike := [value for other, value in known.items() if key(other) == key(run)]:
            return alike, basis
    return [], ""
