"""TF-KD, the variant Tf-KD_self: the network's own baseline teaches it (Yuan, Tay, Li, Wang, Feng; CVPR 2020).

    L = (1 - alpha) CE(z, y) + alpha m tau^2 KL(p(z_sup; tau) || p(z; tau))

Choices:
    - [aikd: TF-KD] Published: a formula that sums the divergence over classes, without m, and code that averages it
      over classes too and makes up for that by the factor m. Here: as the code (`tf_reduction`, `tf_multiplier`). Why:
      its alpha and tau were tuned so.
    - [aikd: TF-KD] Published: alpha, tau and m for CIFAR-100. Here: those of its ResNet-18 and DenseNet-121 there, for
      all data sets (`tf_alpha`, `tf_tau`, `tf_multiplier`).
"""

from types import SimpleNamespace

from torch import Tensor, nn

from advkd.methods.baseline import Baseline, Task, error
from advkd.methods.batch import Batch
from advkd.methods.divergence import divergence
from advkd.methods.frozen import Frozen


class TfKd(Baseline):
    """TF-KD; the superior is the Baseline run of the same seed."""

    def __init__(self, s: SimpleNamespace, student: nn.Module, task: Task) -> None:
        super().__init__(s, student, task)
        self.superior = Frozen(task.parents["superior"], s.frozen_precision)
        self.weight = s.tf_alpha * (s.tf_multiplier if s.tf_reduction == "elementwise" else 1.0)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss above, its cross-entropy and its divergence."""
        logits = self.logits(batch.images)
        ce = batch.cross_entropy(logits)
        kd = divergence(self.superior(batch.images), logits, self.s.tf_tau, self.s.tf_reduction)
        loss = (1 - self.s.tf_alpha) * ce + self.weight * kd
        return {"L": loss, "CE": ce.detach(), "KD": kd.detach(), "error": error(logits, batch)}
