"""TensorBoard: what trainings left as event files, one folder a run, with the run's name.

Steps are the history's own: iterations of a GAN, epochs of a classifier. The times of single steps are not recorded, so
every event carries the time at which the training began, and none (0) while that is not known. Settings and final
metrics are the HPARAMS tab's; what generators drew stands at each moment at which a run kept it.
"""

import json
import math
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import yaml

from advkd.artifacts.seed_results import read_metrics
from advkd.damage import attempt
from advkd.errors import UserError
from advkd.files import atomic, read_json
from advkd.progress import say
from advkd.report.content import curves, pictures
from advkd.runs.lookup import folder_of
from advkd.settings import catalog, config
from advkd.settings.config import Resolved
from advkd.settings.user import User

Read = TypeVar("Read")
FILE = "events.out.tfevents.0.advkd"  # always the same: TensorBoard shows all event files of a folder as one run
SIDE = 4  # images of a grid, in either direction
GROUPS = {"lr": "schedule", "train": "evaluation", "valid": "evaluation", "GP": "penalty", "W": "distance"}


class Scalar(NamedTuple):
    """One point of a curve."""

    tag: str
    step: int
    value: float


class Grid(NamedTuple):
    """Images of one moment as one, uint8 (H, W, 3)."""

    tag: str
    step: int
    image: np.ndarray


def write(names: list[str], user: User, out: Path) -> None:
    """Write an event file for every run that has a history, finished or not; one of an earlier call is replaced.

    A file of a run that cannot be read is told of, and the rest of the run is still written.

    Args:
        names: runs, or targets of the workflow; none: all runs of the scale.
        user: the user's configuration.
        out: the folder to give TensorBoard as --logdir.

    Raises:
        UserError: tensorboardX is not installed, a name is no run and no target, or no run has a history.
    """
    try:
        from tensorboardX.record_writer import RecordWriter
    except ImportError:
        raise UserError("TensorBoard's files need a package that is missing: pip install tensorboardX") from None
    runs = chosen(names, user)
    begun = {name: one for name, one in runs.items() if (one.run.folder(user.scale) / "history.csv").exists()}
    if not begun:
        what = " ".join(names) or "all"
        raise UserError(
            f"no run of {what} has a history at scale {user.scale}: train one first (advkd plan lists them)"
        )
    for name, one in begun.items():
        events = encoded(one)
        with atomic(out / name / FILE) as temporary:
            writer = RecordWriter(str(temporary))
            for event in events:
                writer.write(event.SerializeToString())
            writer.close()
    say(f"{len(begun)} of {len(runs)} runs have a history -> {out}; look at them with: tensorboard --logdir {out}")


def chosen(names: list[str], user: User) -> dict[str, Resolved]:
    """Return the runs that `names` (runs and targets) mean, by name; without names all."""
    found: dict[str, Resolved] = {}
    for name in names or ["all"]:
        found |= {name: config.resolve(name, user)} if "/" in name else catalog.wanted(name, user)
    return found


def encoded(one: Resolved) -> list[Any]:
    """Return a run as TensorBoard's events, in the order of their steps."""
    from tensorboardX import summary
    from tensorboardX.proto.event_pb2 import Event

    used = readable(settings, one) or {}
    points = readable(history, one) or []
    last = points[-1].step if points else 0
    points += readable(metrics, one, last) or []
    # The third summary, "experiment", is left out: TensorBoard would take that of one run for all, and else derives it.
    _, start, end = summary.hparams({key: plain(value) for key, value in used.items()}, {})
    found = [(0, start), *((point.step, summary.scalar(point.tag, point.value)) for point in points)]
    for grid in readable(grids, one, used) or []:
        found.append((grid.step, summary.image(grid.tag, grid.image, dataformats="HWC")))
    if attempt(done, one)[0]:
        found.append((last, end))
    found.sort(key=lambda pair: pair[0])
    began = attempt(beginning, one)[0] or 0.0
    events = [Event(wall_time=began, step=step, summary=what) for step, what in found]
    return [Event(wall_time=began, file_version="brain.Event:2"), *events]


def readable(part: Callable[..., Read], one: Resolved, *arguments: Any) -> Read | None:
    """Return what `part` reads of a run; where it cannot, say so and return None."""
    found, problem = attempt(part, one, *arguments)
    if problem:
        say(f"{one.run}: {part.__name__} left out: {problem}")
    return found


def done(one: Resolved) -> bool:
    """Tell whether a training ended well."""
    return read_json(one.run.folder(one.scale) / "result.json")["status"] == "done"


def beginning(one: Resolved) -> float:
    """Return when the training of a finished run began, in seconds since 1970."""
    return datetime.fromisoformat(folder_of(one).provenance()["attempts"][0]["began"]).timestamp()


def settings(one: Resolved) -> dict[str, Any]:
    """Return the settings that the training read, which may be older than the run's of today."""
    return yaml.safe_load((one.run.folder(one.scale) / "config.yaml").read_text(encoding="utf-8"))["settings"]


def plain(value: Any) -> bool | int | float | str:
    """Return a setting as the HPARAMS tab can show it."""
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)


def history(one: Resolved) -> list[Scalar]:
    """Return the curves of a run's history, its finite values alone."""
    found = curves.read(one.run.folder(one.scale) / "history.csv")
    return [
        Scalar(f"{group(column)}/{column}", int(step), value)
        for number, step in enumerate(found.at)
        for column, values in found.columns.items()
        if (value := values[number]) is not None
    ]


def group(column: str) -> str:
    """Return the group of charts that a column of the history belongs to."""
    return GROUPS.get(column.partition("_")[0], "loss")


def metrics(one: Resolved, step: int) -> list[Scalar]:
    """Return a finished run's metrics as points at its last step; nothing where they belong to other settings."""
    found = read_metrics(one) or {"values": {}}
    return [Scalar(f"metrics/{name}", step, value) for name, value in sorted(found["values"].items())]


def grids(one: Resolved, used: dict[str, Any]) -> list[Grid]:
    """Return the same noises' images at every moment at which a finished run kept them."""
    path = pictures.drawn(one)
    if not path.exists():
        return []
    with path.open("rb") as file, np.load(file) as arrays:
        return [Grid(f"samples/{name}", step, square(images)) for name, step, images in moments(arrays, used)]


def moments(arrays: Any, used: dict[str, Any]) -> Iterator[tuple[str, int, np.ndarray]]:
    """Yield (generator, step, images) of an open samples.npz, in the order of steps."""
    if "images" in arrays.files:  # beside a classifier
        yield from (("G", int(step), images) for step, images in zip(arrays["epochs"], arrays["images"], strict=True))
        return
    for name in [name for name in arrays.files if name[:1] == "G" and name[1:].isdigit()]:
        found = {used["iterations"]: arrays[name]}
        if f"early/{name}" in arrays.files:
            found[used["early_iteration"]] = arrays[f"early/{name}"]
        if f"curve/{name}" in arrays.files:
            found |= zip(arrays["curve_steps"].tolist(), arrays[f"curve/{name}"], strict=True)
        yield from ((name, step, found[step]) for step in sorted(found))


def square(images: np.ndarray) -> np.ndarray:
    """Return the first of images, uint8 (n, H, W, 3), as a square grid."""
    side = min(SIDE, math.isqrt(len(images)))
    return pictures.tile([images[side * row : side * (row + 1)] for row in range(side)])
