"""What finished runs of a scale took, in time and memory, and which of them a run is most like."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from advkd.damage import attempt
from advkd.files import read_json
from advkd.settings.config import Resolved
from advkd.settings.names import Run
from advkd.settings.user import User

# From the closest to the farthest: whose pace says how long a run takes.
LIKENESS: list[tuple[str, Callable[[Run], tuple[str, ...]]]] = [
    ("other seeds", lambda run: (run.group,)),
    ("other variants", lambda run: (run.paper, run.dataset, run.model, run.method)),
    ("other data sets", lambda run: (run.paper, run.model, run.method)),
]


def measured(user: User) -> dict[Run, float]:
    """Return the wall seconds an epoch, or a GAN's iteration, of every finished run of the scale."""
    return _finished(user, pace)


def pace(provenance: dict[str, Any]) -> float:
    """Return the wall seconds an epoch, or a GAN's iteration, that a run's provenance.json tells."""
    result = provenance["result"]
    return float(provenance["wall_seconds"] / result.get("epochs", result["steps"]))


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


def length(one: Resolved) -> int:
    """Return a run's epochs, or a GAN's iterations."""
    count = one.settings.get("epochs") or one.settings["iterations"]
    assert isinstance(count, int)
    return count


def like(run: Run, known: Mapping[Run, Any]) -> tuple[list[Any], str]:
    """Return what is known of the runs that are most like `run`, and how they differ from it; nothing, if none is."""
    for basis, key in LIKENESS:
        if alike := [value for other, value in known.items() if key(other) == key(run)]:
            return alike, basis
    return [], ""
