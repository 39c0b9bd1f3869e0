"""The settings of every classifier's network, one group each. `classifiers.build` makes the networks."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from advkd.bounds import Bounds
from advkd.schema import Settings, When

Width = Annotated[int, Bounds(ge=8, multiple_of=4)]
# Initial weights of a network's convolutions with f inputs of a filter. torch: uniform with deviation 1/sqrt(3 f),
# PyTorch's default. he: normal with deviation sqrt(2/f) (He et al., 2015), 2.45 times larger.
Initialisation = Literal["torch", "he"]


@dataclass(frozen=True, kw_only=True)
class Network(Settings):
    """What all classifiers have.

    Attributes:
        implementation: the function that builds the network from its settings, as "module:function".
    """

    implementation: ClassVar[str]

    model: str  # name of the network, as in `models` of the paper's file
    width: Width  # channels of the first feature map; of a wide network's first stage


@dataclass(frozen=True, kw_only=True)
class PreActResNet18Settings(Network):
    """PreAct ResNet-18 for images of 32 pixels (AI-KD, section 4.2)."""

    implementation: ClassVar = "advkd.models.preact_resnet:build"

    model: Literal["preact_resnet18"]
    preact: Literal["lineage", "textbook"]  # the shortcut starts from the activated tensor, or from the block's input


@dataclass(frozen=True, kw_only=True)
class SmallDenseNet(Network):
    """DenseNet-121 for images of 32 pixels (AI-KD, section 4.2)."""

    implementation: ClassVar = "advkd.models.densenet:build_small"

    model: Literal["densenet121_cifar"]
    initialisation: Initialisation  # of convolutions and head; with he, biases of the head start at 0


@dataclass(frozen=True, kw_only=True)
class ImageNetResNet18(Network):
    """torchvision's ResNet-18, for images of 224 pixels (AI-KD, section 4.2)."""

    implementation: ClassVar = "advkd.models.resnet:build"

    model: Literal["resnet18"]


@dataclass(frozen=True, kw_only=True)
class ImageNetDenseNet121(Network):
    """torchvision's DenseNet-121, for images of 224 pixels (AI-KD, section 4.2)."""

    implementation: ClassVar = "advkd.models.densenet:build"

    model: Literal["densenet121"]


@dataclass(frozen=True, kw_only=True)
class SmallResNet(Network):
    """ResNet-18 or -34 for images of 32 pixels (GIP, section 4.1)."""

    implementation: ClassVar = "advkd.models.resnet_cifar:build"

    model: Literal["resnet18", "resnet34"]
    stem: Literal["cifar"]  # the first convolution is 3x3 without stride, and no pooling follows

    @property
    def depth(self) -> int:
        """Number of layers: 18 or 34."""
        return int(self.model.removeprefix("resnet"))


@dataclass(frozen=True, kw_only=True)
class WideResNetSettings(Network):
    """WRN-28-10, a teacher (GIP, section 4.1)."""

    implementation: ClassVar = "advkd.models.wide_resnet:build"

    model: Literal["wrn28_10"]
    initialisation: Initialisation  # of convolutions and head; with he, biases of the head start at 0


@dataclass(frozen=True, kw_only=True)
class ReActNet18Settings(Network):
    """ReActNet-18, a student trained in two steps (GIP, section 4.1)."""

    implementation: ClassVar = "advkd.models.reactnet:build"

    model: Literal["reactnet18"]
    binary: Literal["activations", "all"]  # first step: activations are binary; second step: 3x3 weights are too
    # Weights of the 1x1 shortcuts in the second step; ReActNet's are real.
    shortcut: Annotated[Literal["real", "binary"] | None, When("binary", "all")] = None


@dataclass(frozen=True, kw_only=True)
class AcGanDiscriminator(Network):
    """The discriminator of GAN-TSC's AC-GAN, which classifies as well (GIP, Table 3)."""

    implementation: ClassVar = "advkd.models.gantsc:build"
    generator: ClassVar = "advkd.models.gantsc:build_generator"  # the network beside it

    model: Literal["acgan"]
