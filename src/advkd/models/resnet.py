"""ResNet-18 (He et al., CVPR 2016) for 224-pixel images, as torchvision's.

At width 64 it is torchvision's network: the same names, the same computation, and the same initial weights from the
same random state. So its weights load into torchvision's and into timm's. It does not import torchvision, whose
constructor is fixed to 64 channels, and which whoever only uses a trained network need not have.
"""

from collections import OrderedDict

from torch import Tensor, nn

from advkd.models.settings import ImageNetResNet18


class Block(nn.Module):
    """Basic block: 3x3, BN, ReLU, 3x3, BN, plus a shortcut (1x1 convolution and BN with a stride), ReLU.

    Args:
        inputs: input channels.
        outputs: output channels.
        stride: stride of the first convolution and of the shortcut; 1 if `inputs` equals `outputs`.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        projection = None
        if stride != 1:  # made first, as torchvision does: the random state decides the initial weights
            projection = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = projection

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        main = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(main + (x if self.downsample is None else self.downsample(x)))


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
    return nn.Sequential(Block(inputs, outputs, stride), Block(outputs, outputs, 1))


def build(network: ImageNetResNet18, classes: int) -> nn.Module:
    """Return the network that `network` describes, for a number of classes."""
    return resnet18(classes, network.width)
