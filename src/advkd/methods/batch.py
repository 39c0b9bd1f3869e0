"""One step's images and what a classifier's loss may need to know of them."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Batch:
    """A batch of augmented training images, on the device.

    Attributes:
        images: float (B, 3, S, S), normalised; CS-KD's has the partners' B images below the anchors'.
        labels: int64 (B,).
        index: int64 (B,), the images' places in the data set; None where no method asks for it.
        partner: int64 (B,), the place in the batch of the image that is mixed in; None where nothing is mixed.
        share: float (B,), the part of each image, and of its label, that is its own; None where nothing is mixed.
    """

    images: Tensor
    labels: Tensor
    index: Tensor | None = None
    partner: Tensor | None = None
    share: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        parts = {name: part.to(device, non_blocking=True) for name, part in vars(self).items() if part is not None}
        return Batch(**parts)

    def places(self) -> Tensor:
        """Return the images' places in the data set, int64 (B,); raises ValueError where they were not given."""
        if self.index is None:
            raise ValueError("this method remembers what it saw of each image: give `index`, their places in the data")
        return self.index

    def cross_entropy(self, logits: Tensor) -> Tensor:
        """Return the mean cross-entropy of logits (B, C) with the labels, or with their mixture (Mixup, CutMix)."""
        if self.share is None:
            return F.cross_entropy(logits, self.labels)
        own = F.cross_entropy(logits, self.labels, reduction="none")
        other = F.cross_entropy(logits, self.labels[self.partner], reduction="none")
        return (self.share * own + (1 - self.share) * other).mean()

    def mixed(self, rows: Tensor) -> Tensor:
        """Return what belongs to the images, (B, C), mixed as the images are."""
        if self.share is None:
            return rows
        share = self.share[:, None]
        return share * rows + (1 - share) * rows[self.partner]
