"""What part of an image a view shows: boxes (left, top, right, bottom) as fractions of its sides, float64 (B, 4).

Stored images are squashed to a square, so a box is found in the original's pixels, whose width and height the store
keeps, and then put in fractions. Its law is that of the original image, whatever size is stored.
"""

import math

import torch
from torch import Tensor

SCALE, RATIO, TRIES = (0.08, 1.0), (3 / 4, 4 / 3), 10  # torchvision's defaults


def random_resized(sizes: Tensor, generator: torch.Generator) -> Tensor:
    """Return torchvision's RandomResizedCrop, a box for each image of `sizes`, int (B, 2): width and height in pixels.

    The box has a uniform part of the image's area and a log-uniform ratio of width to height, in whole pixels, and lies
    anywhere; the first of ten such draws that fits is taken. If none does, it is the image's centre, as large as the
    ratios allow.
    """
    width, height = sizes.double().T[:, :, None]  # (B, 1) each
    part, shape = torch.rand(2, len(sizes), TRIES, generator=generator, dtype=torch.float64)
    area = width * height * (SCALE[0] + part * (SCALE[1] - SCALE[0]))
    low, high = map(math.log, RATIO)
    ratio = (low + shape * (high - low)).exp()
    w, h = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (w > 0) & (w <= width) & (h > 0) & (h <= height)
    first, found = fits.int().argmax(1, keepdim=True), fits.any(1, keepdim=True)
    w = torch.where(found, w.gather(1, first), torch.minimum(width, (height * RATIO[1]).round()))
    h = torch.where(found, h.gather(1, first), torch.minimum(height, (width / RATIO[0]).round()))
    across, down = torch.rand(2, len(sizes), 1, generator=generator, dtype=torch.float64)
    left = torch.where(found, (across * (width - w + 1)).floor(), ((width - w) / 2).floor())
    top = torch.where(found, (down * (height - h + 1)).floor(), ((height - h) / 2).floor())
    return torch.cat([left / width, top / height, (left + w) / width, (top + h) / height], 1)


def centre(sizes: Tensor, part: float) -> Tensor:
    """Return the centred boxes, square in the original, whose side is `part` of the shorter side, for `sizes` (B, 2).

    Resize(256) and CenterCrop(224) of torchvision show this box with `part` 224/256.
    """
    sizes = sizes.double()
    reach = part / 2 * sizes.min(1, keepdim=True).values / sizes
    return torch.cat([0.5 - reach, 0.5 + reach], 1)


def whole(count: int) -> Tensor:
    """Return the boxes of `count` whole images."""
    return torch.tensor([[0.0, 0.0, 1.0, 1.0]], dtype=torch.float64).expand(count, 4)
