"""GAN-TSC: teacher-student compression with a GAN (Liu, Fusi, Mackey, 2018), as GIP's Table 3 compares with it.

A GAN trained on the data beforehand draws images. Each step's batch is real with probability 1 - p_fake, otherwise
drawn anew, and the student regresses the teacher's logits, without labels:

    L = 1/2 sum_j (z_T - z)_j^2, mean over the batch

Their code draws the images of an epoch at its start and repeats earlier ones when these run out. What GIP quotes
(WRN-28-10, ResNet-18) is not part of it: networks are GIP's, the GAN `gantsc_gan`, views are padded, cropped and
mirrored as in all trainings here.
"""

from types import SimpleNamespace

import torch
from torch import Tensor, nn

from advkd.methods.baseline import Baseline, Task
from advkd.methods.batch import Batch
from advkd.methods.frozen import Frozen
from advkd.methods.gantsc_gan import draw


class GanTsc(Baseline):
    """GAN-TSC; `fake_share` is p_fake."""

    def __init__(self, s: SimpleNamespace, student: nn.Module, task: Task) -> None:
        super().__init__(s, student, task)
        self.teacher = Frozen(task.parents["teacher"], s.frozen_precision)
        self.gan = task.parents["gan"].requires_grad_(False)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss above, and the share of the batch that student and teacher take for different classes."""
        images = batch.images
        if float(torch.rand(())) < self.s.fake_share:
            with torch.no_grad():
                images, _ = draw(self.gan, len(images), self.s.normalisation, self.task.device)
        logits, target = self.logits(images), self.teacher(images)
        loss = (target - logits).square().sum(1).mean() / 2
        return {"L": loss, "disagreement": (target.argmax(1) != logits.argmax(1)).float().mean()}
