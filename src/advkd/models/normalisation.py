"""Normalises images by the mean and standard deviation of each colour channel, and converts them back to pixels.

Choices:
    - [gip] Open: normalisation. Here: CIFAR-10's statistics for both sets (`normalisation`). Why: as DAFL.
    - [aikd] Open: normalisation. Here: CIFAR-10's statistics for CIFAR-100, ImageNet's for the other sets
      (`normalisation`). Why: as CS-KD.
"""

from functools import cache

import torch
from torch import Tensor

# Mean and standard deviation of the channels red, green and blue, for values in [0, 1].
NORMALISATIONS = {
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


def normalise(images: Tensor, name: str) -> Tensor:
    """Normalise images (B, 3, S, S) with values in [0, 1], as the networks expect them.

    Args:
        images: float images (B, 3, S, S), values in [0, 1].
        name: a key of NORMALISATIONS.
    """
    mean, std = _mean_and_std(name, images.device)
    return (images - mean) / std


def to_pixels(images: Tensor, name: str) -> Tensor:
    """Convert normalised images (B, 3, S, S) to uint8 pixels (B, S, S, 3), clipped to [0, 255].

    Args:
        images: normalised float images (B, 3, S, S).
        name: the key of NORMALISATIONS that they were normalised by.
    """
    mean, std = _mean_and_std(name, images.device)
    return (255 * (images * std + mean)).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


@cache  # because creating a tensor on a GPU makes the CPU wait for the GPU
def _mean_and_std(name: str, device: torch.device) -> Tensor:
    """Return mean and standard deviation, stacked, (2, 3, 1, 1)."""
    return torch.tensor(NORMALISATIONS[name], device=device)[:, :, None, None]
