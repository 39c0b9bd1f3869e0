"""A frozen teacher whose logits, features and batch-norm statistics of one forward can be differentiated.

Choices:
    - [gip] Open: where statistics are taken. Here: at the inputs of the teacher's batch norms, in evaluation mode.
    - [gip] Usual: the teacher's weights require gradients. Here: only the images do. Why: the losses are equal.
"""

import dataclasses
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor, nn

from advkd.methods.frozen import Frozen
from advkd.models import classifiers


@dataclass(frozen=True)
class Statistics:
    """Means and variances of all channels of all batch norms of a network, layer after layer.

    Attributes:
        mean: float32 (K,).
        second: float32 (K,), biased variances, or their square roots.
        channels: number of channels of each layer; the sum is K.
    """

    mean: Tensor
    second: Tensor
    channels: list[int]

    @cached_property
    def shares(self) -> Tensor:
        """The part of each channel in a mean over the channels of a layer and then over layers, float32 (K,)."""
        widths = torch.tensor(self.channels)
        return (1 / (len(widths) * widths)).repeat_interleave(widths).to(self.mean.device)

    def with_second(self, second: Tensor) -> "Statistics":
        """Return the same means with other second moments."""
        return dataclasses.replace(self, second=second)


@dataclass(frozen=True)
class Observation:
    """The outcome of one forward of a teacher.

    Attributes:
        logits: float32 (B, C).
        features: float32 (B, F), the input of the last layer.
        statistics: of the batch norms' inputs, in the order of `Observed.kept`; None if they were not asked for.
    """

    logits: Tensor
    features: Tensor
    statistics: Statistics | None


class Observed(Frozen):
    """A frozen classifier whose outputs have a graph: gradients reach the images, but not the weights.

    Args:
        network: the classifier to copy, in evaluation mode.
        precision: "float32" or "bfloat16", see `Frozen`.

    Attributes:
        kept: the running statistics of its batch norms; None if it has no batch norm.
    """

    def __init__(self, network: nn.Module, precision: str) -> None:
        super().__init__(network, precision)
        # Both are lists and dicts only during `observe`.
        self._features: list[Tensor] | None = None
        self._moments: dict[int, tuple[Tensor, Tensor]] | None = None
        classifiers.head(self.network).register_forward_pre_hook(self._keep_features)
        running: list[tuple[Tensor, Tensor]] = []
        for module in self.network.modules():
            if not isinstance(module, nn.BatchNorm2d) or module.running_mean is None or module.running_var is None:
                continue
            module.register_forward_pre_hook(partial(self._keep_moments, len(running)))
            running.append((module.running_mean, module.running_var))
        self.kept = _concatenated(running) if running else None

    def observe(self, images: Tensor, statistics: bool) -> Observation:
        """Return the logits, features and, if asked for, statistics of images (B, 3, S, S), with their graph."""
        features: list[Tensor] = []
        moments: dict[int, tuple[Tensor, Tensor]] | None = {} if statistics and self.kept else None
        self._features, self._moments = features, moments
        try:
            logits = self.network(self.ready(images))
        finally:
            self._features = self._moments = None
        if not moments:
            return Observation(logits, features[0], None)
        return Observation(logits, features[0], _concatenated([moments[place] for place in sorted(moments)]))

    def _keep_features(self, _: nn.Module, inputs: tuple[Tensor]) -> None:
        if self._features is not None:
            self._features.append(inputs[0])

    def _keep_moments(self, place: int, _: nn.Module, inputs: tuple[Tensor]) -> None:
        if self._moments is not None:
            variance, mean = torch.var_mean(inputs[0].float(), (0, 2, 3), correction=0)
            self._moments[place] = (mean, variance)


def _concatenated(moments: list[tuple[Tensor, Tensor]]) -> Statistics:
    means = [mean for mean, _ in moments]
    seconds = [second for _, second in moments]
    return Statistics(torch.cat(means), torch.cat(seconds), [len(mean) for mean in means])
