"""S_(t-1) of AI-KD: the student at the end of the epoch before, as a network or as a table of what it said.

Choices:
    - [aikd] Open: how S_(t-1) is kept. Here: a copy of the network, on the current view, not a table of remembered
      predictions (`previous_source`). Why: "three same-size network architectures".
"""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advkd.methods.batch import Batch
from advkd.methods.frozen import Frozen
from advkd.methods.settings.base import Precision


class Previous(Protocol):
    """S_(t-1)."""

    def target(self, batch: Batch, tau: float) -> Tensor:
        """Return the log-probabilities (B, C) of S_(t-1) for the images of a batch, at temperature tau."""

    def remember(self, batch: Batch, logits: Tensor) -> None:
        """Take note of the student's logits (B, C) of a batch."""

    def follow(self, student: nn.Module) -> None:
        """Take note of the student at the end of an epoch."""


class PreviousNetwork:
    """A copy of the student, which sees the current view of each image."""

    def __init__(self, student: nn.Module, precision: Precision, mode: str) -> None:
        self.network = Frozen(student, precision, mode)

    def target(self, batch: Batch, tau: float) -> Tensor:
        """Return the log-probabilities (B, C) of the copy, at temperature tau."""
        logits: Tensor = self.network(batch.images)
        return F.log_softmax(logits / tau, 1)

    def remember(self, batch: Batch, logits: Tensor) -> None:
        """Do nothing: a network needs no table."""

    def follow(self, student: nn.Module) -> None:
        """Copy the student's weights and statistics."""
        self.network.follow(student)


class PreviousTable:
    """The logits that the student gave each image when it saw it last, as PS-KD keeps them: one row an image."""

    def __init__(self, images: int, classes: int, device: torch.device) -> None:
        self.past = torch.zeros(images, classes, device=device)

    def target(self, batch: Batch, tau: float) -> Tensor:
        """Return the log-probabilities (B, C) of the rows, mixed as the images are, at temperature tau."""
        return batch.mixed(F.softmax(self.past[batch.places()] / tau, 1)).clamp_min(1e-30).log()

    def remember(self, batch: Batch, logits: Tensor) -> None:
        """Write the batch's rows."""
        self.past[batch.places()] = logits.detach()

    def follow(self, student: nn.Module) -> None:
        """Do nothing: the rows were written step by step."""
