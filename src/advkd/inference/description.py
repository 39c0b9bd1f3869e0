"""What is known of a trained network beside its weights: what a run's folder and an exported folder have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from torch import Tensor, nn

from advkd.errors import UserError
from advkd.models import classifiers
from advkd.settings.classifier import ClassifierRun
from advkd.settings.gan import GanRun
from advkd.settings.papers import RunSettings, run_settings

Epoch = Literal["last", "best"]
EPOCHS: tuple[str, ...] = get_args(Epoch)


@dataclass(frozen=True, kw_only=True)
class Description:
    """What is known of a trained network beside its weights.

    Attributes:
        run: the run's name.
        scale: the scale that it was trained at.
        settings: everything that its training read, by key, as config.yaml holds it.
        classes: the names of the classes, in the order of the logits.
        epoch: "last", or "best": the epoch with the lowest Top-1 error on the evaluation images. Of a GAN: "last".
        temperature: what logits are divided by before the softmax, so that probabilities are calibrated; None where it
            is not known.
        uncalibrated: why there is no temperature, as the end of a sentence; "" where there is one.
        metrics: the run's metrics by name, as `metrics.classification.evaluate` or `runs.gan_evaluation` describe them.
            Empty where nobody has measured the run yet.
        provenance: data, code, commit, packages, machine and time of the training.
    """

    run: str
    scale: str
    settings: Mapping[str, Any]
    classes: tuple[str, ...]
    epoch: Epoch
    temperature: float | None
    uncalibrated: str
    metrics: Mapping[str, Any]
    provenance: Mapping[str, Any]

    @cached_property
    def typed(self) -> RunSettings:
        """The settings as groups; raises UserError where they are not those of this version."""
        try:
            return run_settings(self.run, self.settings)
        except (ValueError, LookupError, TypeError) as error:
            raise UserError(f"the settings of {self.run} are not those of this version of advkd: {error}") from error

    @property
    def classifier(self) -> ClassifierRun:
        """The settings of a classifier's run; raises UserError for a GAN's."""
        if not isinstance(self.typed, ClassifierRun):
            raise UserError(f"{self.run} trains a GAN, not a classifier: it generates images and predicts nothing")
        return self.typed

    @property
    def gan(self) -> GanRun:
        """The settings of a GAN's run; raises UserError for a classifier's."""
        if not isinstance(self.typed, GanRun):
            raise UserError(f"{self.run} trains a classifier, not a GAN: it predicts classes and generates nothing")
        return self.typed


@dataclass(frozen=True)
class Saved:
    """A trained network as it lies on the disk.

    Attributes:
        description: what is known of it.
        weights: its weights by name, on the CPU; of a GAN those of all its networks.
        place: where they come from, for messages.
    """

    description: Description
    weights: Mapping[str, Tensor]
    place: str

    def load_into(self, network: nn.Module, prefix: str = "") -> None:
        """Give a network its weights, whose names begin with `prefix`; raises UserError where they do not fit."""
        own = {name.removeprefix(prefix): value for name, value in self.weights.items() if name.startswith(prefix)}
        try:
            classifiers.load_weights(network, own)
        except ValueError as error:
            described = f"the network that the settings of {self.description.run} describe"
            raise UserError(f"{self.place} does not fit {described} ({error})") from None
