"""WRN-28-10: a wide residual network for small images (Zagoruyko and Komodakis, BMVC 2016), a teacher of GIP.

It has three stages of four pre-activation blocks. A block that changes the number of channels projects its activated
input by a 1x1 convolution without batch norm; the other blocks add their raw input.

Choices:
    - [gip] Open: recipe and initial weights of the WRN-28-10 teacher. Here: Zagoruyko and Komodakis's, without dropout:
      He's initial weights (`initialisation`), batches of 128 (`batch`, `milestones`, `lr_factor`, `epochs`). Why: as in
      their code, but scales of batch norm start at 1, not uniform in [0, 1].
"""

from torch import Tensor, nn
from torch.nn import functional as F

from advkd.models.settings import Initialisation, WideResNetSettings

BLOCKS = (28 - 4) // 6  # per stage: depth 28 has 4 layers outside the blocks, and 3 stages of blocks of 2 layers
WIDENING = 10  # the first stage is 10 times as wide as the stem


class Block(nn.Module):
    """Pre-activation block: BN, ReLU, 3x3, BN, ReLU, 3x3, plus a shortcut.

    Args:
        inputs: input channels.
        outputs: output channels.
        stride: stride of the first convolution and of the shortcut; 1 if `inputs` equals `outputs`.
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
        activated = F.relu(self.norm1(x), inplace=True)
        main = self.conv2(F.relu(self.norm2(self.conv1(activated)), inplace=True))
        return main + (x if self.shortcut is None else self.shortcut(activated))


class WideResNet(nn.Module):
    """Classifies images; 36,479,194 parameters at width 160 and 10 classes.

    Args:
        classes: number of classes C.
        width: channels of the first stage, 160 in WRN-28-10; the stem has a tenth of them, the last stage four times as
            many.
        initialisation: "he": convolutions and head are normal with deviation sqrt(2 / inputs of a filter), and the head
            has no bias at first; "torch": PyTorch's default.
    """

    def __init__(self, classes: int, width: int = 16 * WIDENING, initialisation: Initialisation = "he") -> None:
        super().__init__()
        inputs = max(1, width // WIDENING)
        self.stem = nn.Conv2d(3, inputs, 3, 1, 1, bias=False)
        self.stages = nn.Sequential()
        for stage in range(3):
            outputs = width * 2**stage
            for block in range(BLOCKS):
                stride = 2 if stage > 0 and block == 0 else 1
                self.stages.append(Block(inputs, outputs, stride))
                inputs = outputs
        self.norm = nn.BatchNorm2d(inputs)
        self.head = nn.Linear(inputs, classes)
        if initialisation == "he":
            for module in self.modules():
                if isinstance(module, nn.Conv2d | nn.Linear):
                    nn.init.kaiming_normal_(module.weight)
            nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W), H and W >= 4, to logits (B, C); the last map is averaged over all positions."""
        return self.head(F.relu(self.norm(self.stages(self.stem(images))), inplace=True).mean((2, 3)))


def build(network: WideResNetSettings, classes: int) -> nn.Module:
    """Return the network that `network` describes, for a number of classes."""
    return WideResNet(classes, network.width, network.initialisation)
