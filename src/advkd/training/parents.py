"""The trained networks that a run starts from or learns from.

Choices:
    - [aikd] Open: which epoch the superior is of. Here: the last (`superior_weights`).
    - [gip] Open: which epoch the teacher is of. Here: the last (`teacher_weights`). Why: as DAFL's.
"""

import csv
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from advkd.errors import UserError
from advkd.models import classifiers, gantsc
from advkd.progress import say
from advkd.runs.session import Session


def load(session: Session, classes: int, images: int, device: torch.device) -> dict[str, nn.Module]:
    """Return the networks of the session's parents by role, in evaluation mode; warn of a teacher that knows nothing.

    Args:
        session: names the parents' folders.
        classes: number of classes of the run's data, which are the parents' too.
        images: number of evaluation images.
        device: where the networks go.

    Raises:
        UserError: a file of a parent is missing, or its weights do not fit the network of its configuration.
    """
    found = {}
    for role, folder in session.parents.items():
        run = session.document["parents"][role]["run"]
        s = SimpleNamespace(**_read(folder / "config.yaml", run, lambda text: yaml.safe_load(text)["settings"]))
        kind = getattr(session.settings, f"{role}_weights", "last")
        if role == "gan":
            network, weights = gantsc.Generator(classes, s.noise, s.width), "generator.safetensors"
        else:
            network, weights = classifiers.build(s, classes), f"{'best' if kind == 'best' else 'model'}.safetensors"
        try:
            network.load_state_dict(load_file(folder / weights))
        except (RuntimeError, SafetensorError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise UserError(
                f"{folder / weights} does not fit {s.model} of width {s.width} for {classes} classes ({reason}):"
                f" train {run} again"
            ) from None
        if role == "teacher":
            errors = _read(folder / "history.csv", run, _errors)
            _warn_of_chance(run, min(errors) if kind == "best" else errors[-1], classes, images)
        found[role] = network.to(device, memory_format=torch.channels_last).eval()
    return found


def _read(path: Path, run: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        reason = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise UserError(f"{path} {reason}: delete the result.json beside it, then advkd train {run}") from None


def _errors(history: str) -> list[float]:
    found = [float(row["valid_error"]) for row in csv.DictReader(history.splitlines())]
    if not found:
        raise ValueError("no epoch")
    return found


def _warn_of_chance(run: str, error: float, classes: int, images: int) -> None:
    right, chance = 1 - error / 100, 1 / classes
    if right < chance + 3 * math.sqrt(chance * (1 - chance) / images):
        say(
            f"warning: the teacher {run} is right for {100 * right:.2f} % of {images} images, which is chance for"
            f" {classes} classes: what students learn from it says nothing of a method"
        )
