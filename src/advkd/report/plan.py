"""What a target still needs: the jobs and trainings of Snakemake's own plan, and how long they take.

The times are those of finished runs of the same scale; where nothing like a run is finished, its steps are counted.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence

from advkd.progress import duration
from advkd.runs import workflow_jobs
from advkd.runs.estimates import GPU_FLOPS, Estimate, Estimator
from advkd.runs.lookup import state_of
from advkd.runs.state import Kind
from advkd.runs.stores import missing_places
from advkd.settings import catalog
from advkd.settings.config import Resolved
from advkd.settings.user import User

LONG = 3600.0  # seconds, from which a plan for a CPU says what a GPU would take


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
    wanted = catalog.wanted(target, user)
    with workflow_jobs.asking(target, words) as planned_jobs:  # meanwhile, this looks at the runs
        needed = catalog.with_parents(wanted)
        states = {name: state_of(resolved) for name, resolved in needed.items()}
        estimator = Estimator(user)
        unfinished = [name for name, state in states.items() if not state.finished]
        estimates = {name: estimator.estimate(needed[name]) for name in unfinished}
        planned = planned_jobs()
    missing = {name: resolved for name, resolved in needed.items() if name in planned.trained}
    finished = [name for name, state in states.items() if state.finished and name not in missing]
    lines = [f"{target} at scale {user.scale}: {len(needed)} runs, {len(finished)} finished"]
    counts = ", ".join(f"{count} {rule}" for rule, count in planned.counts.items())
    lines += [f"snakemake would run: {counts or 'nothing'}", *missing_places(user, needed.values())]
    left = [name for name in needed if name not in missing and name not in finished]
    if left:  # a damaged result is a file that is there, and nobody reads a parent whose students are all trained
        runs = "1 unfinished run as it is" if len(left) == 1 else f"{len(left)} unfinished runs as they are"
        lines.append(f"snakemake leaves {runs}:")
        lines += [f"  {name:<64}  {states[name]}" for name in left]
    if not missing:
        return "\n".join([*lines, "nothing is left to train"])
    estimates = {name: estimates.get(name) or estimator.estimate(resolved) for name, resolved in missing.items()}
    for name in missing:
        state = states[name]
        damage = f"; {state.detail}" if state.kind is Kind.DAMAGED else ""
        lines.append(f"  {name:<64}  {state.word:<12}  {estimates[name]}{damage}")
    return "\n".join([*lines, *describe_total(missing, estimates, jobs, estimator.on_cpu)])


def describe_total(
    missing: dict[str, Resolved], estimates: dict[str, Estimate], jobs: int, on_cpu: bool
) -> Iterable[str]:
    """Yield the number of runs to train and the time of all of them, in words, and where the times come from.

    Args:
        missing: the runs to train, by name.
        estimates: how long each takes.
        jobs: the number of trainings side by side.
        on_cpu: whether they train on a CPU.
    """
    seconds = {name: one.seconds or 0.0 for name, one in estimates.items()}
    text = f"to train: {len(missing)} runs, about {duration(sum(seconds.values()))} one after the other"
    if jobs > 1:
        text += f", {duration(makespan(missing, seconds, jobs))} with {jobs} side by side"
    unknown = [one for one in estimates.values() if one.seconds is None]
    if unknown:
        text += f", without {len(unknown)} whose time is {unknown[0].basis}"
    yield text
    counted = [one for one in estimates.values() if one.counted]
    if counted:
        assumed = f"on a GPU that is assumed to sustain {GPU_FLOPS / 1e12:.0f} TFLOP/s"
        how = "a step of each kind was timed on this machine's CPU" if on_cpu else f"their operations, {assumed}"
        yield f"counted: for {len(counted)} of these {len(missing)} no similar run is finished; {how}"
        gpu = sum(one.gpu or 0.0 for one in counted)
        if on_cpu and sum(one.seconds or 0.0 for one in counted) > LONG:
            yield f"{assumed}, the counted ones would take {duration(gpu)}"
    yield "evaluations of GANs, preparations of data, tables and figures come on top"


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
