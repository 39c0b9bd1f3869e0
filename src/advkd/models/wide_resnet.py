"""WRN-28-10: a wide residual network for small images (Zagoruyko and Komodakis, BMVC 2016), a teacher of GIP.

Pre-activation blocks in three stages of four; a block that changes the shape projects its activated input by a 1x1
convolution without batch norm, the others add their raw input. Initialisation is PyTorch's default.

Choices:
    - [gip] Open: recipe of the WRN-28-10 teacher. Here: Zagoruyko and Komodakis's, without dropout, with the batch
      usual on one GPU (`batch`, `milestones`, `lr_factor`, `epochs`).
"""

from torch import Tensor, nn
from torch.nn import functional as F

BLOCKS = (28 - 4) // 6
WIDENING = 10


class Block(nn.Module):
    """BN, ReLU, 3x3, BN, ReLU, 3x3, and a shortcut.

    Args:
        inputs: channels of what comes in.
        outputs: channels of what goes out.
        stride: of the first convolution and the shortcut.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        a = F.relu(self.norm1(x), inplace=True)
        main = self.conv2(F.relu(self.norm2(self.conv1(a)), inplace=True))
        return main + (x if self.shortcut is None else self.shortcut(a))


class WideResNet(nn.Module):
    """From images to logits; 36,479,194 parameters at width 160 and 10 classes.

    Args:
        classes: number of classes C.
        width: channels of the first stage, 160 in WRN-28-10; the stem has a tenth, the last stage 4 times as many.
    """

    def __init__(self, classes: int, width: int = 16 * WIDENING) -> None:
        super().__init__()
        inputs = max(1, width // WIDENING)
        self.stem = nn.Conv2d(3, inputs, 3, 1, 1, bias=False)
        self.stages = nn.Sequential()
        for stage in range(3):
            outputs = width * 2**stage
            for block in range(BLOCKS):
                self.stages.append(Block(inputs, outputs, 2 if stage and not block else 1))
                inputs = outputs
        self.norm = nn.BatchNorm2d(inputs)
        self.head = nn.Linear(inputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W), sides from 4 pixels, to logits (B, C); the last map is pooled whole."""
        return self.head(F.relu(self.norm(self.stages(self.stem(images))), inplace=True).mean((2, 3)))
