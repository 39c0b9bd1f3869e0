"""The feature network of FID: pytorch-fid's InceptionV3 with pytorch-fid's preprocessing, loaded from a verified file.

The network itself resizes images to 299 x 299 (bilinear, half-pixel grid, no antialiasing) and maps [0, 1] to [-1, 1].

Choices:
    - [okd] Open: FID's implementation. Here: pytorch-fid's preprocessing and weights, with a distance of our own
      (`features`). Why: FIDs are comparable only between evaluations with exactly the same preprocessing.
"""

import copy
from functools import cache
from pathlib import Path
from unittest import mock

import pytorch_fid.inception
import torch
from pytorch_fid.inception import InceptionV3
from torch import nn
from torchvision.models import inception_v3

from advkd.metrics.weights import load_verified

SEED = 0
CALIBRATION_IMAGES = 32


def build(weights: Path | None, dims: int, sha256: str) -> nn.Module:
    """Build the network up to the block with `dims` features, in eval mode.

    It maps (B, 3, H, W) in [0, 1] to a list of one map (B, dims, h, w).

    Args:
        weights: the file pt_inception-2015-12-05-6726825d.pth. None gives seeded random weights, for trials and tests;
            their distances cannot be compared with published ones.
        dims: 2048 (the usual FID), 768, 192 or 64. Distances of different `dims` differ in magnitude.
        sha256: the SHA-256 that the file must have, in hexadecimal.

    Raises:
        UserError: the file does not exist, or it is another file.
    """
    if weights is None:
        return copy.deepcopy(_random_network(dims, torch.get_num_threads()))
    remedy = "give the right file with --config inception_weights=PATH"
    return _construct(dims, load_verified(weights, sha256, "pytorch-fid's Inception", remedy)).eval()


@cache
def _random_network(dims: int, _threads: int) -> nn.Module:
    """Return the calibrated random network. The number of threads may change its last bits.

    A process and those that are forked from it make it once (`advkd.jobs`).
    """
    with torch.random.fork_rng(devices=[]):
        network = _construct(dims, _random_state())
    _calibrate(network)
    return network.eval()


def _construct(dims: int, state: dict[str, torch.Tensor]) -> nn.Module:
    """Run pytorch-fid's constructor with the weights of `state`, which replaces its download."""
    with mock.patch.object(pytorch_fid.inception, "load_state_dict_from_url", lambda *_, **__: state):
        network: nn.Module = InceptionV3([InceptionV3.BLOCK_INDEX_BY_DIM[dims]])
    return network


def _random_state() -> dict[str, torch.Tensor]:
    """Return Kaiming-initialised weights.

    torchvision's network has the same parameters as pytorch-fid's; only the pooling differs.
    """
    network = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False)
    generator = torch.Generator().manual_seed(SEED)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
    state: dict[str, torch.Tensor] = network.state_dict()
    return state


def _calibrate(network: nn.Module) -> None:
    """Set the running statistics of batch norm from one batch.

    Without them, random features shrink from layer to layer.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # the statistics of this batch alone
    images = textures(CALIBRATION_IMAGES, 64, SEED).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        network.to(memory_format=torch.channels_last).train()(images)


def textures(count: int, side: int, seed: int) -> torch.Tensor:
    """Return random images (count, 3, side, side) in [0, 1]: a sum of noise at six scales, each of random strength."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.full((count, 3, side, side), 0.5)
    for cells in (1, 2, 4, 8, 16, 32):
        strength = 0.25 * torch.rand(count, 1, 1, 1, generator=generator)
        noise = torch.randn(count, 3, cells, cells, generator=generator)
        images += strength * nn.functional.interpolate(noise, size=(side, side), mode="bilinear")
    return images.clamp(0, 1)
