"""GIP: generative image processing for knowledge distillation (Heo and Lee, Electronics 11(22), 3815), Algorithm 1.

Every epoch has two parts. In the first, SI times, a generator G turns noise into n images x = G(z); one forward of the
frozen teacher gives logits y, features f and the statistics mu, sigma of its batch norms' inputs, and

    L_G = alpha L_OH(y) + beta L_IE(y) + gamma L_ACT(f) + delta L_BNS(mu, sigma)         Eq. 16

moves G (Adam). Then the student, which sees the same x, as it was before that move, learns the teacher's predictions:

    L_KD = tau^2 KL(p(y; tau) || p(z_S(x); tau))                           Eq. 7, which has no tau^2

In the second part the student sees the real images and learns their labels by cross-entropy; no teacher is asked. With
R such steps, 0.9^R of the running statistics of its batch norms still comes from synthetic images: nothing with CIFAR's
391 steps of 128, 1.5 % with 40, 66 % with 4 (500 images).

Choices:
    - [gip: section 4.1] Printed: alpha, beta, gamma "the same values used in [17]". Here: as printed (`alpha`, `beta`,
      `gamma`). Why: DAFL's own run on CIFAR-100 has others, by its README.
    - [gip: section 4.1.2] Printed: generator rate 1e-2. Here: as printed (`generator_lr`). Why: DAFL's own run has
      0.02, by its README; the default of its code is 0.2.
    - [gip] Open: batches divided among GPUs. Here: one device sees the whole batch. Why: DAFL's code divides it by
      DataParallel, and the paper trains on two GPUs; batch norm then sees half of it, and running statistics follow the
      first half.
    - [gip] Open: temperature T of Eq. 7. Here: 1, with the usual factor T^2, which Eq. 7 lacks (`tau`). Why: DAFL and
      ReActNet take 1, where the factor is 1 too.
    - [gip] Open: the student's optimizer in the first part of an epoch. Here: that of the second, with the same rate.
    - [gip] Open: batch-norm statistics that the student is evaluated with. Here: its running ones, at the end of the
      steps on real images (`evaluated_statistics`). Why: as in a plain loop; with fewer than 40 real steps an epoch
      they are partly of synthetic images, of which a training warns, and those recomputed on real images are better.
    - [gip] Open: Adam of the generator. Here: PyTorch's betas, constant rate (`generator_beta1`, `generator_beta2`).
    - [gip] Usual: two forwards of the teacher on a synthetic batch. Here: one, which gives logits, features and
      statistics for L_G, and the student's target. Why: losses are equal.
"""

from typing import Unpack

import numpy as np
import torch
from torch import Tensor, nn

from advkd.errors import UserError
from advkd.methods import generator_losses
from advkd.methods.divergence import divergence
from advkd.methods.gip_recorder import Recorder
from advkd.methods.method import Loss, Method, Task
from advkd.methods.observed import Observation, Observed
from advkd.methods.settings.dafl import DaflSettings
from advkd.methods.settings.gip import GipSettings, Synthesis
from advkd.models.dafl import Generator


class Gip(Method[GipSettings | DaflSettings]):
    """GIP; without synthetic iterations it is Baseline.

    Raises:
        UserError: L_BNS has a weight, and the teacher no batch norm.
    """

    Settings = GipSettings

    def __init__(
        self,
        settings: GipSettings | DaflSettings,
        student: nn.Module,
        *,
        teacher: nn.Module | None = None,
        **task: Unpack[Task],
    ) -> None:
        super().__init__(settings, student, **task)
        self.synthetic_steps = settings.synthetic_steps
        self.recomputes_statistics = isinstance(settings, GipSettings) and settings.evaluated_statistics == "recomputed"
        self.recorder: Recorder | None = None
        self.epoch = 0
        if settings.synthesis is None:
            return
        if teacher is None:
            raise ValueError("synthetic_steps is above 0: give a teacher")
        self.s: Synthesis = settings.synthesis
        self.synthetic_batch = self.s.synthetic_batch
        self.teacher = Observed(teacher, self.s.frozen_precision)
        if self.s.delta and self.teacher.kept is None:
            raise UserError(
                "the teacher has no batch norm, whose statistics L_BNS compares: set delta to 0 or take another teacher"
            )
        generator = Generator(self.s.noise, self.image_size, self.s.generator_width)
        self.generator = generator.to(self.device).to(memory_format=torch.channels_last)
        betas = (self.s.generator_beta1, self.s.generator_beta2)
        self.optimizer = torch.optim.Adam(self.generator.parameters(), self.s.generator_lr, betas, fused=True)
        self.networks["generator"], self.optimizers["generator"] = self.generator, self.optimizer
        self.recorder = Recorder(
            self.generator, self.teacher, self.s, self.classes, self.length(), self.image_size, self.normalisation
        )
        self.tensors |= self.recorder.tensors

    def begin_epoch(self, epoch: int, factor: float = 1.0) -> None:
        """Note the epoch."""
        if self.recorder:
            self.length(epoch)
        self.epoch = epoch

    def synthetic_loss(self) -> Loss:
        """Move the generator by Eq. 16; return the student's loss on the same images, and all terms."""
        noise = torch.randn(self.s.synthetic_batch, self.s.noise, device=self.device)
        images = self.generator(noise)
        seen = self.teacher.observe(images, statistics=bool(self.s.delta))
        generator_loss, terms = self._generator_loss(seen)
        self.optimizer.zero_grad(set_to_none=True)
        generator_loss.backward()
        self.optimizer.step()
        if self.recorder:
            self.recorder.count(self.epoch, seen.logits)
        kd = divergence(seen.logits.detach(), self.logits(images.detach()), self.s.tau)  # Eq. 7
        return kd, {"L_KD": kd.detach(), "L_G": generator_loss.detach(), **terms}

    def _generator_loss(self, seen: Observation) -> Loss:
        """Return L_G, Eq. 16, and its terms.

        A loss of weight 0 is not computed, since it may be infinite; L_IE in DAFL's form is.
        """
        s = self.s
        weighted: dict[str, tuple[float, Tensor]] = {}
        if s.alpha:
            weighted["L_OH"] = s.alpha, generator_losses.one_hot(seen.logits)  # Eq. 11
        if s.ie_form:
            weighted["L_IE"] = s.beta, generator_losses.information_entropy(seen.logits, s.ie_form)  # Eq. 12
        if s.act_form:
            weighted["L_ACT"] = s.gamma, generator_losses.activation(seen.features, s.act_form)  # Eq. 14
        if s.bns_reduction and s.bns_moment and seen.statistics and self.teacher.kept:
            weighted["L_BNS"] = (
                s.delta,
                generator_losses.batch_norm_statistics(
                    seen.statistics, self.teacher.kept, s.bns_reduction, s.bns_moment
                ),
            )  # Eq. 15
        total = torch.zeros((), device=self.device)
        for weight, term in weighted.values():
            total = total + weight * term
        return total, {name: term.detach() for name, (_, term) in weighted.items()}

    def end_epoch(self, epoch: int) -> dict[str, float]:
        """Let the recorder look at the generator's images."""
        return self.recorder.end_epoch(epoch) if self.recorder else {}

    def samples(self) -> dict[str, np.ndarray]:
        """Return what the recorder kept."""
        return self.recorder.arrays() if self.recorder else {}
