"""The settings of a run of the GAN paper (OKD-SAGAN, OKD-ACGAN)."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

from advkd.bounds import Bounds, Count, Natural
from advkd.data.settings import CropStoreSettings
from advkd.methods.settings.base import registered
from advkd.methods.settings.okd import AcganSettings, GanAdam, SaganSettings, SetsSettings
from advkd.models.settings import Network
from advkd.schema import OneOf, Settings
from advkd.settings.feature_networks import FeatureName


@dataclass(frozen=True, kw_only=True)
class GanTraining(Settings):
    """How long the sets train, and on how many images."""

    batch: Annotated[int, Bounds(ge=2)]  # images of a step; batch norm needs two
    iterations: Count  # steps of each network
    early_iteration: Natural  # step after which samples are evaluated too; 0: none

    def check(self) -> None:
        """Refuse an early step that is not before the end."""
        if self.early_iteration >= self.iterations:
            raise ValueError(f"early_iteration is {self.early_iteration}, not before the end ({self.iterations})")


@dataclass(frozen=True, kw_only=True)
class GanEvaluation(Settings):
    """What generators are evaluated on."""

    fakes: Annotated[int, Bounds(ge=4)]  # images of each generator for FID and KID
    features: FeatureName  # the network on whose features generators are evaluated; no number of the training follows
    curve_points: Natural  # moments of the training at which the sets are compared
    curve_fakes: Annotated[int, Bounds(ge=2)]  # images of each generator at such a moment


@dataclass(frozen=True, kw_only=True)
class GanRun(Settings):
    """A run of the GAN paper.

    Attributes:
        loop: the module of `advkd.training` that trains the run.
        leaves_predictions: no: the run leaves samples, which a job of its own evaluates.
    """

    loop: ClassVar[str] = "gan"
    leaves_predictions: ClassVar[bool] = False

    data: CropStoreSettings
    base: SaganSettings | AcganSettings
    method: Annotated[SetsSettings, OneOf(partial(registered, "okd"))]
    adam: GanAdam
    training: GanTraining
    evaluation: GanEvaluation
    seed: Natural

    @property
    def networks(self) -> tuple[Network, ...]:
        """None, since the method itself imports its networks."""
        return ()

    def check(self) -> None:
        """Refuse a batch that is larger than the data set."""
        if 0 < self.data.crops < self.training.batch:
            raise ValueError(f"batch is {self.training.batch}, larger than the data set of {self.data.crops} crops")
