"""The trained generators of a GAN's run: a seed in, images out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from advkd.errors import UserError
from advkd.inference.description import Description, Saved
from advkd.methods.okd import base_gan, quantise
from advkd.training.seeding import Streams

BATCH = 50  # images of a forward: the attention of SAGAN takes 4 MB an image, several times
Labels = str | int | Sequence[str | int]


class Generators:
    """The generators of a GAN's run, of which OKD trains several. `advkd.load` makes them.

    Attributes:
        description: the run, its settings, metrics and provenance.
        networks: the generators in evaluation mode, by name: "G1", "G2", ….
        conditional: whether they take a class (ACGAN).
        z: length of the noise vector.
        device: where they compute.
        dtype: the type that they compute in.
    """

    def __init__(self, saved: Saved, device: torch.device, dtype: torch.dtype) -> None:
        settings = saved.description.gan
        self._base = base_gan(settings.base, len(saved.description.classes))
        self.description: Description = saved.description
        self.networks: dict[str, nn.Module] = {}
        self.conditional, self.z = self._base.conditional, settings.base.z
        self.device, self.dtype = device, dtype
        for number in range(1, settings.method.sets + 1):
            name = f"G{number}"
            network = self._base.generator()
            saved.load_into(network, f"{name}.")
            self.networks[name] = network.to(device, dtype).eval()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; a generator that is not conditional draws images of all of them."""
        return self.description.classes

    @property
    def metrics(self) -> Mapping[str, Any]:
        """The run's metrics by name; empty where nobody has measured it yet."""
        return self.description.metrics

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Data, code, commit, packages, machine and time of the training."""
        return self.description.provenance

    def noise(self, count: int, seed: int = 0) -> Tensor:
        """Return the noise of the first `count` images of a seed, float32 (count, z) on the CPU."""
        return torch.randn(count, self.z, generator=Streams(seed).generator("synthesize"))

    def generate(self, count: int, labels: Labels | None = None, seed: int = 0, generator: int = 1) -> np.ndarray:
        """Return images, uint8 (count, 64, 64, 3). The same seed gives the same noise to every generator.

        Args:
            count: number of images.
            labels: for conditional generators: names or numbers of classes, one, or one for each image; None: the
                classes take turns.
            seed: of the noise.
            generator: which one, from 1.

        Raises:
            UserError: there is no such generator or class, another number of labels than images, or labels for
                generators that take none.
        """
        if count < 1:
            raise UserError(f"count is {count}: ask for at least 1 image")
        if f"G{generator}" not in self.networks:
            raise UserError(f"generator is {generator}: {self.description.run} has {', '.join(self.networks)}")
        numbers, noise = self._numbers(count, labels), self.noise(count, seed)
        images = []
        for start in range(0, count, BATCH):
            some = slice(start, start + BATCH)
            images.append(self.of_noise(noise[some], None if numbers is None else numbers[some], generator))
        return np.concatenate(images)

    @torch.inference_mode()
    def of_noise(self, noise: Tensor, labels: Tensor | None, generator: int = 1) -> np.ndarray:
        """Return a generator's images of noise (n, z) and, if conditional, classes (n,), as uint8 (n, 64, 64, 3)."""
        placed = None if labels is None else labels.to(self.device)
        network = self.networks[f"G{generator}"]
        images = self._base.generate(network, noise.to(self.device, self.dtype), placed)
        return quantise(images.float()).cpu().numpy()

    def _numbers(self, count: int, labels: Labels | None) -> Tensor | None:
        """Return the classes of `count` images, int64 (count,); None for generators that take none."""
        if not self.conditional:
            if labels is not None:
                raise UserError(f"the generators of {self.description.run} take no labels: leave them out")
            return None
        if labels is None:
            return torch.arange(count) % len(self.classes)
        listed = [labels] * count if isinstance(labels, str | int) else list(labels)
        if len(listed) != count:
            raise UserError(f"there are {len(listed)} labels for {count} images: give one, or as many")
        return torch.tensor([self._number(label) for label in listed])

    def _number(self, label: str | int) -> int:
        if isinstance(label, str) and label in self.classes:
            return self.classes.index(label)
        if not isinstance(label, str) and 0 <= label < len(self.classes):
            return int(label)
        raise UserError(f"{label!r} is no class of {self.description.run}: {', '.join(self.classes)}")
