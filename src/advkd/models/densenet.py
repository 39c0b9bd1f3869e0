"""DenseNet-121 (Huang et al., CVPR 2017) from torchvision: for 224-pixel images, and with a stem for small images.

Initialisation is torchvision's. The import of torchvision takes a second; it happens inside the functions, so that
only trainings of these networks pay for it.
"""

from torch import nn

from advkd.models.settings import ImageNetDenseNet121, SmallDenseNet

BLOCKS = (6, 12, 24, 16)  # layers per dense block


def densenet121(classes: int, width: int = 64) -> nn.Module:
    """Return the network for 224-pixel images; 7,056,356 parameters at width 64 and 100 classes.

    Args:
        classes: number of classes.
        width: channels of the first map; every layer adds half as many (growth rate 32 at width 64).
    """
    from torchvision.models import DenseNet

    return DenseNet(growth_rate=width // 2, block_config=BLOCKS, num_init_features=width, num_classes=classes)


def densenet121_cifar(classes: int, width: int = 64) -> nn.Module:
    """Return the network for 32-pixel images; 7,048,548 parameters at width 64 and 100 classes.

    Its stem is only a 3x3 convolution with stride 1, without batch norm, ReLU or pooling, as in the public code of
    CS-KD and PS-KD.

    Args:
        classes: number of classes.
        width: channels of the first map; every layer adds half as many.
    """
    network = densenet121(classes, width)
    stem = nn.Conv2d(3, width, 3, 1, 1, bias=False)
    nn.init.kaiming_normal_(stem.weight)  # as torchvision initialises the convolution that it replaces
    features = network.get_submodule("features")
    features.conv0 = stem
    for name in ("norm0", "relu0", "pool0"):
        delattr(features, name)
    return network


def build(network: ImageNetDenseNet121, classes: int) -> nn.Module:
    """Return the network that `network` describes, for a number of classes."""
    return densenet121(classes, network.width)


def build_small(network: SmallDenseNet, classes: int) -> nn.Module:
    """Return the network for small images that `network` describes, for a number of classes."""
    return densenet121_cifar(classes, network.width)
