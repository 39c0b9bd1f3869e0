"""The settings of KD (Hinton, Vinyals, Dean, 2015), which GIP compares with."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from advkd.bounds import Positive, Weight
from advkd.methods.settings.base import WithTeacher


@dataclass(frozen=True, kw_only=True)
class KdSettings(WithTeacher):
    """KD on real images."""

    papers: ClassVar = ("gip",)
    implementation: ClassVar = "advkd.methods.kd:Kd"

    method: Literal["kd"] = "kd"
    tau: Positive = 1.0  # temperature; the paper gives none, DAFL and ReActNet take 1
    ce_weight: Weight = 0.0  # of cross-entropy beside the divergence; "training only by knowledge distillation"
