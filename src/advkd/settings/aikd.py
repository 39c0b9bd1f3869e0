"""The settings of a run of the AI-KD paper.

Choices:
    - [aikd] Open: recipe of the methods compared with. Here: the common recipe of 300 epochs, with their own
      temperatures and weights (`cs_weight`, `cs_tau`, `tf_alpha`, `tf_tau`, `tf_multiplier`, `ps_alpha`).
    - [aikd: Table 7] Open: the superior of a student with Cutout, Mixup or CutMix. Here: the plain Baseline.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from advkd.methods.settings.base import MethodSettings, registered
from advkd.models.settings import ImageNetDenseNet121, ImageNetResNet18, PreActResNet18Settings, SmallDenseNet
from advkd.schema import OneOf, keys_of
from advkd.settings.classifier import ClassifierRun, Milestones, Momentum, RealImages


@dataclass(frozen=True, kw_only=True)
class AikdRun(ClassifierRun):
    """A run of the AI-KD paper: Baseline, CS-KD, TF-KD, PS-KD or AI-KD."""

    network: PreActResNet18Settings | SmallDenseNet | ImageNetResNet18 | ImageNetDenseNet121
    method: Annotated[MethodSettings, OneOf(partial(registered, "aikd"))]
    optimizer: Momentum
    schedule: Milestones
    real: RealImages

    @property
    def batch(self) -> int:
        """Images of a step."""
        return self.real.batch

    @property
    def passes(self) -> int:
        """How often an epoch sees each image."""
        return self.real.passes or 1

    @property
    def least_steps(self) -> int | None:
        """Steps on real images below which the batch of an epoch is made smaller; None: it stays."""
        return self.real.least_steps


# What a run's name says of these keys it says of the superior too: not of the method, Cutout, Mixup or CutMix.
INHERITED = keys_of(AikdRun, without=("method", "mixing")).keys()
