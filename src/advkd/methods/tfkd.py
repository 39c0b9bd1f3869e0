"""TF-KD, the variant Tf-KD_self: the network's own baseline teaches it (Yuan, Tay, Li, Wang, Feng; CVPR 2020).

    L = (1 - alpha) CE(z, y) + alpha m tau^2 KL(p(z_sup; tau) || p(z; tau))

Choices:
    - [aikd: TF-KD] Published: a formula that sums the divergence over classes, without m, and code that averages it
      over classes too and makes up for that by the factor m. Here: as the code (`tf_reduction`, `tf_multiplier`). Why:
      its alpha and tau were tuned so.
    - [aikd: TF-KD] Published: alpha, tau and m for CIFAR-100. Here: those of its ResNet-18 and DenseNet-121 there, for
      all data sets (`tf_alpha`, `tf_tau`, `tf_multiplier`). Why: none is published for other sets; the weight of the
      divergence is then m/C of its sum over C classes: 0.5 for 100 classes, 0.25 for 200, 0.75 for 67.
"""

from typing import Unpack

from torch import nn

from advkd.methods.batch import Batch
from advkd.methods.divergence import divergence
from advkd.methods.frozen import Frozen
from advkd.methods.method import Loss, Method, Task, error
from advkd.methods.settings.tfkd import TfKdSettings


class TfKd(Method[TfKdSettings]):
    """TF-KD; the superior is the Baseline run of the same seed."""

    Settings = TfKdSettings

    def __init__(
        self, settings: TfKdSettings, student: nn.Module, *, superior: nn.Module, **task: Unpack[Task]
    ) -> None:
        super().__init__(settings, student, **task)
        self.superior = Frozen(superior, settings.frozen_precision)
        # m applies where the divergence is a mean over classes too.
        self.multiplier = 1.0 if settings.tf_multiplier is None else settings.tf_multiplier

    def loss(self, batch: Batch) -> Loss:
        """Return the loss above, its cross-entropy and its divergence."""
        s = self.settings
        logits = self.logits(batch.images)
        ce = batch.cross_entropy(logits)
        kd = divergence(self.superior(batch.images), logits, s.tf_tau, s.tf_reduction)
        loss = (1 - s.tf_alpha) * ce + (s.tf_alpha * self.multiplier) * kd
        return loss, {"CE": ce.detach(), "KD": kd.detach(), "error": error(logits, batch)}
