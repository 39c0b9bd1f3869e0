"""DenseNet-121 (Huang et al., CVPR 2017) from torchvision: for 224-pixel images, and with a stem for small images.

The import of torchvision takes a second; it happens inside the functions, so that only trainings of these networks pay
for it.

Choices:
    - [aikd] Open: DenseNet-121's stem and initial weights for 32 pixels. Here: those of CS-KD's and PS-KD's public
      code: a 3x3 convolution alone, and PyTorch's default for all weights (`initialisation`). Why: AI-KD follows their
      recipe; torchvision's initial weights are 2.45 times larger.
    - [aikd] Open: initial weights of ResNet-18 and DenseNet-121 for 224 pixels. Here: torchvision's. Why: as in CS-KD's
      code.
"""

from torch import nn

from advkd.models.settings import ImageNetDenseNet121, Initialisation, SmallDenseNet

BLOCKS = (6, 12, 24, 16)  # layers per dense block


def densenet121(classes: int, width: int = 64) -> nn.Module:
    """Return the network for 224-pixel images; 7,056,356 parameters at width 64 and 100 classes.

    Args:
        classes: number of classes.
        width: channels of the first map; every layer adds half as many (growth rate 32 at width 64).
    """
    from torchvision.models import DenseNet

    return DenseNet(growth_rate=width // 2, block_config=BLOCKS, num_init_features=width, num_classes=classes)


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
