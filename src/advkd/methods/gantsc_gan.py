"""The AC-GAN that GAN-TSC draws images from (Odena, Olah, Shlens, 2017).

What is trained as the student is the discriminator, which classifies; the generator stands beside it.

Choices:
    - [gip: GAN-TSC] Published: a pre-trained AC-GAN, recipe not at hand. Here: trained with the losses of the GAN
      paper's ACGAN, without a connector, and DCGAN's Adam (`lr`, `generator_lr`, `beta1`, `generator_beta1`, `epochs`),
      as a run of its own (gip/DATASET/acgan/acgan).
"""

from typing import Unpack

import torch
from torch import Tensor

from advkd.methods.acgan import critic_loss, generator_loss
from advkd.methods.batch import Batch
from advkd.methods.method import Loss, Method, Task
from advkd.methods.settings.gantsc import GanTscGanSettings
from advkd.models.gantsc import Discriminator, Generator
from advkd.models.normalisation import normalise

AUX_WEIGHT = 1.0  # of the class beside the source, as in Odena et al.


class GanTscGan(Method[GanTscGanSettings]):
    """The AC-GAN: one step of the generator, then one of the discriminator, a batch."""

    Settings = GanTscGanSettings

    def __init__(self, settings: GanTscGanSettings, student: Discriminator, **task: Unpack[Task]) -> None:
        super().__init__(settings, student, **task)
        self.discriminator = student
        generator = Generator(self.classes, settings.noise, student.width)
        self.generator = generator.to(self.device).to(memory_format=torch.channels_last)
        betas = (settings.generator_beta1, settings.generator_beta2)
        self.optimizer = torch.optim.Adam(self.generator.parameters(), settings.generator_lr, betas, fused=True)
        self.networks["generator"], self.optimizers["generator"] = self.generator, self.optimizer

    def loss(self, batch: Batch) -> Loss:
        """Move the generator; return the discriminator's loss, W and AUC of its source logits, and L_G."""
        with self.autocast():
            fakes, labels = draw(self.generator, len(batch.labels), self.normalisation, self.device)
            fooling = generator_loss(self._judge, None, fakes, labels, 0.0, AUX_WEIGHT)
        self.optimizer.zero_grad(set_to_none=True)
        fooling.backward(inputs=list(self.generator.parameters()))
        self.optimizer.step()
        with self.autocast():
            terms = critic_loss(self._judge, (batch.images, batch.labels), (fakes.detach(), labels), AUX_WEIGHT)
        return terms["L"], {"W": terms["W"].detach(), "AUC": terms["AUC"], "L_G": fooling.detach()}

    def _judge(self, images: Tensor) -> tuple[Tensor, Tensor]:
        source, classes = self.discriminator.judge(images)
        return source.float(), classes.float()


def draw(generator: Generator, count: int, normalisation: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return normalised images (count, 3, S, S), with graph, and their uniformly drawn classes (count,)."""
    noise = torch.randn(count, generator.noise, device=device)
    labels = torch.randint(generator.classes, (count,), device=device)
    return normalise((generator(noise, labels) + 1) / 2, normalisation), labels
