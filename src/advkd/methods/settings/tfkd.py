"""The settings of TF-KD (Yuan, Tay, Li, Wang, Feng; CVPR 2020), which AI-KD compares with."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from advkd.bounds import Positive, Share, Weight
from advkd.methods.settings.base import MethodSettings, Precision, Superior
from advkd.schema import When


@dataclass(frozen=True, kw_only=True)
class TfKdSettings(MethodSettings):
    """TF-KD's self-training variant, as its public code sets it for ResNet-18 on CIFAR-100."""

    papers: ClassVar = ("aikd",)
    implementation: ClassVar = "advkd.methods.tfkd:TfKd"

    method: Literal["tfkd"] = "tfkd"
    superior: Superior = field(default_factory=Superior)
    frozen_precision: Precision = "float32"  # of the superior's convolutions
    tf_alpha: Share = 0.95  # alpha, the share of the divergence in the loss
    tf_tau: Positive = 6.0  # temperature of the divergence
    tf_reduction: Literal["elementwise", "batchmean"] = "elementwise"  # mean over N*C numbers, or over N images
    # The public code's factor on the divergence, which makes up for the mean over classes.
    tf_multiplier: Annotated[Weight | None, When("tf_reduction", "elementwise")] = 50.0
