"""What every classifier's method is built on: its settings, the student, and what a training loop may ask of it.

A method can be used in a loop of one's own:

    method = AiKd(AiKd.Settings(omega=0.1), student, superior=superior, classes=100)
    for epoch in range(epochs):
        method.begin_epoch(epoch)
        for images, labels in loader:
            loss, terms = method(images, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        method.end_epoch(epoch)

GIP and DAFL also have steps on images of their own making. With `for loss, terms in method.steps(loader):` in place of
the two lines that begin with `for images`, the loop is that of every method. docs/library.md says what else each needs.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, Required, TypedDict, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from advkd.methods.batch import Batch
from advkd.methods.frozen import DTYPES
from advkd.methods.settings.base import MethodSettings, Precision
from advkd.models import classifiers

Own = TypeVar("Own", bound=MethodSettings)
Loss = tuple[Tensor, dict[str, Tensor]]  # the student's loss, 0-d with graph; terms to log by name, 0-d without graph


class Task(TypedDict, total=False):
    """What a method is told of the training beside its settings. Only `classes` is always needed.

    Keys:
        classes: number of classes C.
        labels: int64 (n,), of all training images, on the CPU. CS-KD, PS-KD and AI-KD's table of logits need them.
        epochs: length of the training. PS-KD's weight grows over it; GIP and DAFL keep images of moments of it.
        image_size: side of the images in pixels. GIP's generator draws such images.
        normalisation: whose mean and standard deviation the images are normalised with ("cifar10", "cifar100",
            "imagenet"). GAN-TSC draws images so; GIP's pictures are shown by it.
        precision: of the student's forward and backward ("float32" or "bfloat16").
    """

    classes: Required[int]
    labels: Tensor
    epochs: int
    image_size: int
    normalisation: str
    precision: Precision


class Method(Generic[Own]):
    """A method: the student, its loss, and the networks that it needs beside the student.

    A training loop relies on this:

    - `loss` returns the student's loss and the terms to log. The loop moves the student; what else a method trains, it
      moves itself. The terms may differ from step to step; the history has a column for each that ever appeared.
      A term "error" is the share of training images that the student gets wrong; the history shows it in %.
    - `networks`, `optimizers` and `tensors` are all that a checkpoint holds of a method, by name: what is not in them,
      a resumed training has lost. A network called "generator" is written to generator.safetensors at the end.
    - A method computes the student's logits by `self.logits`, not by calling the student: it keeps the run's precision.
    - Random numbers come from torch's global state, which the loop sets for every step.

    Args:
        settings: of the class's own `Settings`.
        student: the classifier that is trained, (B, 3, S, S) to (B, C). Its device is the method's.
        task: what `Task` says. A subclass takes its parents, as `superior` or `teacher`, as arguments of their own.

    Attributes:
        Settings: the class of the method's settings. Each method sets it, without an annotation here, so that editors
            know the settings of each.
        groups: images that a step loads for each drawn one (CS-KD: 2, anchor and partner).
        sees_real: whether an epoch has steps on real images.
        synthetic_steps: steps of an epoch, before the real ones, on images of the method's own making.
        synthetic_batch: images of such a step.
        recomputes_statistics: whether the student's batch-norm statistics are recomputed on real images before each
            evaluation.
        networks: other networks that a resumed training needs.
        optimizers: theirs.
        tensors: other tensors that a resumed training needs.
    """

    groups = 1
    sees_real = True
    synthetic_steps = 0
    synthetic_batch = 0
    recomputes_statistics = False

    def __init__(
        self,
        settings: Own,
        student: nn.Module,
        *,
        classes: int,
        labels: Tensor | None = None,
        epochs: int | None = None,
        image_size: int = 32,
        normalisation: str = "imagenet",
        precision: Precision = "float32",
    ) -> None:
        self.settings, self.student = settings, student
        self.classes, self.labels, self.epochs = classes, labels, epochs
        self.image_size, self.normalisation, self.precision = image_size, normalisation, precision
        self.device = next(student.parameters()).device
        self.networks: dict[str, nn.Module] = {}
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        self.tensors: dict[str, Tensor] = {}

    def __call__(
        self,
        images: Tensor,
        labels: Tensor,
        index: Tensor | None = None,
        partner: Tensor | None = None,
        share: Tensor | None = None,
    ) -> Loss:
        """Return the student's loss on a batch of a loop of one's own, and terms to log.

        The arguments are those of `Batch`, on any device. `labels` and `index` may be of all `groups` B images, as a
        DataLoader with `loading.Batches` gives them.

        Raises:
            ValueError: images and labels are of different numbers, images beside the drawn ones are of other classes
                than these, or the method makes images of another size itself.
        """
        count = self._drawn(images, labels)
        batch = Batch(images, labels[:count], None if index is None else index[:count], partner, share)
        return self.loss(batch.to(self.device))

    def _drawn(self, images: Tensor, labels: Tensor) -> int:
        """Return how many of the images were drawn; the others are there for these. Raises as `__call__`."""
        name, side, count = type(self).__name__, images.shape[-1], len(images) // self.groups
        if self.synthetic_steps and side != self.image_size:
            raise ValueError(f"{name} makes images of {self.image_size} pixels, not {side}: give image_size={side}")
        if len(images) % self.groups or len(labels) not in (count, len(images)):
            raise ValueError(f"{name} cannot take {len(images)} images with {len(labels)} labels")
        if len(labels) > count and not torch.equal(labels, labels[:count].repeat(self.groups)):
            raise ValueError(
                f"{name} needs a partner of the same class for each image of a batch: give the DataLoader"
                " batch_sampler=advkd.methods.Batches(method, size)"
            )
        return count

    def steps(self, loader: Iterable[Sequence[Tensor]] = ()) -> Iterator[Loss]:
        """Yield the student's loss and the terms of each step of an epoch, for a loop of one's own.

        First come the steps on images of the method's own making, then one for each batch of the loader, if the method
        sees real images. The student has to be moved before the next step is asked for.

        Args:
            loader: yields batches: images and labels and, if the method needs it, their places in the data.
        """
        for _ in range(self.synthetic_steps):
            yield self.synthetic_loss()
        if self.sees_real:
            for batch in loader:
                yield self(*batch)

    def choose(self, index: Tensor, generator: torch.Generator) -> Tensor:
        """Return the images to load for the drawn ones, int64 (B,): (groups * B,) with the drawn ones first."""
        return index

    def begin_epoch(self, epoch: int, factor: float = 1.0) -> None:
        """Prepare for an epoch. A resumed training calls this again.

        Args:
            epoch: number of the epoch, from 0.
            factor: the epoch's learning rate as a part of the first epoch's.
        """

    def end_epoch(self, epoch: int) -> dict[str, float]:
        """Look at the student as it is after `epoch`; return what to add to the epoch's row of the history."""
        return {}

    def loss(self, batch: Batch) -> Loss:
        """Return the student's loss on a batch of real images, and terms to log: here cross-entropy alone."""
        logits = self.logits(batch.images)
        return batch.cross_entropy(logits), {"error": error(logits, batch)}

    def synthetic_loss(self) -> Loss:
        """Return the same as `loss` for a step on images of the method's own making."""
        raise NotImplementedError

    def samples(self) -> dict[str, np.ndarray]:
        """Return arrays to write to samples.npz at the end; none: no file."""
        return {}

    def logits(self, images: Tensor) -> Tensor:
        """Return the student's logits, float32 (B, C), of images (B, 3, S, S), in the run's precision.

        In bfloat16 the last layer is computed in float32: bfloat16 would round logits between 8 and 16 to sixteenths.
        """
        if self.precision == "float32":
            logits: Tensor = self.student(images)
            return logits
        with self.autocast():
            _, features = classifiers.logits_and_features(self.student, images)
        return classifiers.head(self.student)(features.float())

    def autocast(self) -> torch.autocast:
        """Return the context in which what is trained computes in the run's precision."""
        return torch.autocast(self.device.type, DTYPES[self.precision], self.precision != "float32")

    def training_labels(self) -> Tensor:
        """Return the labels of all training images, int64 (n,) on the CPU; raises ValueError where none were given."""
        if self.labels is None:
            raise ValueError(f"{type(self).__name__} needs the labels of the training images: give `labels`")
        return self.labels

    def length(self, epoch: int = 0) -> int:
        """Return the number of epochs; raises ValueError where none was given or `epoch` (from 0) is beyond it."""
        if self.epochs is None:
            raise ValueError(f"{type(self).__name__} needs the length of the training: give `epochs`")
        if epoch >= self.epochs:
            raise ValueError(f"epoch {epoch} (from 0) of a training of {self.epochs} epochs: give more `epochs`")
        return self.epochs


def error(logits: Tensor, batch: Batch) -> Tensor:
    """Return the share of images whose highest logit is not their label, 0-d."""
    return (logits.detach().argmax(1) != batch.labels).float().mean()
