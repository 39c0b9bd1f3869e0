"""Which runs a run learns from or starts from."""

from collections.abc import Mapping
from dataclasses import replace

from advkd.methods.settings.base import registered
from advkd.schema import keys_of
from advkd.settings.aikd import INHERITED
from advkd.settings.classifier import IMAGES
from advkd.settings.gip import GipRun
from advkd.settings.names import Run

# What a run's name says of these it says of ReActNet's second step alone.
SECOND_ONLY = {"binary", "shortcut", "first_step", "weight_decay"}


def parents(run: Run, settings: Mapping[str, object]) -> dict[str, Run]:
    """Return the runs that `run` learns from or starts from, by role, given its flat settings.

    All have the run's own seed, so that the spread over seeds is that of the whole: of teacher and student together.

    superior: the run of the same data and network, with what the variant says of these.
    teacher: a larger network's Baseline run on the same images.
    gan: the run whose generator draws images for GAN-TSC.
    start: the first of ReActNet's two steps.
    """
    roles: dict[str, Run] = {}
    if "superior" in settings:
        roles["superior"] = run.other(INHERITED, method=str(settings["superior"]))
    if "teacher" in settings:
        roles["teacher"] = run.other(IMAGES, model=str(settings["teacher"]), method="baseline")
    if "gan" in settings:
        roles["gan"] = run.other(IMAGES, model=str(settings["gan"]), method="acgan")
    if "first_step" in settings:
        roles["start"] = _first_step(run, str(settings["first_step"]))
    return roles


def _first_step(run: Run, first_step: str) -> Run:
    method = run.method if first_step == "same" else first_step
    own = keys_of(registered(run.paper)[method])
    kept = (keys_of(GipRun, without=("method",)).keys() | own.keys()) - SECOND_ONLY
    first = run.other(kept, method=method)
    return replace(first, variant=tuple(sorted((*first.variant, ("binary", "activations")))))


def repeated(settings: Mapping[str, object]) -> dict[str, str]:
    """Return the keys that only repeat another's value, each with what it would need to apply.

    `schedule_epochs` says what milestones are fractions of where that is not the run's own length.
    """
    same = "schedule_epochs" in settings and settings["schedule_epochs"] == settings.get("epochs")
    return {"schedule_epochs": "another number than epochs"} if same else {}


def named_once(settings: Mapping[str, object]) -> dict[str, object]:
    """Return the settings with `first_step: same` where the first step's method is the run's own, named once more."""
    own = "first_step" in settings and settings["first_step"] == settings.get("method")
    return {**settings, "first_step": "same"} if own else dict(settings)
