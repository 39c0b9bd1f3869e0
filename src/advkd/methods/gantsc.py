"""GAN-TSC: teacher-student compression with a GAN (Liu, Fusi, Mackey, 2018), as GIP's Table 3 compares with it.

A GAN trained on the data beforehand draws images. Each step's batch is real with probability 1 - p_fake, otherwise
drawn anew, and the student regresses the teacher's logits, without labels:

    L = 1/2 sum_j (z_T - z)_j^2, mean over the batch

Choices:
    - [gip: GAN-TSC] Published: code for NIN -> LeNet: p_fake 0.8, squared distance of logits, Adam 1e-4, batch 256, 200
      epochs. Here: the same for GIP's networks (`fake_share`, `lr`, `batch`, `epochs`). Why: what GIP quotes
      (WRN-28-10, ResNet-18) is not part of it.
    - [gip: GAN-TSC] Published: the fakes of an epoch are drawn at its start, and repeated when these run out. Here:
      drawn anew each step.
    - [gip: GAN-TSC] Published: the generator draws one image at a time, in training mode, so that its batch norms
      standardise each image. Here: many at a time, in evaluation mode.
    - [gip: GAN-TSC] Open: views and the teacher's dropout. Here: images are padded, cropped and mirrored as in all
      trainings here; the teacher has no dropout.
"""

import copy
from typing import Unpack

import torch
from torch import nn

from advkd.methods.batch import Batch
from advkd.methods.frozen import Frozen
from advkd.methods.gantsc_gan import draw
from advkd.methods.method import Loss, Method, Task
from advkd.methods.settings.gantsc import GanTscSettings
from advkd.models.gantsc import Generator


class GanTsc(Method[GanTscSettings]):
    """GAN-TSC; `fake_share` is p_fake."""

    Settings = GanTscSettings

    def __init__(
        self, settings: GanTscSettings, student: nn.Module, *, teacher: nn.Module, gan: Generator, **task: Unpack[Task]
    ) -> None:
        super().__init__(settings, student, **task)
        self.teacher = Frozen(teacher, settings.frozen_precision)
        self.gan = copy.deepcopy(gan).requires_grad_(False).eval()

    def loss(self, batch: Batch) -> Loss:
        """Return the loss above, and the share of the batch that student and teacher take for different classes."""
        images = batch.images
        if float(torch.rand(())) < self.settings.fake_share:
            with torch.no_grad():
                images, _ = draw(self.gan, len(images), self.normalisation, self.device)
        logits, target = self.logits(images), self.teacher(images)
        loss = (target - logits).square().sum(1).mean() / 2
        return loss, {"disagreement": (target.argmax(1) != logits.argmax(1)).float().mean()}
