"""ResNet-18 and ResNet-34 for small images, as DAFL's and the pytorch-cifar code have them; GIP's student and teacher.

The blocks are He et al.'s (post-activation); the stem is a 3x3 convolution without stride and without pooling.
Initialisation is PyTorch's default.
"""

from torch import Tensor, nn
from torch.nn import functional as F

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


class Block(nn.Module):
    """3x3, BN, ReLU, 3x3, BN, plus a shortcut (1x1 convolution and BN where the shape changes), ReLU.

    Args:
        inputs: channels of what comes in.
        outputs: channels of what goes out.
        stride: of the first convolution and the shortcut.
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
    """From images to logits; at width 64 and 100 classes 11,220,132 parameters (18), 21,328,292 (34).

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
                self.stages.append(Block(inputs, outputs, 2 if stage and not block else 1))
                inputs = outputs
        self.head = nn.Linear(inputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W), sides from 8 pixels, to logits (B, C); the last map is pooled whole."""
        return self.head(self.stages(self.stem(images)).mean((2, 3)))
