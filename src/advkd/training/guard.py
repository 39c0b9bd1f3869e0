"""Noticing the first step with a non-finite loss without waiting for the device at every step."""

import torch
from torch import Tensor

from advkd.training.session import Diverged


class Guard:
    """Watches every step's loss terms on the device; `check` looks at what was seen.

    Args:
        steps: the number of steps of the training, beyond which no step fails.
        device: where the terms live.
    """

    def __init__(self, steps: int, device: torch.device) -> None:
        self.steps = steps
        self.first = torch.tensor(steps, device=device)  # the first step with a non-finite term,
        self.held = torch.zeros((), device=device)  # and its terms
        self.names: tuple[str, ...] = ()

    def watch(self, step: int, terms: dict[str, Tensor]) -> Tensor:
        """Take note of the 0-d `terms` of `step` (from 0); returns them stacked."""
        stacked = torch.stack([term.detach() for term in terms.values()])
        fails = ~torch.isfinite(stacked).all() & (self.first == self.steps)
        self.held = torch.where(fails, stacked, self.held)
        self.first = torch.where(fails, step, self.first)
        self.names = tuple(terms)
        return stacked

    def check(self) -> None:
        """Raise Diverged if any step so far had a non-finite term."""
        if (first := int(self.first)) < self.steps:
            raise Diverged(first + 1, {name: repr(float(v)) for name, v in zip(self.names, self.held, strict=True)})


def check_weights(step: int, weights: dict[str, Tensor]) -> None:
    """Raise Diverged, naming the tensors, if any of the weights after `step` is not finite."""
    broken = [name for name, value in weights.items() if not torch.isfinite(value).all()]
    if broken:
        raise Diverged(step, {name: "non-finite weights" for name in broken[:5]})
