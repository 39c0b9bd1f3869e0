"""ResNet-18 (He et al., CVPR 2016) for 224-pixel images, built from torchvision's blocks.

torchvision's own constructor is fixed to 64 channels. This one takes `width`. At width 64 it returns torchvision's
network: the same names, the same computation, and the same initial weights from the same random state. The import of
torchvision takes a second; it happens inside the functions, so that only trainings of this network pay for it.
"""

from collections import OrderedDict

from torch import nn

from advkd.models.settings import ImageNetResNet18


def resnet18(classes: int, width: int = 64) -> nn.Module:
    """Return ResNet-18 for 224-pixel images; 11,227,812 parameters at width 64 and 100 classes.

    Args:
        classes: number of classes.
        width: channels of the first stage; the last has 8 times as many.
    """
    network = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, width, 7, 2, 3, bias=False),
            bn1=nn.BatchNorm2d(width),
            relu=nn.ReLU(inplace=True),
            maxpool=nn.MaxPool2d(3, 2, 1),
            layer1=_stage(width, width, 1),
            layer2=_stage(width, 2 * width, 2),
            layer3=_stage(2 * width, 4 * width, 2),
            layer4=_stage(4 * width, 8 * width, 2),
            avgpool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(8 * width, classes),
        )
    )
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Return two basic blocks; the first has the stride, and a projection as its shortcut if that is not 1."""
    from torchvision.models.resnet import BasicBlock

    projection = None
    if stride != 1:
        projection = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    return nn.Sequential(BasicBlock(inputs, outputs, stride, projection), BasicBlock(outputs, outputs))


def build(network: ImageNetResNet18, classes: int) -> nn.Module:
    """Return the network that `network` describes, for a number of classes."""
    return resnet18(classes, network.width)
