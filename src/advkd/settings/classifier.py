"""What the settings of every classifier's run share: data, views, network and recipe."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from advkd.bounds import Bounds, Count, Fraction, Natural, Positive, Rate, Share, Weight
from advkd.data.settings import ClassifierStoreSettings, GeneratedImages
from advkd.methods.settings.base import MethodSettings, Precision
from advkd.models.settings import Network
from advkd.schema import Given, Settings, keys_of

# The backward of a 1x1 convolution with stride 2 and few channels writes past its memory (torch 2.15 on x86).
SAFE_WIDTH, SMALL = 16, 48
FEW_OF_CLASS = 20  # training images of a class, fewer than which hardly show it
Milestone = Annotated[float, Bounds(gt=0, lt=1)]


@dataclass(frozen=True, kw_only=True)
class Views(Settings):
    """What a network sees of a stored image."""

    image_size: Annotated[int, Bounds(ge=8)]  # side of the view, pixels
    # pad: pad by 4, crop and flip; resized: RandomResizedCrop and flip; flip: the whole image, flipped or not;
    # whole: the whole image as it is.
    crop: Literal["pad", "resized", "flip", "whole"]
    normalisation: Literal["cifar10", "cifar100", "imagenet"]  # whose mean and standard deviation


@dataclass(frozen=True, kw_only=True)
class NoMixing(Settings):
    """Training images stay as they are."""

    augment: Literal["none"]


@dataclass(frozen=True, kw_only=True)
class Cutout(Settings):
    """A square of every training image is blackened."""

    augment: Literal["cutout"]
    cutout_size: Count  # side of the square, pixels


@dataclass(frozen=True, kw_only=True)
class Mixup(Settings):
    """Every training image is mixed with another one of its batch."""

    augment: Literal["mixup"]
    mixup_alpha: Positive  # the image's share has the law Beta(alpha, alpha)


@dataclass(frozen=True, kw_only=True)
class CutMix(Settings):
    """Every training image gets a box of another one of its batch."""

    augment: Literal["cutmix"]
    cutmix_alpha: Positive  # the image's share has the law Beta(alpha, alpha)
    cutmix_probability: Rate  # of mixing a batch


@dataclass(frozen=True, kw_only=True)
class ColourJitter(Settings):
    """The colours of every training image are changed at random."""

    augment: Literal["colour"]
    colour_strength: Share  # of brightness, contrast and saturation; the hue is turned by a quarter of it


@dataclass(frozen=True, kw_only=True)
class RandAugment(Settings):
    """Every training image is changed by random operations."""

    augment: Literal["randaugment"]
    randaugment_operations: Count  # of an image
    randaugment_magnitude: Annotated[int, Bounds(ge=0, le=30)]


Mixing = NoMixing | Cutout | Mixup | CutMix | ColourJitter | RandAugment


@dataclass(frozen=True, kw_only=True)
class Momentum(Settings):
    """SGD with momentum."""

    momentum: Fraction
    nesterov: bool  # whether the momentum is Nesterov's

    def check(self) -> None:
        """Refuse Nesterov's momentum without momentum."""
        if self.nesterov and self.momentum == 0:
            raise ValueError("momentum is 0: Nesterov's needs some, or set nesterov to false")


@dataclass(frozen=True, kw_only=True)
class Adam(Settings):
    """Adam, which only GIP's papers choose for a student."""

    optimizer: Literal["adam"]
    beta1: Fraction
    beta2: Fraction


@dataclass(frozen=True, kw_only=True)
class Milestones(Settings):
    """A learning rate that falls at milestones."""

    milestones: tuple[Milestone, ...]  # fractions of the epochs
    lr_factor: Rate  # factor of the learning rate at a milestone

    def __post_init__(self) -> None:
        # YAML has lists only.
        object.__setattr__(self, "milestones", tuple(self.milestones))
        super().__post_init__()

    @property
    def length(self) -> int | None:
        """The epochs that the milestones are fractions of; None: the run's."""
        return None


@dataclass(frozen=True, kw_only=True)
class Smooth(Settings):
    """A learning rate that falls linearly, or stays.

    linear: in epoch e from 0 of E, 1 - e/E of the first; linear_ahead: 1 - (e+1)/E, as in ReActNet's code, where the
    last epoch learns nothing.
    """

    schedule: Literal["linear", "linear_ahead", "constant"]


@dataclass(frozen=True, kw_only=True)
class Recipe(Settings):
    """How long and how fast a classifier trains."""

    epochs: Count  # passes over the training images, or over the synthetic ones where a method has only these
    lr: Rate  # learning rate of the first epoch
    weight_decay: Weight
    precision: Precision  # of the student's forward and backward

    @property
    def decays_maps_only(self) -> bool:
        """Whether weight decay spares all weights but those of four dimensions."""
        return False


@dataclass(frozen=True, kw_only=True)
class RealImages(Settings):
    """The real images of a step."""

    batch: Annotated[int, Bounds(ge=2)]  # CS-KD adds as many partners
    passes: Count | None = None  # over the real images in an epoch, where these are few; None: 1
    # Where an epoch would have fewer steps than this on real images, the batch is halved until it has as many, and the
    # learning rate with it; None: both stay as they are.
    least_steps: Count | None = None


@dataclass(frozen=True, kw_only=True)
class ClassifierRun(Settings):
    """A run that trains a classifier.

    A paper's own class says which networks, methods, optimizers and schedules there are.

    Attributes:
        loop: the module of `advkd.training` that trains the run.
        leaves_predictions: yes: the first who reads the run's metrics computes them from its predictions.
    """

    loop: ClassVar[str] = "classifier"
    leaves_predictions: ClassVar[bool] = True

    data: ClassifierStoreSettings
    generated: Annotated[GeneratedImages | None, Given("generator")] = None
    views: Views
    mixing: Mixing
    network: Network
    method: MethodSettings
    recipe: Recipe
    optimizer: Momentum | Adam
    schedule: Milestones | Smooth
    # The trained network whose weights the run begins with, all but those of the last layer: a name of `starts` in
    # config/config.yaml. None: the weights are drawn.
    start: str | None = None
    seed: Natural

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks that the settings choose."""
        return (self.network,)

    @property
    def batch(self) -> int:
        """Real images of a step; 0 where a method sees none."""
        raise NotImplementedError

    @property
    def passes(self) -> int:
        """How often an epoch sees each real image."""
        return 1

    @property
    def least_steps(self) -> int | None:
        """Steps on real images below which the batch of an epoch is made smaller; None: it stays."""
        return None

    @property
    def lighting(self) -> float:
        """Standard deviation of the PCA colour noise; 0: none."""
        return 0.0

    def check(self) -> None:
        """Refuse views that do not suit the stored images or the network."""
        size, stored, width = self.views.image_size, self.data.stored_size, self.network.width
        if self.views.crop == "pad" and size != stored:
            raise ValueError(f"image_size is {size}: crop `pad` sees what is stored ({stored})")
        if width < SAFE_WIDTH and size >= SMALL:
            raise ValueError(
                f"width is {width} for images of {size} pixels: on a CPU torch's channels-last convolutions crash below"
                f" width {SAFE_WIDTH} from {SMALL} pixels on"
            )
        if isinstance(self.mixing, Cutout) and self.mixing.cutout_size > size:
            raise ValueError(f"cutout_size is {self.mixing.cutout_size}, larger than the image ({size})")


# What the images are: a run shares it with all that it learns from.
IMAGES = frozenset({*keys_of(ClassifierStoreSettings), *keys_of(GeneratedImages), *keys_of(Views)})
