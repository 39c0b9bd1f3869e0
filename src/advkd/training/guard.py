"""Finds the first step with a non-finite loss, without waiting for the device at every step.

Choices:
    - [gip: Table 5] Printed: 1.00 %. Here: measured like every other cell; where a loss becomes non-finite, the cell
      says "diverged" and the epoch. Why: with 196 steps of 256 real images an epoch, exactly 1 % is most likely such a
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
        # Steps on real and on synthetic images have different terms. For each set of names: that step and its terms.
        self.failed: dict[tuple[str, ...], tuple[Tensor, Tensor]] = {}

    def watch(self, step: int, terms: dict[str, Tensor]) -> Tensor:
        """Look at the terms of a step (from 0), 0-d tensors; return them stacked, (K,)."""
        stacked, names = torch.stack([term.detach() for term in terms.values()]), tuple(terms)
        fails = ~torch.isfinite(stacked).all() & (self.first == self.steps)
        self.first = torch.where(fails, step, self.first)
        if names in self.failed:
            failed_step, failed_terms = self.failed[names]
            self.failed[names] = torch.where(fails, step, failed_step), torch.where(fails, stacked, failed_terms)
        else:
            self.failed[names] = torch.where(fails, step, self.steps), stacked
        return stacked

    def check(self) -> None:
        """Raise Diverged if any step so far had a non-finite term."""
        if (first := int(self.first)) < self.steps:
            epoch = None if self.per_epoch is None else first // self.per_epoch + 1
            raise Diverged(first + 1, self._terms_of(first), epoch)

    def _terms_of(self, first: int) -> dict[str, str]:
        """Return the terms of the first step with a non-finite term, as text by name."""
        terms: dict[str, str] = {}
        for names, (failed_step, failed_terms) in self.failed.items():
            if int(failed_step) == first:
                terms = {name: repr(float(value)) for name, value in zip(names, failed_terms, strict=True)}
        return terms


def check_weights(step: int, weights: dict[str, Tensor], epoch: int | None = None) -> None:
    """Raise Diverged if a weight after `step` (and `epoch`, from 1) is not finite; the error names the tensors."""
    broken = [name for name, value in weights.items() if not torch.isfinite(value).all()]
    if broken:
        raise Diverged(step, {name: "non-finite weights" for name in broken[:5]}, epoch)
