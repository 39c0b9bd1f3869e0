"""Builds the classifiers. All of them have a last linear layer, and features before it."""

import importlib
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from advkd.models.settings import Network


def implementation(name: str) -> Any:
    """Return the class or function that "module:name" names."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def build(network: Network, classes: int) -> nn.Module:
    """Return an untrained classifier on the CPU, which maps images (B, 3, S, S) to logits (B, classes).

    Its weights come from torch's global random state; none are ever downloaded.

    Args:
        network: the settings of one of the networks of `models.settings`.
        classes: number of classes C.
    """
    model: nn.Module = implementation(network.implementation)(network, classes)
    return model


def load_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give a network trained weights by name; raises ValueError, in one line, where they do not fit it."""
    try:
        network.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise ValueError(str(error).splitlines()[-1].strip()) from None


def head(model: nn.Module) -> nn.Linear:
    """Return a classifier's last linear layer."""
    return [module for module in model.modules() if isinstance(module, nn.Linear)][-1]


def logits_and_features(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits (B, C) of images (B, 3, S, S), and the features (B, F) that the last layer makes them from.

    One forward; both are part of its graph.
    """
    features: list[Tensor] = []
    with head(model).register_forward_pre_hook(lambda _, inputs: features.append(inputs[0])):
        logits: Tensor = model(images)
    return logits, features[0]
