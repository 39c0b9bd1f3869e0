"""What a training loop needs of the program that runs it.

`advkd.runs.session.Session` is the implementation that keeps everything in a run's folder. A loop knows no file names.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from advkd.settings.classifier import ClassifierRun
from advkd.settings.papers import RunSettings

# The weights of a classifier's last or best epoch (of a GAN: the last), or those of the generator beside a classifier.
Weights = Literal["last", "best", "generator"]
Arrays = Literal["samples", "predictions"]
Own = TypeVar("Own", bound=RunSettings, covariant=True)


class Parent(Protocol):
    """A finished run whose networks another run starts from or learns from. All methods raise UserError."""

    @property
    def run(self) -> str:
        """The run's name."""

    def settings(self) -> ClassifierRun:
        """Return the settings that the run was trained with."""

    def weights(self, which: Weights) -> dict[str, Tensor]:
        """Return weights by name, on the CPU."""

    def column(self, name: str) -> list[float]:
        """Return the values of a column of the run's history, such as "valid_error"; there is at least one."""

    def describe(self, which: Weights) -> str:
        """Return where these weights are, for a message."""


class Session(Protocol[Own]):
    """A training while it runs, with the settings of a GAN's or of a classifier's run.

    Attributes:
        document: the run's resolved configuration: its name under "run", its settings under "settings", ….
        device: where the training computes.
        step: number of steps taken, over all attempts. The loop counts it.
        history: the rows logged so far. A loop appends rows; two rows may have different columns.
    """

    document: dict[str, Any]
    device: torch.device
    step: int
    history: list[dict[str, Any]]

    @property
    def settings(self) -> Own:
        """The run's settings."""

    @property
    def generation(self) -> int:
        """0 for a run without parents, otherwise 1 more than the largest generation of its parents."""

    @property
    def parents(self) -> Mapping[str, Parent]:
        """The runs that this one starts from or learns from, by role."""

    def start_weights(self) -> tuple[dict[str, Tensor], str]:
        """Return the weights that the run's setting `start` names, CPU tensors by name, and their place for messages.

        Raises:
            UserError: they are gone, damaged, or others than those that the run's configuration describes.
        """

    def resume(self) -> dict[str, Any] | None:
        """Return the last state that `save` kept, or None. The loop calls this once, before the first step."""

    def save(self, state: dict[str, Any]) -> None:
        """Keep a state: tensors, numbers, strings, and lists and dicts of them."""

    def save_if_due(self, state: Callable[[], dict[str, Any]]) -> None:
        """Keep the state that `state` returns if the last kept state is old. The loop calls this after every step.

        If the training was asked to stop, this raises an exception that ends the loop. The loop does not catch it.
        """

    def write_weights(self, which: Weights, tensors: dict[str, Tensor]) -> None:
        """Write weights of the trained run, CPU tensors by name."""

    def write_arrays(self, which: Arrays, arrays: dict[str, np.ndarray]) -> None:
        """Write images or predictions of the trained run."""

    def keep_samples(self, moment: str, arrays: dict[str, np.ndarray]) -> None:
        """Keep arrays of a moment of the training, such as "early", until the training is done."""

    def kept_samples(self, moment: str, names: Sequence[str]) -> list[np.ndarray]:
        """Return the arrays `names` that were kept at a moment, also by an earlier attempt; raises UserError."""
