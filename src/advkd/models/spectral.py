"""Spectral normalisation (Miyato et al., 2018) with its power iteration under control.

A normalised layer estimates its weight's largest singular value with one power iteration in each forward in training
mode. A method that shares forwards must not iterate more or less often for it, so `advkd.methods.okd` lets a network
iterate once per optimiser step of its own: `torch.nn.utils.parametrize.cached()` shares one normalised weight, with
its gradient, between the forwards of a step, and `without_power_iteration` covers every other forward.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import ParametrizationList


def normalised(layer: nn.Module, enabled: bool = True) -> nn.Module:
    """Divide a layer's weight by its largest singular value, estimated by power iteration; return the layer.

    The matrix has one row an output channel, for transposed convolutions too (PyTorch's convention). The public SAGAN
    port (heykeetae/Self-Attention-GAN) takes a transposed convolution's input channels as rows, which gives another
    singular value, starts from a random vector where PyTorch starts from 15 iterations, and iterates in every forward.
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
