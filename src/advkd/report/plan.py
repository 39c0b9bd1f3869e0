"""What a target still needs: the runs to train, and how long that takes judging by finished ones of the same scale."""

import heapq
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from advkd.progress import duration
from advkd.report import status
from advkd.runs import paces
from advkd.settings import catalog
from advkd.settings.config import Resolved
from advkd.settings.names import Run
from advkd.settings.user import User

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
    took = paces.measured(user)
    estimates = {name: estimate(one, took) for name, one in missing.items()}
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


def estimate(one: Resolved, known: dict[Run, float]) -> Estimate:
    """Return the run's length times the median pace of the finished runs that are most like it."""
    alike, basis = paces.like(one.run, known)
    return Estimate(paces.length(one) * statistics.median(alike) if alike else None, basis)
