"""KD: response-based knowledge distillation from a trained teacher (Hinton, Vinyals, Dean, 2015), GIP's comparison.

    L = tau^2 KL(p(z_T; tau) || p(z; tau)) + ce_weight CE(z, y)

on real images.

Choices:
    - [gip] Open: what "KD" is. Here: L_KD alone, on real images (`ce_weight`). Why: "training only by knowledge
      distillation".
"""

from types import SimpleNamespace

from torch import Tensor, nn

from advkd.methods.baseline import Baseline, Task, error
from advkd.methods.batch import Batch
from advkd.methods.divergence import divergence
from advkd.methods.frozen import Frozen


class Kd(Baseline):
    """KD; the teacher sees the student's view of each image."""

    def __init__(self, s: SimpleNamespace, student: nn.Module, task: Task) -> None:
        super().__init__(s, student, task)
        self.teacher = Frozen(task.parents["teacher"], s.frozen_precision)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss above and its two parts."""
        logits = self.logits(batch.images)
        kd = divergence(self.teacher(batch.images), logits, self.s.tau)
        ce = batch.cross_entropy(logits)
        loss = kd + self.s.ce_weight * ce if self.s.ce_weight else kd
        return {"L": loss, "L_KD": kd.detach(), "CE": ce.detach(), "error": error(logits, batch)}
