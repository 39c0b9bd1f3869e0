"""The time and memory that finished runs of a scale took, and which of them are most like a given run."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from advkd.damage import attempt
from advkd.runs.folder import RunFolder
from advkd.runs.state import Ending
from advkd.settings.config import Resolved
from advkd.settings.gan import GanRun
from advkd.settings.names import Run
from advkd.settings.user import User

Value = TypeVar("Value")

# What two runs must share to be alike, and how they then differ, from the closest to the farthest.
LIKENESS: list[tuple[str, Callable[[Run], tuple[object, ...]]]] = [
    ("other seeds", lambda run: (run.group,)),
    ("other variants", lambda run: (run.paper, run.dataset, run.model, run.method)),
    ("other data sets", lambda run: (run.paper, run.model, run.method)),
]


def measured(user: User) -> dict[Run, float]:
    """Return the wall seconds per epoch, or per iteration of a GAN, of every finished run of the scale."""
    return _of_finished(user, pace)


def pace(provenance: dict[str, Any]) -> float:
    """Return the wall seconds per epoch, or per iteration of a GAN, from a run's provenance.json."""
    result = provenance["result"]
    length = result["epochs"] if "epochs" in result else result["steps"]
    return float(provenance["wall_seconds"] / length)


def peaks(user: User) -> dict[Run, float]:
    """Return the largest resident size, in MiB, of every finished run of the scale."""
    return _of_finished(user, lambda provenance: float(provenance["peak_memory_mib"]["resident"]))


def _of_finished(user: User, read: Callable[[dict[str, Any]], float]) -> dict[Run, float]:
    """Return what `read` takes from the provenance of each run that ended well; damaged ones are left out."""

    def read_one(folder: RunFolder) -> tuple[Run, float] | None:
        provenance = folder.provenance()
        if provenance["result"]["status"] != Ending.DONE:
            return None
        value = read(provenance)
        if not 0 < value < math.inf:
            raise ValueError(f"{value} is no time or size")
        return Run.parse(provenance["result"]["run"]), value

    values: dict[Run, float] = {}
    for folder in RunFolder.all_of(user.scale):
        pair, _ = attempt(read_one, folder)
        if pair:
            run, value = pair
            values[run] = value
    return values


def length(resolved: Resolved) -> int:
    """Return a run's epochs, or a GAN's iterations."""
    settings = resolved.typed
    return settings.training.iterations if isinstance(settings, GanRun) else settings.recipe.epochs


def like(run: Run, known: Mapping[Run, Value]) -> tuple[list[Value], str]:
    """Return what is known of the runs that are most like `run`, and how they differ from it.

    Without such a run, return an empty list and an empty text.
    """
    for difference, key in LIKENESS:
        alike = [value for other, value in known.items() if key(other) == key(run)]
        if alike:
            return alike, difference
    return [], ""
