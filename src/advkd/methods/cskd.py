"""CS-KD: class-wise self-distillation (Yun, Park, Lee, Shin; CVPR 2020).

A batch holds B anchors x and B partners x', partner k of the class of anchor k. The prediction of the partner is the
soft target of the anchor:

    L = CE(z(x), y) + lambda tau^2 KL(p(z(x'); tau) || p(z(x); tau))

The partner's forward uses the same weights in training mode without graph, so that batch norm's running statistics
move twice a step, anchors first, and each forward is normalised by its own B images, as in the public code. Partners
get no cross-entropy.

Choices:
    - [aikd: CS-KD] Published: lambda = 3 in its command for CUB. Here: 3 on all fine-grained sets, 1 on CIFAR-100 and
      Tiny-ImageNet (`cs_weight`).
    - [aikd: CS-KD] Open: with Mixup and CutMix. Here: partners are mixed as their anchors are.
"""

from typing import Unpack

import torch
from torch import Tensor, nn

from advkd.methods.batch import Batch
from advkd.methods.divergence import divergence
from advkd.methods.method import Loss, Method, Task, error
from advkd.methods.settings.cskd import CsKdSettings


class CsKd(Method[CsKdSettings]):
    """CS-KD; `cs_weight` is lambda, `cs_tau` tau."""

    Settings = CsKdSettings
    groups = 2

    def __init__(self, settings: CsKdSettings, student: nn.Module, **task: Unpack[Task]) -> None:
        super().__init__(settings, student, **task)
        # The images of class c stand in by_class from start[c] on; there are count[c] of them.
        self.by_class = torch.argsort(self.training_labels(), stable=True)
        self.count = torch.bincount(self.training_labels(), minlength=self.classes)
        self.start = self.count.cumsum(0) - self.count

    def choose(self, index: Tensor, generator: torch.Generator) -> Tensor:
        """Return the anchors and, for each, any training image of its class, itself included."""
        label = self.training_labels()[index]
        drawn = torch.rand(len(index), generator=generator, dtype=torch.float64) * self.count[label]
        return torch.cat([index, self.by_class[self.start[label] + drawn.long()]])

    def loss(self, batch: Batch) -> Loss:
        """Return the loss above, its cross-entropy and its divergence."""
        anchors, partners = batch.images.chunk(2)
        logits = self.logits(anchors)
        with torch.no_grad():
            target = self.logits(partners)
        ce = batch.cross_entropy(logits)
        kd = divergence(target, logits, self.settings.cs_tau)
        loss = ce + self.settings.cs_weight * kd
        return loss, {"CE": ce.detach(), "KD": kd.detach(), "error": error(logits, batch)}
