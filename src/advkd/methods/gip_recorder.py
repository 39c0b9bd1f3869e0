"""What a run with a generator beside its student keeps for Figures S1 to S3. It changes nothing of the training.

Choices:
    - [gip: Figure S1] Added: synthetic images of the same noise over the training.
    - [gip: Figure S2] Added: how often the teacher sees each class in the synthetic images.
    - [gip: Figure S3] Added: the distance of batch-norm statistics over the epochs, on images of the same noise and in
      one form, also where L_BNS has no weight.
"""

import numpy as np
import torch
from torch import Tensor

from advkd.methods.generator_losses import batch_norm_statistics
from advkd.methods.observed import Observed
from advkd.methods.settings.gip import Synthesis
from advkd.models.dafl import Generator
from advkd.models.normalisation import to_pixels

MOMENTS, SHOWN = 8, 10  # epochs whose images are kept, spread over the training, and how many images of each


class Recorder:
    """Keeps images of the same noise at moments of the training, and counts the classes that the teacher sees.

    The noise is drawn from torch's global state when the recorder is made.

    Args:
        generator: what is looked at.
        teacher: who looks.
        settings: of the generator.
        classes: number of classes C.
        epochs: length of the training.
        image_size: side of the images, pixels.
        normalisation: whose mean and standard deviation the images are normalised with.

    Attributes:
        tensors: all that a checkpoint must hold.
    """

    def __init__(
        self,
        generator: Generator,
        teacher: Observed,
        settings: Synthesis,
        classes: int,
        epochs: int,
        image_size: int,
        normalisation: str,
    ) -> None:
        self.generator, self.teacher, self.normalisation = generator, teacher, normalisation
        device = next(generator.parameters()).device
        self.noise = torch.randn(settings.synthetic_batch, settings.noise).to(device)
        self.ones = torch.ones(settings.synthetic_batch, dtype=torch.int64, device=device)
        self.moments = sorted({round(1 + (epochs - 1) * part / (MOMENTS - 1)) for part in range(MOMENTS)})
        self.shown = min(SHOWN, settings.synthetic_batch)
        kept = (len(self.moments), self.shown)
        self.tensors: dict[str, Tensor] = {
            "same": self.noise,
            "frequency": torch.zeros(epochs, classes, dtype=torch.int64, device=device),
            "images": torch.zeros(*kept, image_size, image_size, 3, dtype=torch.uint8),
            "predicted": torch.zeros(kept, dtype=torch.int64),
            "confidence": torch.zeros(kept),
        }

    def count(self, epoch: int, logits: Tensor) -> None:
        """Count the teacher's predictions (n, C) of an iteration by class."""
        # bincount would wait for a GPU.
        self.tensors["frequency"][epoch].scatter_add_(0, logits.argmax(1), self.ones)

    @torch.no_grad()
    def end_epoch(self, epoch: int) -> dict[str, float]:
        """Keep images, if this epoch (from 0) is one of the moments; return the distance of batch-norm statistics."""
        seen = self.teacher.observe(images := self._images(), statistics=True)
        if epoch + 1 in self.moments:
            moment = self.moments.index(epoch + 1)
            confidence, predicted = seen.logits[: self.shown].softmax(1).max(1)
            self.tensors["images"][moment] = to_pixels(images[: self.shown], self.normalisation).cpu()
            self.tensors["predicted"][moment] = predicted.cpu()
            self.tensors["confidence"][moment] = confidence.cpu()
        if seen.statistics is None or self.teacher.kept is None:
            return {}
        return {"bns": float(batch_norm_statistics(seen.statistics, self.teacher.kept))}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what samples.npz holds.

        images: uint8 (M, n, S, S, 3), of the same n noises after the M epochs (from 1) that `epochs` (M,) lists;
        predicted and confidence: (M, n), the teacher's class of each, and its probability;
        frequency: int64 (E, C), how many of an epoch's synthetic images the teacher takes for each class.
        """
        arrays = {name: tensor.cpu().numpy() for name, tensor in self.tensors.items() if name != "same"}
        return arrays | {"epochs": np.array(self.moments)}

    def _images(self) -> Tensor:
        """Return the generator's images of the noise; its batch norms keep the statistics of the training."""
        buffers = {name: buffer.clone() for name, buffer in self.generator.named_buffers()}
        images: Tensor = self.generator(self.noise)
        for name, buffer in self.generator.named_buffers():
            buffer.copy_(buffers[name])
        return images
