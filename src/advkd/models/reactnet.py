"""ReActNet-18 for small images: a residual network with binary convolutions (Liu et al., ECCV 2020).

Every residual block has one 3x3 convolution, whose input is binarised by RSign and, in the second of two trainings,
whose weights are binarised too:

    RSign     sign(x + b), a shift b for each channel; its gradient is that of a piecewise polynomial
    weights   s sign(W), with s the mean of |W| over a filter, held constant; the gradient passes where |W| <= 1
    RPReLU    shift, PReLU, shift, for each channel
    block     RPReLU(BN(conv(RSign(x))) + shortcut(x))

Stem, batch norm, shifts, PReLU, 1x1 convolutions of the shortcuts and the last layer keep real values. The layout is
that of "BNN - BN = ?" (Chen et al., 2021), which GIP follows, with batch norm and a stem for 32 pixels.

Choices:
    - [gip] Open: ReActNet's Baseline. Here: cross-entropy alone, in both steps.
    - [gip] Open: KD and GIP in ReActNet's first step. Here: in both, with a new generator in each (`first_step`).
    - [gip] Open: order and views of the second step. Here: other than the first's (`seed_offset`).
    - [gip] Open: weights of ReActNet's 1x1 shortcuts in the second step. Here: real (`shortcut`). Why: as in ReActNet;
      binary in the code of [13], which is "BNN - BN = ?".
    - [gip: Table 7] Open: epochs. Here: of each step (`epochs`).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLOCKS = 4  # a stage


class _Sign(torch.autograd.Function):
    """sign(x), with the gradient of -1, x^2 + 2x, -x^2 + 2x, 1 between the bounds -1, 0 and 1."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient * (2 - 2 * x.abs()).clamp_min(0)


class _Binary(torch.autograd.Function):
    """mean|W| sign(W) filter by filter, with the gradient of clamp(W, -1, 1)."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return weight.abs().mean((1, 2, 3), keepdim=True) * weight.sign()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (weight,) = ctx.saved_tensors
        return gradient * (weight.abs() <= 1)


def sign(x: Tensor) -> Tensor:
    """Return -1, 0 or 1 for each value, differentiable as RSign is."""
    return _Sign.apply(x)


def binary(weight: Tensor) -> Tensor:
    """Return filters (O, I, H, W) of two values each, -s and s, differentiable straight through."""
    return _Binary.apply(weight)


class BinaryConv2d(nn.Conv2d):
    """A convolution that computes with binary weights; the real ones are what is trained and stored."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, I, H, W) to (B, O, H', W')."""
        return self._conv_forward(x, binary(self.weight), self.bias)


class RSign(nn.Module):
    """Binarise activations after a trained shift of each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, H, W) to -1, 0 and 1."""
        return sign(x + self.shift)


class RPReLU(nn.Module):
    """PReLU between two trained shifts of each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.before, self.after = (nn.Parameter(torch.zeros(1, channels, 1, 1)) for _ in range(2))
        self.slope = nn.Parameter(torch.full((channels,), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, H, W) to the same shape."""
        return F.prelu(x + self.before, self.slope) + self.after


class Block(nn.Module):
    """One binary convolution with its shortcut.

    Args:
        inputs: channels of what comes in.
        outputs: channels of what goes out.
        stride: 1, or 2 with a shortcut of average pooling, 1x1 convolution and batch norm.
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
            # Rounded up, as the convolution does, where a side is odd.
            pool = nn.AvgPool2d(2, ceil_mode=True)
            self.shortcut.extend([pool, projection(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)])
        self.activation = RPReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return self.activation(self.norm(self.conv(self.sign(x))) + self.shortcut(x))


class ReActNet18(nn.Module):
    """From images to logits; 11,235,044 parameters at width 64 and 100 classes, 10,985,472 of them binary.

    Args:
        classes: number of classes C.
        width: channels of the first stage; the last has 8 times as many.
        what: "activations" (first training) or "all" (second: activations and the weights of 3x3 convolutions).
        shortcut: "real" or "binary" weights of the shortcuts' convolutions, where `what` is all.
    """

    def __init__(self, classes: int, width: int = 64, what: str = "all", shortcut: str = "real") -> None:
        super().__init__()
        conv = BinaryConv2d if what == "all" else nn.Conv2d
        projection = BinaryConv2d if (what, shortcut) == ("all", "binary") else nn.Conv2d
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        self.stages = nn.Sequential()
        inputs = width
        for stage in range(4):
            outputs = width * 2**stage
            for block in range(BLOCKS):
                stride = 2 if stage and not block else 1
                self.stages.append(Block(inputs, outputs, stride, conv, projection))
                inputs = outputs
        self.head = nn.Linear(inputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W), sides from 8 pixels, to logits (B, C); the last map is pooled whole."""
        return self.head(self.stages(self.stem(images)).mean((2, 3)))
