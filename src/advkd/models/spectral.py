"""Spectral normalisation (Miyato et al., ICLR 2018) with control over the power iterations.

In training mode, each forward of a normalised layer runs one power iteration, which estimates the largest singular
value of its weight. `advkd.methods.okd` reduces that to one iteration per optimiser step of the network:
`torch.nn.utils.parametrize.cached()` shares one normalised weight, with its gradient, among the forwards of a step,
and `without_power_iteration` covers all other forwards.

Choices:
    - [okd] Open: power iterations. Here: one per optimiser step of the network, not one per forward, after 15 at the
      start. Why: a method that shares forwards must not iterate more or less often because of it; the public SAGAN port
      iterates in every forward, from a random vector.
    - [okd] Open: dimension of spectral norm in transposed convolutions. Here: a row of the matrix is an output channel.
      Why: PyTorch's convention; the public port takes the input channels, which gives another singular value.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import ParametrizationList


def with_spectral_norm(layer: nn.Module, enabled: bool = True) -> nn.Module:
    """Divide the layer's weight by its largest singular value, estimated by power iteration, and return the layer.

    The singular value is that of the weight as a matrix with one row per output channel, for transposed convolutions
    too. If not `enabled`, the layer is returned as it is.
    """
    return spectral_norm(layer) if enabled else layer


@contextmanager
def without_power_iteration(*networks: nn.Module) -> Iterator[None]:
    """Return a context in which forwards of `networks` use the present singular vectors without a power iteration.

    Only the spectral norms are put into eval mode; batch norm and dropout keep their mode.
    """
    iterating = []
    for network in networks:
        for module in network.modules():
            if isinstance(module, ParametrizationList) and module.training:
                iterating.append(module)
    for module in iterating:
        module.eval()
    try:
        yield
    finally:
        for module in iterating:
            module.train()
