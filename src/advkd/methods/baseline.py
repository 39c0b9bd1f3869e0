"""Baseline: cross-entropy alone. Also what every other classifier's method is built on.

Choices:
    - [aikd, gip] Usual: what is trained computes in float32. Here: so too, but bfloat16 is offered, and used at scale
      gpu (`precision`). Why: a step costs less. The last layer, critics and GIP's generator stay in float32; at scale
      gpu ReActNet too, whose signs it would flip.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from advkd.methods.batch import Batch
from advkd.methods.frozen import DTYPES
from advkd.models import classifiers


@dataclass(frozen=True)
class Task:
    """What a method is told beside its settings.

    Attributes:
        classes: number of classes C.
        labels: int64 (n,), of the training images, on the CPU.
        device: where networks live and batches come from.
        parents: trained networks by role ("superior", "teacher", "gan", "start"), on the device.
    """

    classes: int
    labels: Tensor
    device: torch.device
    parents: Mapping[str, nn.Module]


class Baseline:
    """A method knows the student, its loss, and the networks it needs beside; the loop knows none of them.

    Attributes:
        student: the classifier being trained.
        groups: images of the student's batch for each image drawn (CS-KD: 2, anchor and partner).
        sees_real: whether an epoch has steps on real images.
        synthetic_steps: steps of an epoch before these, on images of the method's own making.
        networks: other networks whose state a resumed training needs.
        optimizers: theirs.
        tensors: other tensors that a resumed training needs.
    """

    groups = 1
    sees_real = True
    synthetic_steps = 0

    def __init__(self, s: SimpleNamespace, student: nn.Module, task: Task) -> None:
        self.s, self.student, self.task = s, student, task
        self.networks: dict[str, nn.Module] = {}
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        self.tensors: dict[str, Tensor] = {}

    def choose(self, index: Tensor, generator: torch.Generator) -> Tensor:
        """Return the images to load for the drawn ones, int64 (B,): (groups * B,) with the drawn ones first."""
        return index

    def begin_epoch(self, epoch: int, factor: float) -> None:
        """Get ready for `epoch` (from 0), whose learning rate is `factor` of the first; called again on resume."""

    def end_epoch(self, epoch: int) -> dict[str, float]:
        """Take note of the student as it is after `epoch`; return what to add to the epoch's row of the history."""
        return {}

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the student's loss "L", with graph, and other 0-d terms worth logging, without.

        "error" is the share of training images whose highest logit is not their label.
        """
        logits = self.logits(batch.images)
        return {"L": batch.cross_entropy(logits), "error": error(logits, batch)}

    def synthetic_loss(self) -> dict[str, Tensor]:
        """Return the same as `loss` of a step on images of the method's own making."""
        raise NotImplementedError(f"{self.s.method} makes no images")

    def samples(self) -> dict[str, np.ndarray]:
        """Return the arrays of samples.npz; none: no file."""
        return {}

    def logits(self, images: Tensor) -> Tensor:
        """Return the student's logits, float32 (B, C), of images (B, 3, S, S).

        In bfloat16 the last layer is computed again in float32: logits between 8 and 16 would be rounded to sixteenths.
        """
        if self.s.precision == "float32":
            return self.student(images)
        with self.autocast():
            _, features = classifiers.logits_and_features(self.student, images)
        return classifiers.head(self.student)(features.float())

    def autocast(self) -> torch.autocast:
        """Return the context in which what is trained computes in the run's precision."""
        return torch.autocast(self.task.device.type, DTYPES[self.s.precision], self.s.precision != "float32")


def error(logits: Tensor, batch: Batch) -> Tensor:
    """Return the share of images whose highest logit is not their label, 0-d."""
    return (logits.detach().argmax(1) != batch.labels).float().mean()
