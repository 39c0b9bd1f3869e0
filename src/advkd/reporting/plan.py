"""What a target still needs: the runs to train, and how long that takes judging by finished ones of the same scale."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
        side = f", about {duration(max(total / jobs, *known))} with {jobs} side by side" if jobs > 1 else ""
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


def measured(user: User) -> dict[Run, float]:
    """Return the wall seconds an epoch, or a GAN's iteration, of every finished run of the scale."""
    paths = Path("results", user.scale, "runs").rglob("provenance.json")
    return dict(found for path in paths if (found := attempt(pace, path)[0]))  # half a file says nothing of times


def pace(path: Path) -> tuple[Run, float] | None:
    """Return the run of a provenance.json and its wall seconds an epoch or iteration, if it ended well."""
    content = read_json(path)
    result = content["result"]
    if result["status"] != "done":
        return None
    return Run.parse(result["run"]), content["wall_seconds"] / result.get("epochs", result["steps"])


def estimate(one: Resolved, paces: dict[Run, float]) -> Estimate:
    """Return the run's length times the median pace of the finished runs that are most like it."""
    length = one.settings.get("epochs", one.settings.get("iterations"))
    for basis, key in LIKENESS:
        alike = [pace for other, pace in paces.items() if key(other) == key(one.run)]
        if alike:
            return Estimate(length * statistics.median(alike), basis)
    return Estimate(None, "")
