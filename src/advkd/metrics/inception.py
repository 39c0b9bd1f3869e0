"""The feature network of FID: pytorch-fid's InceptionV3 with its own preprocessing, from a verified file.

pytorch-fid resizes to 299 x 299 (bilinear, half-pixel grid, no antialiasing) and maps [0, 1] to [-1, 1] inside the
network.

Choices:
    - [okd] Open: FID's implementation. Here: pytorch-fid's preprocessing and weights, with a distance of our own
      (`features`, `inception`). Why: FIDs are comparable only between evaluations with exactly the same preprocessing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytorch_fid.inception
import torch
from pytorch_fid.inception import InceptionV3
from torch import nn
from torchvision.models import inception_v3

from advkd import files
from advkd.errors import UserError

SEED = 0
CALIBRATION_IMAGES = 32


def build(weights: Path | None, dims: int, sha256: str) -> tuple[nn.Module, dict[str, Any]]:
    """Build the network up to the block with `dims` features, in eval mode, and say which weights it has.

    weights: the file pt_inception-2015-12-05-6726825d.pth, whose SHA-256 must be `sha256`; None: seeded random
    weights, for trying things out and for tests, whose distances mean nothing beside published ones.
    dims: 2048 (FID), 768, 192 or 64; magnitudes are not comparable between them.

    The network maps (B, 3, H, W) in [0, 1] to a list of one map (B, dims, h, w). The dictionary holds `weights`
    (official or random) and `weights_sha256` or `seed`.

    Raises:
        UserError: no such block, no such file, or another file.
    """
    if dims not in InceptionV3.BLOCK_INDEX_BY_DIM:
        raise UserError(
            f"Inception has no block of {dims} features: choose one of {list(InceptionV3.BLOCK_INDEX_BY_DIM)}"
        )
    if weights is None:
        with torch.random.fork_rng(devices=[]):
            network = _construct(dims, _random_state)
        _calibrate(network)
        return network.eval(), {"weights": "random", "seed": SEED}
    if not weights.is_file():
        raise UserError(
            f"Inception weights {weights} do not exist: give their place with --config inception_weights=PATH"
        )
    found = files.sha256(weights)
    if found != sha256:
        raise UserError(
            f"{weights} is not pytorch-fid's Inception (sha256 {found[:8]}…, not {sha256[:8]}…): "
            "give the right file with --config inception_weights=PATH"
        )
    network = _construct(dims, lambda: torch.load(weights, map_location="cpu", weights_only=True))
    return network.eval(), {"weights": "official", "weights_sha256": sha256}


def _construct(dims: int, state: Callable[[], dict[str, torch.Tensor]]) -> InceptionV3:
    """Run pytorch-fid's constructor on `state` instead of the download that it would start."""
    with mock.patch.object(pytorch_fid.inception, "load_state_dict_from_url", lambda *_, **__: state()):
        return InceptionV3([InceptionV3.BLOCK_INDEX_BY_DIM[dims]])


def _random_state() -> dict[str, torch.Tensor]:
    """Return Kaiming-initialised weights; torchvision's network has pytorch-fid's parameters, only other pooling."""
    network = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False)
    generator = torch.Generator().manual_seed(SEED)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
    state: dict[str, torch.Tensor] = network.state_dict()
    return state


def _calibrate(network: nn.Module) -> None:
    """Set batch norm's running statistics from one batch, without which random features fade from layer to layer."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    images = textures(CALIBRATION_IMAGES, 64, SEED).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        network.to(memory_format=torch.channels_last).train()(images)


def textures(count: int, side: int, seed: int) -> torch.Tensor:
    """Return (count, 3, side, side) random images in [0, 1]: noise of six scales, each of a random strength."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.full((count, 3, side, side), 0.5)
    for cells in (1, 2, 4, 8, 16, 32):
        strength = 0.25 * torch.rand(count, 1, 1, 1, generator=generator)
        noise = torch.randn(count, 3, cells, cells, generator=generator)
        images += strength * nn.functional.interpolate(noise, size=(side, side), mode="bilinear")
    return images.clamp(0, 1)
