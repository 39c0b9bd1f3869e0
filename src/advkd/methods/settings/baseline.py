"""Baseline: cross-entropy alone; it has no settings of its own."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from advkd.methods.settings.base import MethodSettings


@dataclass(frozen=True, kw_only=True)
class BaselineSettings(MethodSettings):
    """Baseline, in both papers on classifiers: students, superiors and teachers."""

    papers: ClassVar = ("aikd", "gip")
    implementation: ClassVar = "advkd.methods.baseline:Baseline"

    method: Literal["baseline"] = "baseline"
