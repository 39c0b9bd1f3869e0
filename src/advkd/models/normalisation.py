"""The means and standard deviations by which images are normalised, and the way back.

Choices:
    - [gip] Open: normalisation. Here: CIFAR-10's statistics for both sets (`normalisation`). Why: as DAFL.
    - [aikd] Open: normalisation. Here: CIFAR-10's statistics for CIFAR-100, ImageNet's for the other sets
      (`normalisation`). Why: as CS-KD.
"""

from functools import cache

import torch
from torch import Tensor

NORMALISATIONS = {  # mean and standard deviation of the channels, of values in [0, 1]
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


def normalised(unit: Tensor, name: str) -> Tensor:
    """Return images (B, 3, S, S) of values in [0, 1] as networks see them."""
    mean, std = _of(name, unit.device)
    return (unit - mean) / std


def pixels(images: Tensor, name: str) -> Tensor:
    """Return normalised images (B, 3, S, S) as uint8 (B, S, S, 3); what lies beyond black and white is clipped."""
    mean, std = _of(name, images.device)
    return (255 * (images * std + mean)).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


@cache  # on a GPU, since making a tensor there waits for it
def _of(name: str, device: torch.device) -> Tensor:
    return torch.tensor(NORMALISATIONS[name], device=device)[:, :, None, None]
