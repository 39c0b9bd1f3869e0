"""Spectral normalisation (Miyato et al., 2018) with its power iteration under control.

A normalised layer estimates its weight's largest singular value with one power iteration in each forward in training
mode. `advkd.methods.okd` lets a network iterate once per optimiser step of its own:
`torch.nn.utils.parametrize.cached()` shares one normalised weight, with its gradient, between the forwards of a step,
and `without_power_iteration` covers every other forward.

Choices:
    - [okd] Open: power iterations. Here: one an optimiser step of the network, not one a forward, after 15 at its
      start. Why: a method that shares forwards must not iterate more or less often for it; the public SAGAN port
      iterates in every forward, from a random vector.
    - [okd] Open: dimension of spectral norm in transposed convolutions. Here: a row of the matrix is an output channel.
      Why: PyTorch's convention; the public port takes the input channels, which gives another singular value.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import ParametrizationList


def normalised(layer: nn.Module, enabled: bool = True) -> nn.Module:
    """Divide a layer's weight by its largest singular value, estimated by power iteration; return the layer.

    The matrix has one row an output channel, for transposed convolutions too.
    """
    return spectral_norm(layer) if enabled else layer


@contextmanager
def without_power_iteration(*networks: nn.Module) -> Iterator[None]:
    """Let forwards inside use the singular vectors as they are; everything else stays in its mode."""
    lists = [m for network in networks for m in network.modules() if isinstance(m, ParametrizationList) and m.training]
    for module in lists:
        module.eval()
    try:
        yield
    finally:
        for module in lists:
            module.train()
