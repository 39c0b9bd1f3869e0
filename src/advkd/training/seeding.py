"""Random numbers as functions of (seed, purpose, step), so that a resumed run draws what an undisturbed one draws.

Choices:
    - [okd] Open: the last, smaller batch of a pass. Here: dropped. Why: as in the public SAGAN loop.
"""

import hashlib

import torch


def derive(seed: int, *names: str | int) -> int:
    """Return a 63-bit seed for a purpose, independent of every other purpose's."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


def generator(seed: int, *names: str | int) -> torch.Generator:
    """Return a CPU generator for a purpose."""
    return torch.Generator().manual_seed(derive(seed, *names))


def batch_indices(seed: int, step: int, count: int, batch: int) -> torch.Tensor:
    """Return the images of iteration `step` (from 0) as int64 (batch,).

    Every pass over the data is a fresh permutation without its last, smaller batch.
    """
    per_pass = count // batch
    number, position = divmod(step, per_pass)
    order = torch.randperm(count, generator=generator(seed, "order", number))
    return order[position * batch : (position + 1) * batch]
