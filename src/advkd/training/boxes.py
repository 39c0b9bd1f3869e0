"""The part of an image that a view shows: a box (left, top, right, bottom) in fractions of the image's sides.

The store resizes images to squares and keeps their original width and height. Boxes are drawn in the original's pixels
and then expressed as fractions. So their distribution does not depend on the stored size.
"""

import math

import torch
from torch import Tensor

SCALE, RATIO, TRIES = (0.08, 1.0), (3 / 4, 4 / 3), 10  # torchvision's defaults


def random_resized(sizes: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a box for each image as torchvision's RandomResizedCrop does; return them, float64 (B, 4).

    A box covers a uniformly drawn share of the image's area and has a log-uniformly drawn ratio of width to height. Its
    sides are whole pixels and its place is uniform. The first of ten draws that fits into the image is taken. If none
    fits, the box is the largest one around the centre that the ratios allow.

    Args:
        sizes: int (B, 2), width and height of the original images in pixels.
        generator: a generator of the CPU.
    """
    width, height = sizes.double().T[:, :, None]  # (B, 1) each
    part, shape = torch.rand(2, len(sizes), TRIES, generator=generator, dtype=torch.float64)
    area = width * height * (SCALE[0] + part * (SCALE[1] - SCALE[0]))
    low, high = map(math.log, RATIO)
    ratio = (low + shape * (high - low)).exp()
    w, h = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (w > 0) & (w <= width) & (h > 0) & (h <= height)
    first, any_fits = fits.int().argmax(1, keepdim=True), fits.any(1, keepdim=True)
    w = torch.where(any_fits, w.gather(1, first), torch.minimum(width, (height * RATIO[1]).round()))
    h = torch.where(any_fits, h.gather(1, first), torch.minimum(height, (width / RATIO[0]).round()))
    across, down = torch.rand(2, len(sizes), 1, generator=generator, dtype=torch.float64)
    left = torch.where(any_fits, (across * (width - w + 1)).floor(), ((width - w) / 2).floor())
    top = torch.where(any_fits, (down * (height - h + 1)).floor(), ((height - h) / 2).floor())
    return torch.cat([left / width, top / height, (left + w) / width, (top + h) / height], 1)


def centre(sizes: Tensor, part: float) -> Tensor:
    """Return boxes around the centre, float64 (B, 4), that are squares in the original images.

    torchvision's Resize(256) and CenterCrop(224) show this box for `part` = 224/256.

    Args:
        sizes: int (B, 2), width and height of the original images in pixels.
        part: side of the square as a fraction of the image's shorter side.
    """
    sizes = sizes.double()
    reach = part / 2 * sizes.min(1, keepdim=True).values / sizes
    return torch.cat([0.5 - reach, 0.5 + reach], 1)


def whole(count: int) -> Tensor:
    """Return the boxes of `count` whole images, float64 (B, 4)."""
    return torch.tensor([[0.0, 0.0, 1.0, 1.0]], dtype=torch.float64).expand(count, 4)
