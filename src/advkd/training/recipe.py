"""The optimizer of what is trained, and its learning rate over the epochs.

Choices:
    - [gip] Open: what weight decay applies to in ReActNet. Here: weights of four dimensions, shifts included
      (`weight_decay_on`). Why: as its code.
    - [gip] Open: ReActNet's linear rate. Here: 1 - e/E of the first in epoch e from 0 (`schedule`). Why: its code is an
      epoch ahead, so that the last epoch learns nothing.
    - [gip: Table 6] Open: decay for 100 and 300 epochs. Here: milestones scale with the run (`milestones`); at epochs
      80 and 120 all the same in two variants (`schedule_epochs`).
"""

from types import SimpleNamespace

import torch
from torch import nn


def optimizer(network: nn.Module, s: SimpleNamespace) -> torch.optim.Optimizer:
    """Return SGD or Adam, fused, over a network's weights.

    Args:
        network: what is trained.
        s: the run's settings: lr, weight_decay, and optimizer (absent: SGD), with momentum and nesterov or beta1 and
            beta2; weight_decay_on "maps" spares all but weights of four dimensions.
    """
    weights = list(network.parameters())
    groups = [{"params": weights}]
    if getattr(s, "weight_decay_on", "all") == "maps":
        decayed, spared = ([one for one in weights if (one.ndim == 4) == maps] for maps in (True, False))
        groups = [{"params": decayed}, {"params": spared, "weight_decay": 0.0}]
    if getattr(s, "optimizer", "sgd") == "adam":
        betas = (float(s.beta1), float(s.beta2))
        return torch.optim.Adam(groups, s.lr, betas, weight_decay=s.weight_decay, fused=True)
    return torch.optim.SGD(groups, s.lr, s.momentum, weight_decay=s.weight_decay, nesterov=s.nesterov, fused=True)


def factor(s: SimpleNamespace, epoch: int) -> float:
    """Return the learning rate of `epoch` (from 0) as a part of the first; it changes at the start of an epoch."""
    match getattr(s, "schedule", "steps"):
        case "linear":
            return 1 - epoch / s.epochs
        case "linear_ahead":
            return 1 - (epoch + 1) / s.epochs
        case "constant":
            return 1.0
    length = getattr(s, "schedule_epochs", s.epochs)
    return s.lr_factor ** sum(epoch >= milestone * length for milestone in s.milestones)
