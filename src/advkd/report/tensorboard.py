"""TensorBoard event files of trainings, one folder for each run, named as the run.

Steps are those of the history: iterations of a GAN, epochs of a classifier. The times of single steps are not recorded,
so every event has the time at which the training began, or 0 if that is unknown. Settings and final metrics appear in
the HPARAMS tab. The images of generators appear at each moment at which the run kept them.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from advkd.artifacts.seed_results import read_metrics
from advkd.damage import attempt
from advkd.errors import UserError
from advkd.extras import lacking
from advkd.files import atomic
from advkd.progress import say
from advkd.report.content.curves import is_finite, moments
from advkd.report.content.samples import generator_names
from advkd.runs.folder_names import HISTORY, MOMENTS, RESULT, SAMPLES
from advkd.runs.lookup import folder_of, state_of
from advkd.runs.state import Ending, Kind
from advkd.runs.stores import DataChecks
from advkd.settings import catalog
from advkd.settings.config import Resolved
from advkd.settings.user import User

Value = TypeVar("Value")
Point = tuple[str, int, float]  # tag, step, value
Images = tuple[str, int, np.ndarray]  # tag, step, images: uint8 (n, H, W, 3)

EXTRA = "tensorboard"  # of this package
FILE = "events.out.tfevents.0.advkd"  # always the same: TensorBoard shows all event files of a folder as one run
MAX_IMAGES = 16  # of a grid
CHARTS = {
    "lr": "schedule",
    "train": "evaluation",
    "valid": "evaluation",
    "GP": "penalty",
    "W": "distance",
    "AUC": "separation",
}


def write(names: list[str], user: User, out: Path) -> int:
    """Write an event file for every run that has a history, finished or not. It replaces the one of an earlier call.

    If a file of a run cannot be read, a message says so, and the rest of the run is still written.

    Returns:
        The number of runs of which something was left out.

    Args:
        names: runs, or targets of the workflow; if empty, all runs of the scale.
        user: the user's configuration.
        out: the folder to give TensorBoard as --logdir.

    Raises:
        UserError: tensorboardX is not installed, a name is neither a run nor a target, or no run has a history.
    """
    try:
        # Not SummaryWriter: it writes in a thread, where an error such as a full disk is lost, and it adds the time of
        # writing to the file's name and to its first event.
        from tensorboardX.record_writer import RecordWriter
    except ImportError:
        raise UserError(lacking(EXTRA)) from None
    runs = catalog.selected(names, user)
    started = {name: resolved for name, resolved in runs.items() if folder_of(resolved).has(HISTORY)}
    if not started:
        targets = " ".join(names) or "all"
        raise UserError(
            f"no run of {targets} has a history at scale {user.scale}: train one first (advkd plan lists them)"
        )
    incomplete, checks = [], DataChecks(user)
    for name, resolved in started.items():
        if reason := why_not_of_today(resolved, checks):
            say(f"{name} {reason}")
        events, left_out = encode_events(resolved)
        if left_out:
            incomplete.append(name)
        with atomic(out / name / FILE) as temporary:
            writer = RecordWriter(str(temporary))
            for event in events:
                writer.write(event.SerializeToString())
            writer.close()
    viewer = f"tensorboard --logdir {out}" if find_spec("tensorboard") else f"TensorBoard (install advkd[{EXTRA}])"
    say(f"{len(started)} of {len(runs)} runs have a history -> {out}; look at them with: {viewer}")
    if incomplete:
        say(f"of {len(incomplete)} of them something was left out, as said above: {', '.join(incomplete)}")
    return len(incomplete)


def encode_events(resolved: Resolved) -> tuple[list[Any], bool]:
    """Return TensorBoard's events of a run, in the order of their steps, and whether something was left out."""
    from tensorboardX import summary
    from tensorboardX.proto.event_pb2 import Event

    read = Reader(resolved)
    settings = read("settings", read_settings) or {}
    points = read("history", read_curves) or []
    last_step = points[-1][1] if points else 0
    points += read("metrics", read_final_metrics, last_step) or []
    # The first summary, "experiment", is left out: TensorBoard would use one run's for all, and can derive it.
    _, start, end = summary.hparams({key: as_hparam(value) for key, value in settings.items()}, {})
    summaries = [(0, start)]
    summaries += [(step, summary.scalar(tag, value)) for tag, step, value in points]
    for tag, step, images in read("images", read_images, settings) or []:
        summaries.append((step, summary.image(tag, images[:MAX_IMAGES], dataformats="NHWC")))
    if attempt(ended_well, resolved)[0]:
        summaries.append((last_step, end))
    summaries.sort(key=lambda pair: pair[0])
    began = attempt(beginning, resolved)[0] or 0.0
    events = [Event(wall_time=began, file_version="brain.Event:2")]
    events += [Event(wall_time=began, step=step, summary=content) for step, content in summaries]
    return events, read.left_out


