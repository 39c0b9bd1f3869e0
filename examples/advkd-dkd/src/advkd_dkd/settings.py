"""The settings of DKD (Zhao, Cui, Song, Qiu, Liang; CVPR 2022). No torch: the workflow reads this.

The values are those of its experiments on CIFAR-100 with a ResNet32x4 and a ResNet8x4: T 4, alpha 1, beta 8, and a
warm-up of 20 of 240 epochs. The warm-up is a share of the epochs here, so that it shrinks with the training.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from advkd.bounds import Positive, Share, Weight
from advkd.methods.settings.base import WithTeacher


@dataclass(frozen=True, kw_only=True)
class DkdSettings(WithTeacher):
    """DKD on real images, for the runs of the GIP paper: its teacher is the Baseline run of a larger network."""

    papers: ClassVar = ("gip",)
    implementation: ClassVar = "advkd_dkd.loss:Dkd"

    method: Literal["dkd"] = "dkd"
    dkd_tau: Positive = 4.0  # temperature T
    dkd_alpha: Weight = 1.0  # weight of the target class's divergence, TCKD
    dkd_beta: Weight = 8.0  # weight of the other classes' divergence, NCKD
    dkd_warmup: Share = 20 / 240  # share of the epochs in which the weight of both grows to 1
