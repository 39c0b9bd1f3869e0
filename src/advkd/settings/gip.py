"""The settings of a run of the GIP paper.

Choices:
    - [gip: Table 5] Printed: four columns of check marks, missing in our copy. Here: rows in lexicographic order
      (`alpha`, `beta`, `gamma`, `delta`); a note in the CSV of each. Why: the singles, three combinations that the text
      quotes, and "all" agree. One row contradicts the text: without the entropy loss six combinations should fail, five
      do.
    - [gip] Open: recipe of the ResNet-34 teacher. Here: the students' Baseline, lighting included. Why: DAFL trains its
      teacher with the same rates and batch, without Nesterov's momentum and lighting.
    - [gip] Open: how many teachers. Here: one for each seed, and so for GAN-TSC's GAN. Why: with one teacher for all,
      a spread over seeds would not say how much the result depends on that teacher.
    - [gip: section 3.5] Added: the sweep of delta, which the text mentions and does not show (`delta`).
    - [gip] Added: lighting on and off (`lighting`).
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from advkd.bounds import Count, Weight
from advkd.methods.settings.base import MethodSettings, registered
from advkd.methods.settings.dafl import DaflSettings
from advkd.methods.settings.gantsc import GanTscGanSettings, GanTscSettings
from advkd.methods.settings.gip import GipSettings
from advkd.models.settings import AcGanDiscriminator, ReActNet18Settings, SmallResNet, WideResNetSettings
from advkd.schema import OneOf, Unless, When
from advkd.settings.classifier import (
    Adam,
    ClassifierRun,
    CutMix,
    Milestones,
    Mixup,
    Momentum,
    NoMixing,
    RealImages,
    Recipe,
    Smooth,
)


@dataclass(frozen=True, kw_only=True)
class Sgd(Momentum):
    """SGD, where a paper has other optimizers too."""

    optimizer: Literal["sgd"]


@dataclass(frozen=True, kw_only=True)
class Steps(Milestones):
    """Milestones, where a paper has other schedules too."""

    schedule: Literal["steps"]
    schedule_epochs: Count | None = None  # epochs that the milestones are fractions of; None: the run's

    @property
    def length(self) -> int | None:
        """The epochs that the milestones are fractions of; None: the run's."""
        return self.schedule_epochs


@dataclass(frozen=True, kw_only=True)
class GipRecipe(Recipe):
    """A recipe that says what weight decay applies to."""

    weight_decay_on: Literal["all", "maps"]  # every weight; or those of four dimensions, as in ReActNet's code

    @property
    def decays_maps_only(self) -> bool:
        """Whether weight decay spares all weights but those of four dimensions: convolutions and ReActNet's shifts."""
        return self.weight_decay_on == "maps"


@dataclass(frozen=True, kw_only=True)
class LitImages(RealImages):
    """The real images of a step, with PCA colour noise."""

    lighting: Weight  # standard deviation of the PCA colour noise; 0: none


@dataclass(frozen=True, kw_only=True)
class GipRun(ClassifierRun):
    """A run of the GIP paper: a teacher or student by Baseline, a student by KD, GIP, DAFL or GAN-TSC, or its GAN."""

    network: SmallResNet | WideResNetSettings | ReActNet18Settings | AcGanDiscriminator
    method: Annotated[MethodSettings, OneOf(partial(registered, "gip"))]
    recipe: GipRecipe
    optimizer: Sgd | Adam
    schedule: Steps | Smooth
    real: Annotated[LitImages | None, Unless("method", "dafl")]  # DAFL's student sees none
    # Method of the run whose weights ReActNet's second step starts from; same: the run's own.
    first_step: Annotated[
        Literal["same", "baseline", "kd"] | None, When("model", "reactnet18"), When("binary", "all")
    ] = None

    @property
    def batch(self) -> int:
        """Real images of a step; 0 where a method sees none."""
        return self.real.batch if self.real else 0

    @property
    def passes(self) -> int:
        """How often an epoch sees each real image."""
        return (self.real and self.real.passes) or 1

    @property
    def least_steps(self) -> int | None:
        """Steps on real images below which the batch of an epoch is made smaller; None: it stays."""
        return self.real.least_steps if self.real else None

    @property
    def lighting(self) -> float:
        """Standard deviation of the PCA colour noise; 0: none."""
        return self.real.lighting if self.real else 0.0

    def check(self) -> None:
        """Refuse methods with networks, images or regularisations that they cannot take."""
        super().check()
        method, size, augment = self.method, self.views.image_size, self.mixing.augment
        draws = isinstance(method, DaflSettings | GipSettings) and method.synthesis is not None
        trains_gan = isinstance(method, GanTscGanSettings)
        if trains_gan and not isinstance(self.network, AcGanDiscriminator):
            raise ValueError(f"method acgan trains the model acgan, not {self.network.model}")
        if isinstance(self.network, AcGanDiscriminator) and not trains_gan:
            raise ValueError("the model acgan is trained by the method acgan only")
        if self.start and self.network.model in ("reactnet18", "acgan"):
            raise ValueError(f"start is {self.start!r}, but {self.network.model} has a beginning of its own")
        if draws and size % 4:
            raise ValueError(f"image_size is {size}: a generator's must be a multiple of 4")
        if isinstance(method, GanTscGanSettings | GanTscSettings) and size != 32:
            raise ValueError(f"image_size is {size}: GAN-TSC's GAN draws images of 32 pixels only")
        if isinstance(method, DaflSettings) and not isinstance(self.mixing, NoMixing):
            raise ValueError(f"augment is {augment}, but DAFL's student sees no real image")
        if trains_gan and isinstance(self.mixing, Mixup | CutMix):
            raise ValueError(f"augment is {augment}: an AC-GAN cannot learn from mixed labels")
