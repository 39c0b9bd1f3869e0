"""KD: response-based knowledge distillation from a trained teacher (Hinton, Vinyals, Dean, 2015), GIP's comparison.

    L = tau^2 KL(p(z_T; tau) || p(z; tau)) + ce_weight CE(z, y)

on real images.

Choices:
    - [gip] Open: what "KD" is. Here: L_KD alone, on real images (`ce_weight`). Why: "training only by knowledge
      distillation".
"""

from typing import Unpack

from torch import nn

from advkd.methods.batch import Batch
from advkd.methods.divergence import divergence
from advkd.methods.frozen import Frozen
from advkd.methods.method import Loss, Method, Task, error
from advkd.methods.settings.kd import KdSettings


class Kd(Method[KdSettings]):
    """KD; the teacher sees the student's view of each image."""

    Settings = KdSettings

    def __init__(self, settings: KdSettings, student: nn.Module, *, teacher: nn.Module, **task: Unpack[Task]) -> None:
        super().__init__(settings, student, **task)
        self.teacher = Frozen(teacher, settings.frozen_precision)

    def loss(self, batch: Batch) -> Loss:
        """Return the loss above and its two parts."""
        s = self.settings
        logits = self.logits(batch.images)
        kd = divergence(self.teacher(batch.images), logits, s.tau)
        ce = batch.cross_entropy(logits)
        # Without the condition a non-finite cross-entropy would count at weight 0.
        loss = kd + s.ce_weight * ce if s.ce_weight else kd
        return loss, {"L_KD": kd.detach(), "CE": ce.detach(), "error": error(logits, batch)}
