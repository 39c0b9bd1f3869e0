"""A trained classifier: images in, labels and calibrated probabilities out."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from advkd.inference.description import Description, Saved
from advkd.inference.transform import Picture, Transform, each
from advkd.models import classifiers
from advkd.progress import say

BATCH = 64  # images of a forward
Item = TypeVar("Item")


class Predictions(NamedTuple):
    """What a classifier says of N images.

    Attributes:
        labels: the name of each image's most probable class.
        probabilities: float32 (N, C), of all classes in the order of `Classifier.classes`; rows sum to 1.
    """

    labels: list[str]
    probabilities: np.ndarray


class Classifier:
    """A trained classifier. `advkd.load` makes it.

    Attributes:
        description: the run, its settings, metrics, provenance and temperature.
        network: the network in evaluation mode; it maps (B, 3, S, S) to logits (B, C).
        transform: turns an image into the network's input, (3, S, S).
        device: where the network computes.
        dtype: the type that it computes in.
    """

    def __init__(self, saved: Saved, device: torch.device, dtype: torch.dtype) -> None:
        settings, description = saved.description.classifier, saved.description
        network = classifiers.build(settings.network, len(description.classes))
        saved.load_into(network)
        self.description: Description = description
        self.network: nn.Module = network.to(device, dtype).to(memory_format=torch.channels_last).eval()
        self.transform = Transform.of(settings)
        self.device, self.dtype = device, dtype

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the logits."""
        return self.description.classes

    @property
    def metrics(self) -> Mapping[str, Any]:
        """The run's metrics by name; empty where nobody has measured it yet."""
        return self.description.metrics

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Data, code, commit, packages, machine and time of the training."""
        return self.description.provenance

    @property
    def temperature(self) -> float | None:
        """What logits are divided by before the softmax; None where it is not known, and then they are not."""
        return self.description.temperature

    def logits(self, images: Picture | Iterable[Picture], batch: int = BATCH) -> Tensor:
        """Return the logits of images, float32 (N, C) on the CPU.

        Args:
            images: one image or several, each as `Transform` takes it; or an array, uint8 (N, H, W, 3). No more than
                `batch` of an iterator's images are in memory.
            batch: images of a forward.

        Raises:
            UserError: as `Transform`.
        """
        found = [torch.empty(0, len(self.classes))]
        for some in batches(each(images), batch):
            found.append(self.of_views(torch.stack([self.transform(image) for image in some])))
        return torch.cat(found)

    @torch.inference_mode()
    def of_views(self, views: Tensor) -> Tensor:
        """Return the logits of what `transform` returned, float32 (B, 3, S, S), as float32 (B, C) on the CPU."""
        views = views.to(self.device, self.dtype).to(memory_format=torch.channels_last)
        logits: Tensor = self.network(views)
        return logits.float().cpu()

    def predict(self, images: Picture | Iterable[Picture], batch: int = BATCH) -> Predictions:
        """Return the labels and the probabilities of images; arguments and errors as of `logits`.

        Probabilities are those of the logits divided by the temperature that was fitted on the run's evaluation images.
        """
        if self.temperature is None:
            say(f"probabilities of {self.description.run} are not calibrated: {self.description.uncalibrated}")
        return self.predictions(self.logits(images, batch))

    def predictions(self, logits: Tensor) -> Predictions:
        """Return the labels and the probabilities that logits (N, C) stand for."""
        probabilities = (logits / (self.temperature or 1.0)).softmax(1)
        return Predictions([self.classes[label] for label in logits.argmax(1).tolist()], probabilities.numpy())


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield `size` items at a time, the last time perhaps fewer."""
    iterator = iter(items)
    while some := list(itertools.islice(iterator, size)):
        yield some
