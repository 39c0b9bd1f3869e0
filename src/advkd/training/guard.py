"""Finds the first step with a non-finite loss, without waiting for the device at every step.

Choices:
    - [gip: Table 5] Printed: 1.00 %. Here: measured like every other cell; where a loss becomes non-finite, the cell
      says "diverged" and the epoch. Why: with 391 steps on real labels an epoch, exactly 1 % is most likely such a
      divergence.
"""

import torch
from torch import Tensor

from advkd.training.diverged import Diverged


class Guard:
    """Watches the loss terms of every step on the device. Only `check` reads the outcome, which waits for the device.

    Args:
        steps: number of steps of the training.
        device: the device of the terms.
        per_epoch: steps of an epoch; None where a training has no epochs.
    """

    def __init__(self, steps: int, device: torch.device, per_epoch: int | None = None) -> None:
        self.steps, self.per_epoch = steps, per_epoch
        # The first step with a non-finite term; `steps` while there is none.
        self.first = torch.tensor(steps, device=device)
        # For each set of terms (steps on real and on synthetic images have different ones): that step and its terms.
        self.held: dict[tuple[str, ...], tuple[Tensor, Tensor]] = {}

    def watch(self, step: int, terms: dict[str, Tensor]) -> Tensor:
        """Look at the terms of a step (from 0), 0-d tensors; return them stacked, (K,)."""
        stacked, names = torch.stack([term.detach() for term in terms.values()]), tuple(terms)
        fails = ~torch.isfinite(stacked).all() & (self.first == self.steps)
        self.first = torch.where(fails, step, self.first)
        if names in self.held:
            at, held = self.held[names]
            self.held[names] = torch.where(fails, step, at), torch.where(fails, stacked, held)
        else:
            self.held[names] = torch.where(fails, step, self.steps), stacked
        return stacked

    def check(self) -> None:
        """Raise Diverged if any step so far had a non-finite term."""
        if (first := int(self.first)) < self.steps:
            names, held = next((names, held) for names, (at, held) in self.held.items() if int(at) == first)
            terms = {name: repr(float(value)) for name, value in zip(names, held, strict=True)}
            raise Diverged(first + 1, terms, None if self.per_epoch is None else first // self.per_epoch + 1)


def check_weights(step: int, weights: dict[str, Tensor], epoch: int | None = None) -> None:
    """Raise Diverged if a weight after `step` (and `epoch`, from 1) is not finite; the error names the tensors."""
    broken = [name for name, value in weights.items() if not torch.isfinite(value).all()]
    if broken:
        raise Diverged(step, {name: "non-finite weights" for name in broken[:5]}, epoch)
