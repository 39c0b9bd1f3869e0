"""The settings of a run of the GAN paper (OKD-SAGAN, OKD-ACGAN)."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar, Literal

from advkd.bounds import Bounds, Count, Natural
from advkd.data.settings import ClassifierStoreSettings, CropStoreSettings
from advkd.methods.settings.base import registered
from advkd.methods.settings.okd import AcganSettings, GanAdam, SaganSettings, SetsSettings
from advkd.models.settings import Network
from advkd.schema import OneOf, Optionally, Settings, Unless, When
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


OF_CLASSIFIER = "classifier"  # what `training_set` is where a GAN is trained for a classifier
NETWORK_SIZE = 64  # pixels: the networks are built for such images


@dataclass(frozen=True, kw_only=True)
class GanRun(Settings):
    """A run of the GAN paper.

    Attributes:
        loop: the module of `advkd.training` that trains the run.
        leaves_predictions: no: the run leaves samples, which a job of its own evaluates.
    """

    loop: ClassVar[str] = "gan"
    leaves_predictions: ClassVar[bool] = False

    # "classifier": on the training images of the data set's classifiers, for which the GAN shall draw more; None: on
    # crops of its own, as in the paper.
    training_set: Literal["classifier"] | None = None
    # Train on this class alone, by its number from 1; None: on all.
    only_class: Annotated[Count | None, Optionally("training_set", OF_CLASSIFIER)] = None
    own_crops: Annotated[CropStoreSettings | None, Unless("training_set", OF_CLASSIFIER)] = None
    labelled: Annotated[ClassifierStoreSettings | None, When("training_set", OF_CLASSIFIER)] = None
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

    @property
    def data(self) -> CropStoreSettings | ClassifierStoreSettings:
        """The settings of the data set."""
        data = self.own_crops or self.labelled
        assert data is not None  # one of them applies
        return data

    def check(self) -> None:
        """Refuse a batch that is larger than the data set, and images or classes that the networks do not take."""
        crops, labelled = self.own_crops, self.labelled
        if crops and 0 < crops.crops < self.training.batch:
            raise ValueError(f"batch is {self.training.batch}, larger than the data set of {crops.crops} crops")
        if labelled and labelled.stored_size != NETWORK_SIZE:
            raise ValueError(f"stored_size is {labelled.stored_size}: the networks draw {NETWORK_SIZE} pixels")
        count = labelled.class_count if labelled else None
        if self.only_class is not None and count is not None and self.only_class > count:
            raise ValueError(f"only_class is {self.only_class}, but there are {count} classes, counted from 1")
