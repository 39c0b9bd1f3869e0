"""ResNet-18 and ResNet-34 for small images, as in the public code of DAFL and pytorch-cifar; GIP's student and teacher.

The blocks are those of He et al. (CVPR 2016), with post-activation. The stem is a 3x3 convolution without stride or
pooling. Initialisation is PyTorch's default, as in that code.

Choices:
    - [gip] Open: stem and initial weights of the ResNets for 32 pixels. Here: a 3x3 convolution without stride or
      pooling (`stem`), and PyTorch's default. Why: as in DAFL's code.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from advkd.models.settings import SmallResNet

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}  # blocks per stage, by depth


class Block(nn.Module):
    """Basic block: 3x3, BN, ReLU, 3x3, BN, plus a shortcut (1x1 convolution and BN if the shape changes), ReLU.

    Args:
        inputs: input channels.
        outputs: output channels.
        stride: stride of the first convolution and of the shortcut.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut.extend([nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)])

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        main = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(main)) + self.shortcut(x), inplace=True)


class ResNet(nn.Module):
    """Classifies images; at width 64 and 100 classes, 11,220,132 parameters at depth 18 and 21,328,292 at depth 34.

    Args:
        depth: 18 or 34.
        classes: number of classes C.
        width: channels of the first stage; the last has 8 times as many.
    """

    def __init__(self, depth: int, classes: int, width: int = 64) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True))
        self.stages = nn.Sequential()
        inputs = width
        for stage, blocks in enumerate(BLOCKS[depth]):
            outputs = width * 2**stage
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                self.stages.append(Block(inputs, outputs, stride))
                inputs = outputs
        self.head = nn.Linear(inputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W), H and W >= 8, to logits (B, C); the last map is averaged over all positions."""
        return self.head(self.stages(self.stem(images)).mean((2, 3)))


def build(network: SmallResNet, classes: int) -> nn.Module:
    """Return the network that `network` describes, for a number of classes."""
    return ResNet(network.depth, classes, network.width)
