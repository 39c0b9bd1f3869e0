"""The settings of CS-KD (Yun, Park, Lee, Shin; CVPR 2020), which AI-KD compares with."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from advkd.bounds import Positive, Weight
from advkd.methods.settings.base import MethodSettings


@dataclass(frozen=True, kw_only=True)
class CsKdSettings(MethodSettings):
    """CS-KD, as its public code sets it for CIFAR-100."""

    papers: ClassVar = ("aikd",)
    implementation: ClassVar = "advkd.methods.cskd:CsKd"

    method: Literal["cskd"] = "cskd"
    cs_weight: Weight = 1.0  # lambda, the weight of the divergence
    cs_tau: Positive = 4.0  # temperature of the divergence
