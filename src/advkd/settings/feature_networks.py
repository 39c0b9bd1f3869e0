"""The networks on whose features generators are evaluated. Distances on features of different ones do not compare."""

from dataclasses import dataclass
from typing import Literal

FeatureName = Literal["inception", "efficientnet_lite0", "random_inception", "random_inception64"]


@dataclass(frozen=True)
class FeatureNetwork:
    """A network, and what a reader needs to know of it.

    Attributes:
        dims: features of an image.
        words: the features as captions name them.
        weights: the entry of config/datasets.yaml that describes the weights; None: they are seeded random numbers.
        fetched: whether the weights are fetched; otherwise a package brings them, or there are none.
        is_fid: whether the Fréchet distance is FID, which published numbers are.
    """

    dims: int
    words: str
    weights: str | None = None
    fetched: bool = False
    is_fid: bool = False


NETWORKS: dict[str, FeatureNetwork] = {
    "inception": FeatureNetwork(2048, "2,048 features of FID's Inception", "inception", fetched=True, is_fid=True),
    "efficientnet_lite0": FeatureNetwork(
        1280, "1,280 features of EfficientNet-Lite0 trained on ImageNet", "efficientnet_lite0"
    ),
    "random_inception": FeatureNetwork(2048, "2,048 features of Inception with random weights"),
    "random_inception64": FeatureNetwork(64, "64 features of Inception with random weights"),
}
