"""ReActNet-18 for small images: a residual network with binary convolutions (Liu et al., ECCV 2020).

It is trained in two steps. Every residual block has one 3x3 convolution. RSign binarises its input in both steps; its
weights W are binarised in the second step only:

    RSign     sign(x + b) with a shift b per channel; its gradient is that of a piecewise polynomial
    weights   s sign(W) with s the mean of |W| over a filter; the gradient treats s as constant, passes where |W| <= 1
    RPReLU    shift, PReLU, shift, each per channel
    block     RPReLU(BN(conv(RSign(x))) + shortcut(x))

The stem, batch norm, shifts, PReLU, the 1x1 convolutions of the shortcuts and the last layer keep real values. The
layout is that of "BNN - BN = ?" (Chen et al., 2021), which GIP follows, but with batch norm and a stem for 32 pixels.

Choices:
    - [gip] Open: ReActNet's Baseline. Here: cross-entropy alone, in both steps.
    - [gip] Open: KD and GIP in ReActNet's first step. Here: in both, with a new generator in each (`first_step`).
    - [gip] Open: weights of ReActNet's 1x1 shortcuts in the second step. Here: real (`shortcut`). Why: as in ReActNet;
      the code of [13], "BNN - BN = ?", makes them binary.
    - [gip] Open: stem and initial weights of ReActNet for 32 pixels. Here: a 3x3 convolution without stride or pooling,
      with batch norm, and PyTorch's default. Why: as in the code of [13] for CIFAR.
    - [gip: Table 7] Open: epochs. Here: of each step (`epochs`).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advkd.models.settings import ReActNet18Settings

BLOCKS = 4  # per stage


class _Sign(torch.autograd.Function):
    """sign(x) with the gradient of ApproxSign (Bi-Real Net, Liu et al., ECCV 2018).

    ApproxSign is -1 for x < -1, 2x + x^2 for -1 <= x < 0, 2x - x^2 for 0 <= x < 1, and 1 above.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient * (2 - 2 * x.abs()).clamp_min(0)  # the derivative of all four pieces in one expression


class _Binary(torch.autograd.Function):
    """mean|W| sign(W), filter by filter, with the gradient of clamp(W, -1, 1)."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return weight.abs().mean((1, 2, 3), keepdim=True) * weight.sign()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (weight,) = ctx.saved_tensors
        return gradient * (weight.abs() <= 1)


def binarise_activations(x: Tensor) -> Tensor:
    """Return the sign of each value, -1, 0 or 1; the backward pass uses the gradient of ApproxSign."""
    return _Sign.apply(x)


def binarise_weights(weight: Tensor) -> Tensor:
    """Return filters (O, I, H, W) whose values are s and -s, with s the mean of |weight| over each filter.

    The backward pass is a straight-through estimator: it passes the gradient where |weight| <= 1.
    """
    return _Binary.apply(weight)


class BinaryConv2d(nn.Conv2d):
    """A convolution with binarised weights; the real weights are trained and stored."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, I, H, W) to (B, O, H', W')."""
        return self._conv_forward(x, binarise_weights(self.weight), self.bias)


class RSign(nn.Module):
    """Shifts each channel by a trained amount and takes the sign."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, H, W) to values -1, 0 and 1 of the same shape."""
        return binarise_activations(x + self.shift)


class RPReLU(nn.Module):
    """PReLU between two trained shifts per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.before = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.after = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.slope = nn.Parameter(torch.full((channels,), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, H, W) to the same shape."""
        return F.prelu(x + self.before, self.slope) + self.after


class Block(nn.Module):
    """One binary convolution with its shortcut.

    Args:
        inputs: input channels.
        outputs: output channels; equal to `inputs` at stride 1.
        stride: 1 with an identity shortcut, or 2 with a shortcut of average pooling, 1x1 convolution and batch norm.
        conv: class of the 3x3 convolution.
        projection: class of the shortcut's convolution.
    """

    def __init__(
        self, inputs: int, outputs: int, stride: int, conv: type[nn.Conv2d], projection: type[nn.Conv2d]
    ) -> None:
        super().__init__()
        self.sign = RSign(inputs)
        self.conv = conv(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1:
            # An odd side is rounded up, as by the convolution with stride 2.
            pool = nn.AvgPool2d(2, ceil_mode=True)
            self.shortcut.extend([pool, projection(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)])
        self.activation = RPReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return self.activation(self.norm(self.conv(self.sign(x))) + self.shortcut(x))


class ReActNet18(nn.Module):
    """Classifies images; 11,235,044 parameters at width 64 and 100 classes, 10,985,472 of them binary in step two.

    Args:
        classes: number of classes C.
        width: channels of the first stage; the last has 8 times as many.
        binary: what is binarised: "activations" (first step), or "all" (second step), which adds the weights of the 3x3
            convolutions.
        shortcut: whether the convolutions of the shortcuts are "real" or "binary"; only applies if `binary` is "all".
    """

    def __init__(self, classes: int, width: int = 64, binary: str = "all", shortcut: str = "real") -> None:
        super().__init__()
        conv = BinaryConv2d if binary == "all" else nn.Conv2d
        projection = BinaryConv2d if binary == "all" and shortcut == "binary" else nn.Conv2d
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        self.stages = nn.Sequential()
        inputs = width
        for stage in range(4):
            outputs = width * 2**stage
            for block in range(BLOCKS):
                stride = 2 if stage > 0 and block == 0 else 1
                self.stages.append(Block(inputs, outputs, stride, conv, projection))
                inputs = outputs
        self.head = nn.Linear(inputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W), H and W >= 8, to logits (B, C); the last map is averaged over all positions."""
        return self.head(self.stages(self.stem(images)).mean((2, 3)))


def build(network: ReActNet18Settings, classes: int) -> nn.Module:
    """Return the network that `network` describes, for a number of classes."""
    return ReActNet18(classes, network.width, network.binary, network.shortcut or "real")
