"""The batch-norm statistics that a student is evaluated with, where a part of its steps is on synthetic images.

A step moves a running statistic by a tenth (PyTorch's momentum m = 0.1) towards that of its batch. After R steps on
real images, (1 - m)^R of it still comes from the steps before these: 1.5 % at R = 40, 66 % at R = 4.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

TOLERATED = 0.01  # of the statistics, from synthetic images


def norms_of(network: nn.Module) -> list[_BatchNorm]:
    """Return the batch norms of a network."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def synthetic_share(network: nn.Module, real_steps: int) -> float:
    """Return the share of the running statistics that real steps at an epoch's end leave to the steps before them.

    Returns:
        The largest share of any batch norm, in [0, 1]; 0 without batch norms.
    """
    return max(((1 - (norm.momentum or 0.0)) ** real_steps for norm in norms_of(network)), default=0.0)


def warning(network: nn.Module, real_steps: int) -> str | None:
    """Return a warning where more than TOLERATED of the statistics at an epoch's end come from synthetic images."""
    share = synthetic_share(network, real_steps)
    if share <= TOLERATED:
        return None
    return (
        f"warning: an epoch ends with {real_steps} steps on real images, so {100 * share:.0f} % of the batch-norm"
        " statistics that the student is evaluated with come from synthetic images; evaluated_statistics=recomputed"
        " takes them from real ones"
    )


@torch.no_grad()
def recompute(network: nn.Module, forward: Callable[[Tensor], Tensor], batches: Iterable[Tensor]) -> None:
    """Set every batch norm's running statistics to the mean of those of some batches, each batch counting once.

    In training mode a network does not use its running statistics, so this changes nothing of the training.

    Args:
        network: in training mode.
        forward: its forward, in the precision that it is trained in.
        batches: images, each (B, 3, S, S) with B > 1.
    """
    momenta = {norm: norm.momentum for norm in norms_of(network)}
    for norm in momenta:
        norm.reset_running_stats()
        norm.momentum = None  # PyTorch's way to ask for the mean over all batches
    for images in batches:
        forward(images)
    for norm, momentum in momenta.items():
        norm.momentum = momentum
