"""The AC-GAN that GAN-TSC draws images from (Odena, Olah, Shlens, 2017).

What is trained as the student is the discriminator, which classifies; the generator stands beside it.

Choices:
    - [gip: GAN-TSC] Published: a pre-trained AC-GAN, recipe not at hand. Here: trained with the losses of the GAN
      paper's ACGAN, without a connector, and DCGAN's Adam (`lr`, `generator_lr`, `beta1`, `generator_beta1`, `epochs`),
      as a run of its own (gip/DATASET/acgan/acgan).
"""

from types import SimpleNamespace

import torch
from torch import Tensor, nn

from advkd.methods.acgan import critic_loss, generator_loss
from advkd.methods.baseline import Baseline, Task
from advkd.methods.batch import Batch
from advkd.models.gantsc import Generator
from advkd.models.normalisation import normalise

AUX_WEIGHT = 1.0  # of the class beside the source, as in Odena et al.


class GanTscGan(Baseline):
    """The AC-GAN: one step of the generator, then one of the discriminator, a batch."""

    def __init__(self, s: SimpleNamespace, student: nn.Module, task: Task) -> None:
        super().__init__(s, student, task)
        generator = Generator(task.classes, s.noise, s.width).to(task.device, memory_format=torch.channels_last)
        betas = (float(s.generator_beta1), float(s.generator_beta2))
        self.networks["generator"] = self.generator = generator
        self.optimizers["generator"] = torch.optim.Adam(generator.parameters(), s.generator_lr, betas, fused=True)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Move the generator; return the discriminator's loss, the gap of its source logits and the generator's."""
        optimizer = self.optimizers["generator"]

        def judge(images: Tensor) -> tuple[Tensor, ...]:
            return tuple(logits.float() for logits in self.student.judge(images))

        with self.autocast():
            fakes, labels = draw(self.generator, len(batch.labels), self.s.normalisation, self.task.device)
            fooling = generator_loss(judge, None, fakes, labels, 0.0, AUX_WEIGHT)
        optimizer.zero_grad(set_to_none=True)
        fooling.backward(inputs=list(self.generator.parameters()))
        optimizer.step()
        with self.autocast():
            found = critic_loss(judge, (batch.images, batch.labels), (fakes.detach(), labels), AUX_WEIGHT)
        return {"L": found["L"], "W": found["W"].detach(), "L_G": fooling.detach()}


def draw(generator: nn.Module, count: int, normalisation: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return normalised images (count, 3, S, S), with graph, and their uniformly drawn classes (count,)."""
    noise = torch.randn(count, generator.noise, device=device)
    labels = torch.randint(generator.classes, (count,), device=device)
    return normalise((generator(noise, labels) + 1) / 2, normalisation), labels
