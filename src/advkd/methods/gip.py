"""GIP: generative image processing for knowledge distillation (Heo and Lee, Electronics 11(22), 3815), Algorithm 1.

Every epoch has two parts. In the first, SI times, a generator G turns noise into n images x = G(z); one forward of the
frozen teacher gives logits y, features f and the statistics mu, sigma of its batch norms' inputs, and

    L_G = alpha L_OH(y) + beta L_IE(y) + gamma L_ACT(f) + delta L_BNS(mu, sigma)         Eq. 16

moves G (Adam). Then the student, which sees the same x, as it was before that move, learns the teacher's predictions:

    L_KD = tau^2 KL(p(y; tau) || p(z_S(x); tau))                           Eq. 7, which has no tau^2

In the second part the student sees the real images and learns their labels by cross-entropy; no teacher is asked. It
ends an epoch on real images, so that its own batch norms keep their statistics.

Choices:
    - [gip: section 4.1] Printed: alpha, beta, gamma "the same values used in [17]". Here: as printed (`alpha`, `beta`,
      `gamma`). Why: DAFL's own run on CIFAR-100 has others, by its README.
    - [gip: section 4.1.2] Printed: generator rate 1e-2. Here: as printed (`generator_lr`). Why: DAFL's own run has
      0.02, by its code.
    - [gip] Open: temperature T of Eq. 7. Here: 1, with the usual factor T^2, which Eq. 7 lacks (`tau`). Why: DAFL and
      ReActNet take 1, where the factor is 1 too.
    - [gip] Open: the student's optimizer in the first part of an epoch. Here: that of the second, with the same rate.
    - [gip] Open: Adam of the generator. Here: PyTorch's betas, constant rate (`generator_beta1`, `generator_beta2`).
    - [gip] Usual: two forwards of the teacher on a synthetic batch. Here: one, which gives logits, features and
      statistics for L_G, and the student's target. Why: losses are equal.
    - [gip: Figure S1] Added: synthetic images of the same noise over the training.
    - [gip: Figure S2] Added: how often the teacher sees each class in them.
    - [gip: Figure S3] Added: the distance of batch-norm statistics over the epochs, on images of the same noise and in
      one form, also where L_BNS has no weight.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from advkd.errors import UserError
from advkd.methods import generator_losses
from advkd.methods.baseline import Baseline, Task
from advkd.methods.divergence import divergence
from advkd.methods.observed import Observation, Observed
from advkd.models.dafl import Generator
from advkd.models.normalisation import to_pixels

MOMENTS, SHOWN = 8, 10  # of the training whose images are kept, and how many of each


class Gip(Baseline):
    """GIP; without synthetic iterations it is Baseline.

    Raises:
        UserError: L_BNS has a weight, and the teacher no batch norm.
    """

    def __init__(self, s: SimpleNamespace, student: nn.Module, task: Task) -> None:
        super().__init__(s, student, task)
        self.synthetic_steps = s.synthetic_steps
        if not s.synthetic_steps:
            return
        self.teacher = Observed(task.parents["teacher"], s.frozen_precision)
        if s.delta and self.teacher.kept is None:
            raise UserError(
                "the teacher has no batch norm, whose statistics L_BNS compares: set delta to 0 or take another teacher"
            )
        generator = Generator(s.noise, s.image_size, s.generator_width)
        self.generator = generator.to(task.device, memory_format=torch.channels_last)
        betas = (float(s.generator_beta1), float(s.generator_beta2))
        self.optimizer = torch.optim.Adam(self.generator.parameters(), s.generator_lr, betas, fused=True)
        self.networks["generator"], self.optimizers["generator"] = self.generator, self.optimizer
        self.same = torch.randn(s.synthetic_batch, s.noise).to(task.device)  # the noise behind the images kept
        self.ones = torch.ones(s.synthetic_batch, dtype=torch.int64, device=task.device)
        self.moments = sorted({round(1 + (s.epochs - 1) * part / (MOMENTS - 1)) for part in range(MOMENTS)})
        self.shown = min(SHOWN, s.synthetic_batch)
        kept = (len(self.moments), self.shown)
        self.tensors |= {
            "same": self.same,
            "frequency": torch.zeros(s.epochs, task.classes, dtype=torch.int64, device=task.device),
            "images": torch.zeros(*kept, s.image_size, s.image_size, 3, dtype=torch.uint8),
            "predicted": torch.zeros(kept, dtype=torch.int64),
            "confidence": torch.zeros(kept),
        }

    def begin_epoch(self, epoch: int, factor: float) -> None:
        """Note the epoch."""
        self.epoch = epoch

    def synthetic_loss(self) -> dict[str, Tensor]:
        """Move the generator by Eq. 16; return the student's loss on the same images, and all terms."""
        noise = torch.randn(self.s.synthetic_batch, self.s.noise, device=self.task.device)
        images = self.generator(noise)
        seen = self.teacher.observe(images, statistics=bool(self.s.delta))
        losses = self._generator_losses(seen)
        total = sum(weight * loss for weight, loss in losses.values())  # Eq. 16
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        self.optimizer.step()
        # Not bincount, which waits for a GPU.
        self.tensors["frequency"][self.epoch].scatter_add_(0, seen.logits.argmax(1), self.ones)
        kd = divergence(seen.logits.detach(), self.logits(images.detach()), self.s.tau)  # Eq. 7
        terms = {name: loss.detach() for name, (_, loss) in losses.items()}
        return {"L": kd, "L_KD": kd.detach(), "L_G": total.detach(), **terms}

    def _generator_losses(self, seen: Observation) -> dict[str, tuple[float, Tensor]]:
        """Return the generator's losses that have a weight, each with it."""
        s, found = self.s, {}
        if s.alpha:
            found["L_OH"] = (s.alpha, generator_losses.one_hot(seen.logits))  # Eq. 11
        if s.beta:
            found["L_IE"] = (s.beta, generator_losses.information_entropy(seen.logits, s.ie_form))  # Eq. 12
        if s.gamma:
            found["L_ACT"] = (s.gamma, generator_losses.activation(seen.features, s.act_form))  # Eq. 14
        if s.delta:
            bns = generator_losses.batch_norm_statistics(
                seen.statistics, self.teacher.kept, s.bns_reduction, s.bns_moment
            )
            found["L_BNS"] = (s.delta, bns)  # Eq. 15
        return found

    @torch.no_grad()
    def end_epoch(self, epoch: int) -> dict[str, float]:
        """Measure the distance of batch-norm statistics, whatever the generator's losses; keep images at times."""
        if not self.synthetic_steps:
            return {}
        kept = {name: buffer.clone() for name, buffer in self.generator.named_buffers()}
        images = self.generator(self.same)
        for name, buffer in self.generator.named_buffers():  # the generator's own statistics stay those of training
            buffer.copy_(kept[name])
        seen = self.teacher.observe(images, statistics=True)
        if epoch + 1 in self.moments:
            moment = self.moments.index(epoch + 1)
            confidence, predicted = seen.logits[: self.shown].softmax(1).max(1)
            shown = to_pixels(images[: self.shown], self.s.normalisation)
            for name, found in (("images", shown), ("predicted", predicted), ("confidence", confidence)):
                self.tensors[name][moment] = found.cpu()
        if seen.statistics is None:
            return {}
        return {"bns": float(generator_losses.batch_norm_statistics(seen.statistics, self.teacher.kept))}

    def samples(self) -> dict[str, np.ndarray]:
        """Return images of the same noise at moments of the training, and how often the teacher saw each class."""
        if not self.synthetic_steps:
            return {}
        found: dict[str, Any] = {name: tensor.cpu().numpy() for name, tensor in self.tensors.items() if name != "same"}
        return found | {"epochs": np.array(self.moments)}
