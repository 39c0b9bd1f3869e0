"""The settings of PS-KD (Kim, Ji, Yoon, Hwang; ICCV 2021), which AI-KD compares with."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from advkd.bounds import Share
from advkd.methods.settings.base import MethodSettings


@dataclass(frozen=True, kw_only=True)
class PsKdSettings(MethodSettings):
    """PS-KD, as its public code sets it."""

    papers: ClassVar = ("aikd",)
    implementation: ClassVar = "advkd.methods.pskd:PsKd"

    method: Literal["pskd"] = "pskd"
    ps_alpha: Share = 0.8  # alpha_T, the share of past predictions in the targets of the last epoch
