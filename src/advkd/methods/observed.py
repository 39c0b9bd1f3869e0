"""A frozen teacher that is looked into: logits, features and batch-norm statistics of one forward, with their graph.

Choices:
    - [gip] Open: where statistics are taken. Here: inputs of the teacher's batch norms, teacher in evaluation mode.
    - [gip] Usual: the teacher's weights ask for gradients. Here: only the images do. Why: losses are equal.
"""

import dataclasses
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from advkd.methods.frozen import Frozen
from advkd.models import classifiers


@dataclass(frozen=True)
class Statistics:
    """Means and second moments of all channels of all batch norms of a network, layer after layer.

    Attributes:
        mean: float32 (K,).
        second: float32 (K,), biased variances or what was made of them.
        channels: of each layer; they add up to K.
    """

    mean: Tensor
    second: Tensor
    channels: list[int]

    def with_second(self, second: Tensor) -> "Statistics":
        """Return the same with other second moments."""
        return dataclasses.replace(self, second=second)


@dataclass(frozen=True)
class Observation:
    """What a teacher says of images, and what they do to it.

    Attributes:
        logits: float32 (B, C).
        features: float32 (B, F), the input of the last layer.
        statistics: of the inputs of the batch norms, in the order of `Observed.kept`; None where not asked for.
    """

    logits: Tensor
    features: Tensor
    statistics: Statistics | None


class Observed(Frozen):
    """A frozen classifier whose outputs can lead back to the images: gradients reach these and none of its weights.

    Args:
        network: the classifier to copy, in evaluation mode.
        precision: "float32" or "bfloat16", see `Frozen`.

    Attributes:
        kept: the running statistics of its batch norms, or None where it has none.
    """

    def __init__(self, network: nn.Module, precision: str) -> None:
        super().__init__(network, precision)
        self._features: list[Tensor] | None = None  # both only while observing
        self._moments: dict[int, tuple[Tensor, Tensor]] | None = None
        classifiers.head(self.network).register_forward_pre_hook(self._keep_features)
        norms = [module for module in self.network.modules() if isinstance(module, nn.BatchNorm2d)]
        for place, norm in enumerate(norms):
            norm.register_forward_pre_hook(partial(self._keep_moments, place))
        self.kept = _joined([(norm.running_mean, norm.running_var) for norm in norms]) if norms else None

    def observe(self, images: Tensor, statistics: bool) -> Observation:
        """Return what one forward of images (B, 3, S, S) shows, with its graph; batch norms' inputs on request."""
        self._features = features = []
        self._moments = moments = {} if statistics and self.kept else None
        try:
            logits = self.network(self.ready(images))
        finally:
            self._features = self._moments = None
        found = [moments[place] for place in sorted(moments)] if moments else None
        return Observation(logits, features[0], _joined(found) if found else None)

    def _keep_features(self, _: nn.Module, inputs: tuple[Tensor]) -> None:
        if self._features is not None:
            self._features.append(inputs[0])

    def _keep_moments(self, place: int, _: nn.Module, inputs: tuple[Tensor]) -> None:
        if self._moments is not None:
            variance, mean = torch.var_mean(inputs[0].float(), (0, 2, 3), correction=0)
            self._moments[place] = (mean, variance)


def _joined(moments: list[tuple[Tensor, Tensor]]) -> Statistics:
    mean, second = (torch.cat(part) for part in zip(*moments, strict=True))
    return Statistics(mean, second, [len(part) for part, _ in moments])
