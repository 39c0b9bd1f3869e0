"""The settings of DAFL (Chen et al., ICCV 2019), which GIP compares with."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from advkd.bounds import Natural, Rate, Weight
from advkd.methods.settings.base import MethodSettings
from advkd.methods.settings.gip import Synthesis


@dataclass(frozen=True, kw_only=True)
class DaflSynthesis(Synthesis):
    """GIP's generator with DAFL's own values, by its code for CIFAR-10."""

    generator_lr: Rate = 0.02
    delta: Weight = 0.0


@dataclass(frozen=True, kw_only=True)
class DaflSettings(MethodSettings):
    """DAFL: an epoch has synthetic iterations only."""

    papers: ClassVar = ("gip",)
    implementation: ClassVar = "advkd.methods.dafl:Dafl"

    method: Literal["dafl"] = "dafl"
    synthetic_steps: Natural = 120  # iterations of an epoch
    synthesis: DaflSynthesis = field(default_factory=DaflSynthesis)

    def check(self) -> None:
        """Refuse an epoch without steps."""
        if not self.synthetic_steps:
            raise ValueError("synthetic_steps is 0, but DAFL has no other images to learn from")
