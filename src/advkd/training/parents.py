"""Loads the trained networks that a run starts from or learns from.

Choices:
    - [aikd] Open: which epoch of the superior teaches. Here: the last (`superior_weights`).
    - [gip] Open: which epoch of the teacher teaches. Here: the last (`teacher_weights`). Why: as DAFL's.
"""

import math

import torch
from torch import nn

from advkd.errors import UserError
from advkd.methods.settings.gantsc import GanTscGanSettings
from advkd.models import classifiers
from advkd.models.settings import AcGanDiscriminator
from advkd.progress import say
from advkd.settings.classifier import ClassifierRun
from advkd.training.session import Parent, Session, Weights


def load(session: Session[ClassifierRun], classes: int, images: int, device: torch.device) -> dict[str, nn.Module]:
    """Return the networks of the session's parents by role, in evaluation mode; warn of a teacher at chance level.

    Args:
        session: has the parents.
        classes: number of classes of the run's data, which are the parents' too.
        images: number of evaluation images.
        device: where the networks go.

    Raises:
        UserError: a file of a parent is missing, or its weights do not fit the network of its configuration.
    """
    networks = {}
    for role, parent in session.parents.items():
        settings, which = parent.settings(), weights_of(role, session.settings)
        network = _network(settings, which, classes)
        weights = parent.weights(which)
        try:
            classifiers.load_weights(network, weights)
        except ValueError as reason:
            network_name = f"{settings.network.model} of width {settings.network.width} for {classes} classes"
            raise UserError(
                f"{parent.describe(which)} does not fit {network_name} ({reason}): train {parent.run} again"
            ) from None
        if role == "teacher":
            _warn_of_chance(parent.run, _error(parent, which), classes, images)
        networks[role] = network.to(device).to(memory_format=torch.channels_last).eval()
    return networks


def weights_of(role: str, settings: ClassifierRun) -> Weights:
    """Return which weights a run takes of its parent in a role."""
    if role == "gan":
        return "generator"
    return "best" if settings.flat().get(f"{role}_weights") == "best" else "last"


def _network(settings: ClassifierRun, which: Weights, classes: int) -> nn.Module:
    network, method = settings.network, settings.method
    if which == "generator" and isinstance(network, AcGanDiscriminator) and isinstance(method, GanTscGanSettings):
        generator: nn.Module = classifiers.implementation(network.generator)(network, classes, method.noise)
        return generator
    return classifiers.build(network, classes)


def _error(parent: Parent, which: Weights) -> float:
    """Return the Top-1 error in % of a parent's last or best epoch on its evaluation set."""
    errors = parent.column("valid_error")
    return min(errors) if which == "best" else errors[-1]


def _warn_of_chance(run: str, error: float, classes: int, images: int) -> None:
    right, chance = 1 - error / 100, 1 / classes
    if right < chance + 3 * math.sqrt(chance * (1 - chance) / images):
        say(
            f"warning: the teacher {run} is right for {round(right * images)} of {images} images, which is chance for"
            f" {classes} classes: what students learn from it says nothing of a method"
        )
