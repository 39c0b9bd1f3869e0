"""PS-KD: progressive self-distillation (Kim, Ji, Yoon, Hwang; ICCV 2021).

The soft target of image i in epoch t (from 0) is s_i = (1 - a_t) q_i + a_t P_i, with q the one-hot label, P_i the
prediction for that image the last time it was seen, and a_t = alpha_T (t + 1) / E; the loss is the cross-entropy of s
and the prediction. P is a table of one row an image. It starts as the labels, so that the first epoch is Baseline's;
after each step the rows of the batch become that step's own predictions (training mode, weights before the step).

Choices:
    - [aikd: PS-KD] Open: with Mixup and CutMix. Here: q and past predictions P are mixed as the images are, and the row
      of an image becomes the prediction for the mixed image that it is the base of.
"""

from typing import Unpack

import torch
from torch import nn
from torch.nn import functional as F

from advkd.methods.batch import Batch
from advkd.methods.method import Loss, Method, Task, error
from advkd.methods.settings.pskd import PsKdSettings


class PsKd(Method[PsKdSettings]):
    """PS-KD; `ps_alpha` is alpha_T."""

    Settings = PsKdSettings

    def __init__(self, settings: PsKdSettings, student: nn.Module, **task: Unpack[Task]) -> None:
        super().__init__(settings, student, **task)
        one_hot = F.one_hot(self.training_labels(), self.classes)
        self.tensors["past"] = one_hot.float().to(self.device)  # P, (n, C)
        self.alpha = 0.0  # a_t
        self.length()  # without it a_t is unknown

    def begin_epoch(self, epoch: int, factor: float = 1.0) -> None:
        """Set a_t."""
        self.alpha = self.settings.ps_alpha * (epoch + 1) / self.length(epoch)

    def loss(self, batch: Batch) -> Loss:
        """Return the loss above and its two parts; write the batch's rows."""
        logits, past, index = self.logits(batch.images), self.tensors["past"], batch.places()
        ce = batch.cross_entropy(logits)
        soft = -(batch.mixed(past[index]) * F.log_softmax(logits, 1)).sum(1).mean()
        with torch.no_grad():
            past[index] = logits.softmax(1)
        loss = (1 - self.alpha) * ce + self.alpha * soft
        return loss, {"CE": ce.detach(), "past": soft.detach(), "error": error(logits, batch)}
