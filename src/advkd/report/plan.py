"""What a target still needs: the jobs and trainings of Snakemake's own plan, and an estimate of the time.

The time is that of finished runs of the same scale.
"""

import heapq
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from advkd.progress import duration
from advkd.runs import paces, workflow_jobs
from advkd.runs.lookup import state_of
from advkd.runs.state import Kind
from advkd.settings import catalog
from advkd.settings.config import Resolved
from advkd.settings.names import Run
from advkd.settings.user import User


@dataclass(frozen=True)
class Estimate:
    """How long a run takes.

    Attributes:
        seconds: the time; None if no similar run is finished.
        basis: the runs that the estimate is based on, in words.
    """

    seconds: float | None
    basis: str

    def __str__(self) -> str:
        if self.seconds is None:
            return "no similar run is finished"
        return f"{duration(self.seconds)} ({self.basis})"


def report(target: str, user: User, jobs: int, words: Sequence[str] = ()) -> str:
    """Return the jobs that Snakemake would run for `target`, and its trainings, each with its state and time.

    Args:
        target: a table, a figure, or another target of the workflow.
        user: the user's configuration.
        jobs: the number of trainings side by side, for the total time.
        words: the words of --config that made the user's configuration.

    Raises:
        UserError: there is no such target, or it cannot be made.
    """
    needed = catalog.with_parents(catalog.wanted(target, user))
    states = {name: state_of(resolved) for name, resolved in needed.items()}
    planned = workflow_jobs.ask(target, words)
    missing = {name: resolved for name, resolved in needed.items() if name in planned.trained}
    finished = [name for name, state in states.items() if state.finished and name not in missing]
    lines = [f"{target} at scale {user.scale}: {len(needed)} runs, {len(finished)} finished"]
    counts = ", ".join(f"{count} {rule}" for rule, count in planned.counts.items())
    lines.append(f"snakemake would run: {counts or 'nothing'}")
    left = [name for name in needed if name not in missing and name not in finished]
    if left:  # a damaged result is a file that is there, and nobody reads a parent whose students are all trained
        runs = "1 unfinished run as it is" if len(left) == 1 else f"{len(left)} unfinished runs as they are"
        lines.append(f"snakemake leaves {runs}:")
        lines += [f"  {name:<64}  {states[name]}" for name in left]
    if not missing:
        return "\n".join([*lines, "nothing is left to train"])
    pace = paces.measured(user)
    estimates = {name: estimate(resolved, pace) for name, resolved in missing.items()}
    for name in missing:
        state = states[name]
        damage = f"; {state.detail}" if state.kind is Kind.DAMAGED else ""
        lines.append(f"  {name:<64}  {state.word:<12}  {estimates[name]}{damage}")
    return "\n".join([*lines, describe_total(missing, estimates, jobs)])


def describe_total(missing: dict[str, Resolved], estimates: dict[str, Estimate], jobs: int) -> str:
    """Return the number of runs to train and the time of all of them, in words."""
    known_seconds = [estimate.seconds for estimate in estimates.values() if estimate.seconds is not None]
    text = f"to train: {len(missing)} runs"
    if not known_seconds:
        return f"{text}; no similar run is finished at this scale, so the time is unknown"
    text += f", {duration(sum(known_seconds))} one after the other"
    if jobs > 1:
        seconds = {name: estimate.seconds or 0.0 for name, estimate in estimates.items()}
        text += f", {duration(makespan(missing, seconds, jobs))} with {jobs} side by side"
    if len(known_seconds) < len(estimates):
        text += f"; {len(estimates) - len(known_seconds)} runs without an estimate"
    return text


def makespan(runs: Mapping[str, Resolved], seconds: Mapping[str, float], jobs: int) -> float:
    """Return the seconds from the first start to the last end of `runs`, at most `jobs` at a time.

    A run starts when those among `runs` that it learns from have ended. Of several runs that could start, the one with
    the longest chain of others behind it starts first (list scheduling, at most twice as long as the optimum).
    """
    parents = {}
    for name, resolved in runs.items():
        parents[name] = {str(needed.run) for needed in resolved.needs.values()} & runs.keys()
    chain = chain_lengths(runs, seconds)
    waiting = sorted(runs, key=lambda name: -chain[name])
    running: list[tuple[float, str]] = []  # a heap of (end, name)
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


def chain_lengths(runs: Mapping[str, Resolved], seconds: Mapping[str, float]) -> dict[str, float]:
    """Return for each run the seconds of the longest chain that begins with it: itself, and what learns from it."""
    learners: dict[str, list[str]] = {name: [] for name in runs}
    for name, resolved in runs.items():
        for needed in resolved.needs.values():
            if str(needed.run) in learners:
                learners[str(needed.run)].append(name)
    lengths: dict[str, float] = {}

    def length(name: str) -> float:
        if name not in lengths:
            behind = [length(learner) for learner in learners[name]]
            lengths[name] = seconds[name] + max(behind, default=0.0)
        return lengths[name]

    return {name: length(name) for name in runs}


def estimate(resolved: Resolved, pace: Mapping[Run, float]) -> Estimate:
    """Return a run's length times the median pace of the most similar finished runs.

    Args:
        resolved: the run.
        pace: seconds for an epoch, or for a GAN's iteration, of each finished run.
    """
    similar, basis = paces.like(resolved.run, pace)
    if not similar:
        return Estimate(None, basis)
    return Estimate(paces.length(resolved) * statistics.median(similar), basis)
