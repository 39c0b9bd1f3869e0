"""Derives random numbers from (seed, purpose, step), so that a resumed run draws the same ones as an undisturbed run.

Choices:
    - [okd] Open: the last, smaller batch of a pass. Here: dropped. Why: as in the public SAGAN loop.
"""

import hashlib

import torch


def derive(seed: int, *names: str | int) -> int:
    """Return a 63-bit seed for a purpose. Seeds for different purposes are independent."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


def generator(seed: int, *names: str | int) -> torch.Generator:
    """Return a CPU generator for a purpose."""
    return torch.Generator().manual_seed(derive(seed, *names))


def batch_indices(seed: int, step: int, count: int, batch: int) -> torch.Tensor:
    """Return the indices of the images of iteration `step` (from 0), int64 (batch,).

    Every pass over the data has a new order. Its last, smaller batch is dropped.
    """
    per_pass = count // batch
    number, position = divmod(step, per_pass)
    order = torch.randperm(count, generator=generator(seed, "order", number))
    return order[position * batch : (position + 1) * batch]
