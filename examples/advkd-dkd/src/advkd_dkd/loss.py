"""DKD: decoupled knowledge distillation (Zhao, Cui, Song, Qiu, Liang; CVPR 2022).

The divergence of teacher and student is the sum of two. With p the probability of the target class y at temperature T,
b = (p, 1 - p), and q the probabilities of the other classes, which sum to 1:

    KD  = TCKD + (1 - p_teacher) NCKD                                              Eq. 6
    DKD = alpha TCKD + beta NCKD                                                   Eq. 7
    TCKD = T^2 KL(b_teacher || b_student),   NCKD = T^2 KL(q_teacher || q_student)
    L = CE + w DKD

NCKD no longer counts less where the teacher is sure. As in its public code, w grows linearly from 0 to 1 over the
warm-up, and is that of the epoch's end.
"""

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from advkd.errors import UserError
from advkd.methods.batch import Batch
from advkd.methods.divergence import kl
from advkd.methods.frozen import Frozen
from advkd.methods.method import Loss, Method, Task, error
from advkd_dkd.settings import DkdSettings


def decoupled(logits: Tensor, labels: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """Return log b (B, 2) and log q (B, C - 1) of logits (B, C) at a temperature, for the target classes (B,)."""
    scaled = logits / tau
    others = torch.arange(1, scaled.shape[1], device=labels.device)
    rest = scaled.gather(1, (labels[:, None] + others) % scaled.shape[1])  # of all classes but the target
    target = scaled.gather(1, labels[:, None]).squeeze(1)
    log_b = F.log_softmax(torch.stack([target, rest.logsumexp(1)], 1), 1)
    return log_b, F.log_softmax(rest, 1)


class Dkd(Method[DkdSettings]):
    """DKD; the teacher sees the student's view of each image.

    Raises:
        UserError: images are mixed, so that there is no target class.
    """

    Settings = DkdSettings

    def __init__(self, settings: DkdSettings, student: nn.Module, *, teacher: nn.Module, **task: Unpack[Task]) -> None:
        super().__init__(settings, student, **task)
        self.teacher = Frozen(teacher, settings.frozen_precision)
        self.warm = 1.0  # w
        self.length()  # without it the warm-up has no end

    def begin_epoch(self, epoch: int, factor: float = 1.0) -> None:
        """Set w."""
        warmup = self.settings.dkd_warmup * self.length(epoch)
        self.warm = min((epoch + 1) / warmup, 1.0) if warmup else 1.0

    def loss(self, batch: Batch) -> Loss:
        """Return the loss above, its cross-entropy and its two divergences."""
        if batch.share is not None:
            raise UserError("DKD needs one target class for each image: set augment to none or cutout")
        s = self.settings
        logits = self.logits(batch.images)
        log_b, log_q = decoupled(logits, batch.labels, s.dkd_tau)
        log_b_teacher, log_q_teacher = decoupled(self.teacher(batch.images), batch.labels, s.dkd_tau)
        ce = batch.cross_entropy(logits)
        tckd = s.dkd_tau**2 * kl(log_b_teacher, log_b)
        nckd = s.dkd_tau**2 * kl(log_q_teacher, log_q)
        loss = ce + self.warm * (s.dkd_alpha * tckd + s.dkd_beta * nckd)
        terms = {"CE": ce.detach(), "TCKD": tckd.detach(), "NCKD": nckd.detach()}
        return loss, {**terms, "error": error(logits, batch)}
