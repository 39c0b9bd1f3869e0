"""Derives random numbers from (seed, generation, purpose, step).

A resumed run draws the same ones as an undisturbed run, and a run none that a run draws which it learns from.

Choices:
    - [okd] Open: the last, smaller batch of a pass. Here: dropped. Why: as in the public SAGAN loop.
    - [aikd, gip] Open: random numbers that a run shares with its superior, teacher or first step. Here: none; initial
      weights, order, views, noise and dropout follow from the seed and the generation, which is 0 without parents and
      otherwise 1 more than theirs. Why: a student must not start from its teacher's weights or see its views; so a
      Baseline and a student of the same seed are no pair, while students of one generation and seed are.
"""

import hashlib
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Streams:
    """The random numbers of a run. Those for different purposes, seeds or generations are independent.

    Attributes:
        seed: the run's seed.
        generation: 0 for a run without parents, otherwise 1 more than the largest of its parents. Parent and child
            often have the same seed; they always have different generations.
    """

    seed: int
    generation: int = 0

    def derive(self, *names: str | int) -> int:
        """Return a 63-bit seed for a purpose."""
        # Without a part for generation 0, runs without parents keep the numbers of version 0.1.0.
        generation = (f"generation {self.generation}",) if self.generation else ()
        text = "/".join(str(part) for part in (self.seed, *generation, *names))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1

    def generator(self, *names: str | int) -> torch.Generator:
        """Return a CPU generator for a purpose."""
        return torch.Generator().manual_seed(self.derive(*names))

    def batch_indices(self, step: int, count: int, batch: int) -> torch.Tensor:
        """Return the indices of the images of a GAN's iteration `step` (from 0), int64 (batch,).

        Every pass over the data has a new order. Its last, smaller batch is dropped.
        """
        per_pass = count // batch
        number, position = divmod(step, per_pass)
        order = torch.randperm(count, generator=self.generator("order", number))
        return order[position * batch : (position + 1) * batch]
