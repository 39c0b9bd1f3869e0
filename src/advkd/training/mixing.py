"""Applies Cutout, Mixup and CutMix to normalised batches, as their public code does.

    cutout  (DeVries and Taylor, arXiv:1708.04552)    a square around any pixel of each image becomes 0, the mean
                                                      colour; what lies outside the image is lost
    mixup   (Zhang et al., ICLR 2018)                 every image and its label is mixed with another of the batch, by
                                                      one share from Beta(alpha, alpha)
    cutmix  (Yun et al., ICCV 2019)                   with a probability, every image gets one box of another of the
                                                      batch; the share is what is left of the image's own pixels

All images of a batch have the same share and the same box.

Choices:
    - [aikd: Table 7] Open: size and rate of Cutout, Mixup and CutMix. Here: their own for CIFAR, Mixup in every batch,
      CutMix in half (`augment`, `cutout_size`, `mixup_alpha`, `cutmix_alpha`, `cutmix_probability`).
    - [aikd: Table 7] Open: who sees mixed images. Here: all networks; cross-entropy is mixed.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from advkd.settings.classifier import ColourJitter, CutMix, Cutout, Mixing, Mixup, NoMixing, RandAugment


@dataclass(frozen=True)
class Mixed:
    """A batch after mixing.

    Attributes:
        images: float (G B, 3, S, S).
        partner: int64 (B,), the place in the batch of the image mixed in, or None where nothing is mixed.
        share: float32 (B,), the part of each image, and of its label, that is its own; None where nothing is mixed.
    """

    images: Tensor
    partner: Tensor | None = None
    share: Tensor | None = None


def mix(images: Tensor, generator: torch.Generator, settings: Mixing, groups: int = 1) -> Mixed:
    """Return the batch mixed as the settings say; `images` is left as it is.

    Args:
        images: float (G B, 3, S, S), normalised: G groups of B, one behind the other.
        generator: of the CPU; the only source of random numbers.
        settings: Cutout, Mixup, CutMix, or what mixes nothing.
        groups: G. All groups have the same partners, share and box (CS-KD's partners are mixed as their anchors are);
            squares are cut out of every image by itself.
    """
    match settings:
        case NoMixing() | ColourJitter() | RandAugment():  # the last two change single images: see policies.py
            return Mixed(images)
        case Cutout():
            return Mixed(cut_out(images, settings.cutout_size, generator))
        case Mixup():
            return _mix_up(images, generator, settings.mixup_alpha, groups)
        case CutMix():
            if torch.rand((), generator=generator) >= settings.cutmix_probability:
                return Mixed(images)
            return _cut_mix(images, generator, settings.cutmix_alpha, groups)


def _mix_up(images: Tensor, generator: torch.Generator, alpha: float, groups: int) -> Mixed:
    share = _beta(alpha, generator)
    partner, others = _partners(images, generator, groups)
    mixed = torch.lerp(images[others], images, share)
    return Mixed(mixed, partner, torch.full((len(partner),), share, device=images.device))


def _cut_mix(images: Tensor, generator: torch.Generator, alpha: float, groups: int) -> Mixed:
    share = _beta(alpha, generator)
    partner, others = _partners(images, generator, groups)
    side = images.shape[-1]
    (top, bottom), (left, right) = _box(side, share, generator)
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = images[others, :, top:bottom, left:right]
    left_over = 1 - (bottom - top) * (right - left) / side**2
    return Mixed(mixed, partner, torch.full((len(partner),), left_over, device=images.device))


def _partners(images: Tensor, generator: torch.Generator, groups: int) -> tuple[Tensor, Tensor]:
    """Return for each image the place of the one mixed in: within its group (B,), and among all groups (G B,)."""
    batch = len(images) // groups
    partner = torch.randperm(batch, generator=generator).to(images.device, non_blocking=True)
    return partner, torch.cat([partner + group * batch for group in range(groups)])


def cut_out(images: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Return images (B, 3, S, S) with a square of `size` pixels set to 0. Its centre is any pixel of the image."""
    count, _, side, _ = images.shape
    first = torch.randint(side, (2, count, 1), generator=generator) - size // 2
    span = torch.arange(side)
    down, across = ((span >= first) & (span < first + size)).to(images.device, non_blocking=True)  # (B, S) each
    return torch.where((down[:, :, None] & across[:, None])[:, None], 0.0, images)


def _box(side: int, share: float, generator: torch.Generator) -> list[tuple[int, int]]:
    """Draw a box that covers 1 - share of the area; return its (first, end) rows and columns, the ends excluded.

    Its centre is any pixel. What lies outside the image is cut off.
    """
    half = int(side * math.sqrt(1 - share)) // 2
    centres = torch.randint(side, (2,), generator=generator).tolist()
    return [(max(centre - half, 0), min(centre + half, side)) for centre in centres]


def _beta(alpha: float, generator: torch.Generator) -> float:
    """Draw a number from Beta(alpha, alpha) with numpy, since torch draws from it without a generator only."""
    seed = int(torch.randint(2**63 - 1, (), generator=generator))
    return float(np.random.default_rng(seed).beta(alpha, alpha))
