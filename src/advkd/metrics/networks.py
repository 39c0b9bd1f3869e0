"""Builds a network of `settings.feature_networks`, with verified weights.

Choices:
    - [okd] Added: distances on features of EfficientNet-Lite0 trained on ImageNet (`features`), the default of scales
      reduced and small. Why: its weights come with a package, and it costs a fraction of Inception. They are no FIDs.
"""

from pathlib import Path
from typing import Any

from torch import nn

from advkd.errors import UserError
from advkd.metrics import efficientnet, inception
from advkd.settings.feature_networks import NETWORKS


def build(features: str, weights: Path | None, sha256: str) -> tuple[nn.Module, dict[str, Any]]:
    """Build a feature network in eval mode.

    Args:
        features: its name.
        weights: the file of its weights; None: those that a package brings, or random ones.
        sha256: the SHA-256 that the file must have, in hexadecimal.

    Returns:
        The network, which maps (B, 3, H, W) in [0, 1] to a list of one map (B, dims, h, w); and what identifies it:
        `features`, and `weights_sha256` or `seed`.

    Raises:
        UserError: the weights are missing, or another file.
    """
    network = NETWORKS[features]
    if network.weights is None:
        if weights is not None:
            raise UserError(f"{weights} is not needed: the features {features} have random weights")
        return inception.build(None, network.dims, ""), {"features": features, "seed": inception.SEED}
    identity = {"features": features, "weights_sha256": sha256}
    if network.fetched:
        if weights is None:
            raise UserError(f"the features {features} need weights: advkd fetch-inception, then --weights PATH")
        return inception.build(weights, network.dims, sha256), identity
    return efficientnet.build(weights or efficientnet.packaged_weights(), sha256), identity
