"""PS-KD: progressive self-distillation (Kim, Ji, Yoon, Hwang; ICCV 2021).

The soft target of image i in epoch t (from 0) is s_i = (1 - a_t) q_i + a_t P_i, with q the one-hot label, P_i the
prediction for that image the last time it was seen, and a_t = alpha_T (t + 1) / E; the loss is the cross-entropy of s
and the prediction. P is a table of one row an image. It starts as the labels, so that the first epoch is Baseline's;
after each step the rows of the batch become that step's own predictions (training mode, weights before the step).

Choices:
    - [aikd: PS-KD] Open: with Mixup and CutMix. Here: q and past predictions P are mixed as the images are, and the row
      of an image becomes the prediction for the mixed image that it is the base of.
"""

from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advkd.methods.baseline import Baseline, Task, error
from advkd.methods.batch import Batch


class PsKd(Baseline):
    """PS-KD; `ps_alpha` is alpha_T."""

    def __init__(self, s: SimpleNamespace, student: nn.Module, task: Task) -> None:
        super().__init__(s, student, task)
        past = F.one_hot(task.labels, task.classes).float().to(task.device)
        self.tensors["past"] = past
        self.alpha = 0.0

    def begin_epoch(self, epoch: int, factor: float) -> None:
        """Set a_t."""
        self.alpha = self.s.ps_alpha * (epoch + 1) / self.s.epochs

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss above and its two parts; write the batch's rows."""
        logits, past = self.logits(batch.images), self.tensors["past"]
        ce = batch.cross_entropy(logits)
        soft = -(batch.mixed(past[batch.index]) * F.log_softmax(logits, 1)).sum(1).mean()
        with torch.no_grad():
            past[batch.index] = logits.softmax(1)
        loss = (1 - self.alpha) * ce + self.alpha * soft
        return {"L": loss, "CE": ce.detach(), "past": soft.detach(), "error": error(logits, batch)}
