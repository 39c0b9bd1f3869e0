"""ResNet-18 for 224-pixel images, put together from torchvision's blocks.

torchvision's own constructor has its 64 channels built in. This one takes them as `width`, and at 64 gives the network
of torchvision: the same names, the same computation, and the same initial weights from the same random state.
torchvision is imported where a network is built: a training of another network is spared the second that it takes.
"""

from collections import OrderedDict

from torch import nn


def resnet18(classes: int, width: int = 64) -> nn.Module:
    """Return the network; 11,227,812 parameters at width 64 and 100 classes.

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
    from torchvision.models.resnet import BasicBlock

    projection = None
    if stride != 1:
        projection = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    return nn.Sequential(BasicBlock(inputs, outputs, stride, projection), BasicBlock(outputs, outputs))
