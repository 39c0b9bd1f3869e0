"""DenseNet-121, torchvision's, for 224-pixel images and with a stem for small ones; torchvision's initialisation.

torchvision is imported where a network is built: a training of another network is spared the second that it takes.
"""

from torch import nn

BLOCKS = (6, 12, 24, 16)


def densenet121(classes: int, width: int = 64) -> nn.Module:
    """Return the network for 224 pixels; 7,056,356 parameters at width 64 and 100 classes.

    Args:
        classes: number of classes.
        width: channels of the first map; every layer adds half as many (growth 32 at width 64).
    """
    from torchvision.models import DenseNet

    return DenseNet(growth_rate=width // 2, block_config=BLOCKS, num_init_features=width, num_classes=classes)


def densenet121_cifar(classes: int, width: int = 64) -> nn.Module:
    """Return the network for 32 pixels; 7,048,548 parameters at width 64 and 100 classes.

    Its stem is a 3x3 convolution with stride 1 alone: no batch norm, ReLU or pooling behind it, as in CS-KD's and
    PS-KD's public code.
    """
    network = densenet121(classes, width)
    stem = nn.Conv2d(3, width, 3, 1, 1, bias=False)
    nn.init.kaiming_normal_(stem.weight)
    features = network.get_submodule("features")
    features.conv0 = stem
    for name in ("norm0", "relu0", "pool0"):
        delattr(features, name)
    return network
