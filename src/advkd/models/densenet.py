"""DenseNet-121 (Huang et al., CVPR 2017), as torchvision's: for 224-pixel images, and with a stem for small images.

The network for 224 pixels is torchvision's: the same names, the same computation, and the same initial weights from the
same random state. So its weights load into torchvision's and into timm's. It does not import torchvision, which whoever
only uses a trained network need not have.

Choices:
    - [aikd] Open: DenseNet-121's stem and initial weights for 32 pixels. Here: those of CS-KD's and PS-KD's public
      code: a 3x3 convolution alone, and PyTorch's default for all weights (`initialisation`). Why: AI-KD follows their
      recipe; torchvision's initial weights are 2.45 times larger.
    - [aikd] Open: initial weights of ResNet-18 and DenseNet-121 for 224 pixels. Here: torchvision's. Why: as in CS-KD's
      code.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advkd.models.settings import ImageNetDenseNet121, Initialisation, SmallDenseNet

BLOCKS = (6, 12, 24, 16)  # layers per dense block
BOTTLENECK = 4  # a layer's 1x1 convolution makes so many times the channels that the layer adds


class Layer(nn.Sequential):
    """One layer of a dense block: BN, ReLU, 1x1, BN, ReLU, 3x3; maps (B, inputs, H, W) to (B, growth, H, W)."""

    def __init__(self, inputs: int, growth: int) -> None:
        inner = BOTTLENECK * growth
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            norm1=nn.BatchNorm2d(inputs),
            relu1=nn.ReLU(inplace=True),
            conv1=nn.Conv2d(inputs, inner, 1, bias=False),
            norm2=nn.BatchNorm2d(inner),
            relu2=nn.ReLU(inplace=True),
            conv2=nn.Conv2d(inner, growth, 3, 1, 1, bias=False),
        )
        super().__init__(layers)


class DenseBlock(nn.Module):
    """Layers of which each sees the block's input and the maps of all layers before it.

    Args:
        inputs: input channels.
        growth: channels that each layer adds.
        layers: number of layers.
    """

    def __init__(self, inputs: int, growth: int, layers: int) -> None:
        super().__init__()
        for number in range(layers):
            self.add_module(f"denselayer{number + 1}", Layer(inputs + number * growth, growth))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, inputs + layers * growth, H, W)."""
        maps = [x]
        for layer in self.children():
            maps.append(layer(torch.cat(maps, 1)))
        return torch.cat(maps, 1)


class DenseNet121(nn.Module):
    """Classifies images.

    Args:
        classes: number of classes C.
        width: channels of the first map; every layer adds half as many (growth rate 32 at width 64).
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                conv0=nn.Conv2d(3, width, 7, 2, 3, bias=False),
                norm0=nn.BatchNorm2d(width),
                relu0=nn.ReLU(inplace=True),
                pool0=nn.MaxPool2d(3, 2, 1),
            )
        )
        channels, growth = width, width // 2
        for number, layers in enumerate(BLOCKS, 1):
            self.features.add_module(f"denseblock{number}", DenseBlock(channels, growth, layers))
            channels += layers * growth
            if number < len(BLOCKS):
                self.features.add_module(f"transition{number}", _transition(channels))
                channels //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W), H and W >= 32, to logits (B, C); the last map is averaged over all positions."""
        maps = F.relu(self.features(images), inplace=True)
        return self.classifier(F.adaptive_avg_pool2d(maps, 1).flatten(1))


def _transition(channels: int) -> nn.Sequential:
    """Return BN, ReLU, 1x1 and a mean over 2x2 positions, which halve the channels and the sides of a map."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(channels),
            relu=nn.ReLU(inplace=True),
            conv=nn.Conv2d(channels, channels // 2, 1, bias=False),
            pool=nn.AvgPool2d(2, 2),
        )
    )


def densenet121(classes: int, width: int = 64) -> nn.Module:
    """Return the network for 224-pixel images; 7,056,356 parameters at width 64 and 100 classes.

    Args:
        classes: number of classes.
        width: channels of the first map; every layer adds half as many (growth rate 32 at width 64).
    """
    return DenseNet121(classes, width)


def densenet121_cifar(classes: int, width: int = 64, initialisation: Initialisation = "torch") -> nn.Module:
    """Return the network for 32-pixel images; 7,048,548 parameters at width 64 and 100 classes.

    Its stem is only a 3x3 convolution with stride 1, without batch norm, ReLU or pooling, as in the public code of
    CS-KD and PS-KD.

    Args:
        classes: number of classes.
        width: channels of the first map; every layer adds half as many.
        initialisation: "torch": PyTorch's default, as in that code; "he": torchvision's.
    """
    network = densenet121(classes, width)
    stem = nn.Conv2d(3, width, 3, 1, 1, bias=False)
    features = network.get_submodule("features")
    features.conv0 = stem
    for name in ("norm0", "relu0", "pool0"):
        delattr(features, name)
    if initialisation == "he":
        nn.init.kaiming_normal_(stem.weight)  # as torchvision initialises the convolution that it replaces
    else:
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.reset_parameters()
    return network


def build(network: ImageNetDenseNet121, classes: int) -> nn.Module:
    """Return the network that `network` describes, for a number of classes."""
    return densenet121(classes, network.width)


def build_small(network: SmallDenseNet, classes: int) -> nn.Module:
    """Return the network for small images that `network` describes, for a number of classes."""
    return densenet121_cifar(classes, network.width, network.initialisation)
