"""Colour jitter and RandAugment on training images, as torchvision computes them.

    colour       (as in SimCLR, Chen et al., ICML 2020)    brightness, contrast and saturation are each scaled by a
                                                           factor from [1 - s, 1 + s], the hue is turned by up to s/4
    randaugment  (Cubuk et al., NeurIPS 2020)              some operations, drawn for each image, of one magnitude

Every image has random numbers of its own, which follow from the caller's generator.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from advkd.settings.classifier import ColourJitter, RandAugment

LARGEST_SEED = 2**63 - 1


def augmented(pixels: Tensor, settings: ColourJitter | RandAugment, generator: torch.Generator) -> Tensor:
    """Return images augmented as the settings say.

    Args:
        pixels: float (B, S, S, 3) in [0, 255]; rounded to 8 bits before.
        settings: which policy, and how strong it is.
        generator: of the CPU; the only source of random numbers.

    Returns:
        float32 (B, S, S, 3), whole numbers in [0, 255].
    """
    transform = _transform(settings)
    images = pixels.round().to(torch.uint8).permute(0, 3, 1, 2)
    seeds = torch.randint(LARGEST_SEED, (len(images),), generator=generator).tolist()
    with torch.random.fork_rng(devices=[]):  # torchvision draws from the global state of the CPU
        changed = []
        for image, seed in zip(images, seeds, strict=True):
            torch.default_generator.manual_seed(seed)
            changed.append(transform(image))
    return torch.stack(changed).permute(0, 2, 3, 1).float()


def _transform(settings: ColourJitter | RandAugment) -> Callable[[Tensor], Tensor]:
    from torchvision.transforms import v2  # here: few trainings need it

    transform: Callable[[Tensor], Tensor]
    if isinstance(settings, ColourJitter):
        strength = settings.colour_strength
        transform = v2.ColorJitter(strength, strength, strength, strength / 4)
    else:
        transform = v2.RandAugment(settings.randaugment_operations, settings.randaugment_magnitude)
    return transform
