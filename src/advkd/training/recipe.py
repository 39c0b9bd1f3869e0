"""Makes the student's optimizer and its learning rates.

Choices:
    - [gip] Open: what weight decay applies to in ReActNet. Here: weights of four dimensions, shifts included
      (`weight_decay_on`). Why: as in its code.
    - [gip] Open: ReActNet's linear rate. Here: 1 - e/E of the first in epoch e from 0 (`schedule`). Why: in its code
      the rate is an epoch ahead, so that the last epoch learns nothing.
    - [aikd] Added: for a small folder of one's own, the batch is halved, and the rate with it, until an epoch has 5
      steps (`least_steps`). Why: after 20 epochs on 60 photos of three classes, a narrow Baseline misread 8 % of 53
      others in batches of 8 (7 to 9 % over three seeds), and 15 % in batches of 32 (2 to 25 %); on 216 photos, which
      make 7 steps of 32, it was 6 % and 3 %.
    - [gip: Table 6] Open: decay for 100 and 300 epochs. Here: milestones are fractions of the run's length
      (`milestones`); two variants keep them at epochs 80 and 120 (`schedule_epochs`).
"""

import torch
from torch import nn

from advkd.settings.classifier import Adam, Milestones, Momentum, Recipe, Smooth

SMALLEST_BATCH = 8  # that `fit` chooses; batch norm's statistics of fewer images are coarse


def optimizer(network: nn.Module, settings: Momentum | Adam, recipe: Recipe) -> torch.optim.Optimizer:
    """Return SGD or Adam, fused, over a network's weights.

    Args:
        network: what is trained.
        settings: which optimizer, with its momentum or betas.
        recipe: the first learning rate, the weight decay, and whether it spares all weights but those of four
            dimensions.
    """
    weights = list(network.parameters())
    groups: list[dict[str, object]] = [{"params": weights}]
    if recipe.decays_maps_only:
        maps = [weight for weight in weights if weight.ndim == 4]
        others = [weight for weight in weights if weight.ndim != 4]
        groups = [{"params": maps}, {"params": others, "weight_decay": 0.0}]
    lr, decay = recipe.lr, recipe.weight_decay
    if isinstance(settings, Adam):
        betas = (settings.beta1, settings.beta2)
        return torch.optim.Adam(groups, lr, betas, weight_decay=decay, fused=True)
    nesterov = settings.nesterov
    return torch.optim.SGD(groups, lr, settings.momentum, weight_decay=decay, nesterov=nesterov, fused=True)


def fit(batch: int, lr: float, seen: int, least_steps: int | None) -> tuple[int, float]:
    """Return the batch and the first learning rate, made smaller where an epoch has few images.

    The rate falls as the batch does (Goyal et al., 2017, "linear scaling rule"). A batch that would leave one image
    over takes that one in, since batch norm cannot take it alone.

    Args:
        batch: images of a step, as the settings say.
        lr: the first learning rate, as the settings say.
        seen: images that an epoch sees.
        least_steps: steps that an epoch should have; None: batch and rate stay as they are.
    """
    if least_steps is None:
        return batch, lr
    fitting = batch
    while fitting // 2 >= SMALLEST_BATCH and seen / fitting < least_steps:
        fitting //= 2
    rate = lr * fitting / batch
    while fitting < seen and seen % fitting == 1:
        fitting += 1
    return fitting, rate


def factor(schedule: Milestones | Smooth, epochs: int, epoch: int) -> float:
    """Return the learning rate of an epoch as a part of the first; it changes at the start of an epoch.

    Args:
        schedule: how the rate falls.
        epochs: length of the training, E.
        epoch: number of the epoch, from 0.
    """
    if isinstance(schedule, Milestones):
        length = schedule.length or epochs
        passed = sum(epoch >= milestone * length for milestone in schedule.milestones)
        return schedule.lr_factor**passed
    if schedule.schedule == "linear":
        return 1 - epoch / epochs
    if schedule.schedule == "linear_ahead":
        return 1 - (epoch + 1) / epochs
    return 1.0