class Reader:
    """Reads the files of a run, and says which of them cannot be read."""

    def __init__(self, resolved: Resolved) -> None:
        self._resolved, self.left_out = resolved, False

    def __call__(self, what: str, read: Callable[..., Value], *arguments: Any) -> Value | None:
        """Return what `read` returns for the run; if it cannot read `what` of the run, say so and return None."""
        value, problem = attempt(read, self._resolved, *arguments)
        if problem:
            self.left_out = True
            say(f"{self._resolved.run}: left out: its {what}: {problem}")
        return value


def why_not_of_today(resolved: Resolved, checks: DataChecks) -> str:
    """Return how a training differs from one with the settings, parents and images of today; "" if nothing says so."""
    state = state_of(resolved)
    if state.kind is Kind.STALE:
        return f"is {state}"
    if state.finished:
        caution = checks.caution(resolved)
        return f"is of outdated data: {caution}" if caution else ""
    began_otherwise, _ = attempt(lambda: folder_of(resolved).document()["config_hash"] != resolved.hash)
    return "was begun with other settings than those asked for; its config.yaml holds them" if began_otherwise else ""


def ended_well(resolved: Resolved) -> bool:
    """Tell whether a training ended well."""
    return folder_of(resolved).has(RESULT) and folder_of(resolved).result()["status"] == Ending.DONE


def beginning(resolved: Resolved) -> float:
    """Return the time at which a training began, in seconds since 1970."""
    return datetime.fromisoformat(folder_of(resolved).provenance()["attempts"][0]["began"]).timestamp()


def read_settings(resolved: Resolved) -> dict[str, Any]:
    """Return the settings that the training used, which may differ from those of the run today."""
    settings: dict[str, Any] = folder_of(resolved).document()["settings"]
    return settings


def as_hparam(value: Any) -> bool | int | float | str:
    """Return a setting in a form that the HPARAMS tab can show."""
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)


def read_curves(resolved: Resolved) -> list[Point]:
    """Return the finite values of a run's history, in the order of its rows."""
    history = folder_of(resolved).history()
    points = []
    for row, moment in enumerate(moments(history)):
        for column, values in history.items():
            value = values[row]
            if column not in MOMENTS and is_finite(value):
                chart = CHARTS.get(column.partition("_")[0], "loss")
                points.append((f"{chart}/{column}", int(moment), value))
    return points


def read_final_metrics(resolved: Resolved, step: int) -> list[Point]:
    """Return a finished run's metrics at its last step; nothing if they belong to other settings."""
    metrics = read_metrics(resolved)
    if metrics is None:
        return []
    return [(f"metrics/{name}", step, value) for name, value in sorted(metrics["values"].items())]


def read_images(resolved: Resolved, settings: dict[str, Any]) -> list[Images]:
    """Return the images of the same noises at every moment at which a finished run kept them."""
    folder = folder_of(resolved)
    if not folder.has(SAMPLES):
        return []
    if "images" in folder.sample_names():
        epochs, images = folder.samples("epochs", "images")
        return [("samples/G", int(epoch), moment) for epoch, moment in zip(epochs, images, strict=True)]
    return list(gan_images(resolved, settings))


def gan_images(resolved: Resolved, settings: dict[str, Any]) -> Iterator[Images]:
    """Yield the images of each generator of a GAN: early, along the training, and final."""
    folder = folder_of(resolved)
    stored = folder.sample_names()
    for name in generator_names(folder):
        (final,) = folder.samples(name)
        by_step = {settings["iterations"]: final}
        if f"early/{name}" in stored:
            (by_step[settings["early_iteration"]],) = folder.samples(f"early/{name}")
        if f"curve/{name}" in stored:
            steps, images = folder.samples("curve_steps", f"curve/{name}")
            by_step.update(zip(steps.tolist(), images, strict=True))
        for step in sorted(by_step):
            yield f"samples/{name}", step, by_step[step]
