"""PreAct ResNet-18 (He et al., ECCV 2016) for small images, as trained by CS-KD, by PS-KD, and by AI-KD after PS-KD.

The network has two variants, with a = ReLU(BN(x)) for the input x of a block:

    lineage     The stem ends in batch norm and ReLU. Every shortcut starts from a, also an identity shortcut:
                block(x) = F(a) + S(a). This is CS-KD's public code.
    textbook    The stem is only a convolution. An identity shortcut starts from x; a projection still starts from a.
                This is the public pytorch-cifar code.

Neither variant has a batch norm or ReLU between the last block and the pooling. Initialisation is PyTorch's default,
as in CS-KD's and PS-KD's code.

Choices:
    - [aikd: section 4.1, Tables 4 to 7] Printed: "PreAct ResNet-18", and "ResNet-18" in the tables. Here: the PreAct
      ResNet-18 of the CS-KD and PS-KD code (`preact`). Why: AI-KD uses PS-KD's recipe; in that code the shortcut starts
      from the activated tensor, and batch norm is in the stem but not before the pooling; textbook has He et al.'s
      shortcut.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from advkd.models.settings import PreActResNet18Settings


class Block(nn.Module):
    """Pre-activation block: BN, ReLU, 3x3, BN, ReLU, 3x3, plus a shortcut; no ReLU after the sum.

    Args:
        inputs: input channels.
        outputs: output channels.
        stride: stride of the first convolution and of the shortcut.
        activated: whether an identity shortcut starts from the activated input.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, activated: bool) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        projects = stride != 1 or inputs != outputs
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if projects else nn.Identity()
        self.activated = activated or projects

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        activated = F.relu(self.norm1(x), inplace=True)
        main = self.conv2(F.relu(self.norm2(self.conv1(activated)), inplace=True))
        return main + self.shortcut(activated if self.activated else x)


class PreActResNet18(nn.Module):
    """Classifies images; 11,217,444 parameters at width 64 and 100 classes, 128 fewer in the textbook variant.

    Args:
        classes: number of classes C.
        width: channels of the first stage; the last has 8 times as many.
        variant: "lineage" or "textbook", see the module's docstring.
    """

    def __init__(self, classes: int, width: int = 64, variant: str = "lineage") -> None:
        super().__init__()
        lineage = variant == "lineage"
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 1, 1, bias=False))
        if lineage:
            self.stem.extend([nn.BatchNorm2d(width), nn.ReLU(inplace=True)])
        self.stages = nn.Sequential()
        inputs = width
        for outputs, stride in ((width, 1), (2 * width, 2), (4 * width, 2), (8 * width, 2)):
            self.stages.append(Block(inputs, outputs, stride, lineage))
            self.stages.append(Block(outputs, outputs, 1, lineage))
            inputs = outputs
        self.head = nn.Linear(8 * width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W), H and W >= 8, to logits (B, C); the last map is averaged over all positions."""
        return self.head(self.stages(self.stem(images)).mean((2, 3)))


def build(network: PreActResNet18Settings, classes: int) -> nn.Module:
    """Return the network that `network` describes, for a number of classes."""
    return PreActResNet18(classes, network.width, network.preact)
