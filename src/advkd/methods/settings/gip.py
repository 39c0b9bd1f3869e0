"""The settings of GIP (Heo and Lee, Electronics 11(22), 3815), section 4.1."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from advkd.bounds import Bounds, Count, Fraction, Natural, Positive, Rate, Weight
from advkd.methods.settings.base import Epoch, MethodSettings, Precision
from advkd.schema import Either, Settings, When

LOSSES = ("alpha", "beta", "gamma", "delta")


@dataclass(frozen=True, kw_only=True)
class Synthesis(Settings):
    """The first part of an epoch: a generator trained by the teacher, and the student's distillation on its images."""

    teacher: Literal["resnet34", "wrn28_10"] = "resnet34"  # the teacher's network
    teacher_weights: Epoch = "last"  # which epoch of the teacher's run; open in the paper, DAFL's teacher is the last
    frozen_precision: Precision = "float32"  # of the teacher's convolutions
    tau: Positive = 1.0  # temperature T of Eq. 7; the paper gives none, DAFL and ReActNet take 1
    synthetic_batch: Annotated[int, Bounds(ge=2)] = 1024  # n, images of an iteration
    noise: Count = 1000  # length of the generator's noise vector
    generator_width: Annotated[int, Bounds(ge=2, multiple_of=2)] = 128  # channels of the generator's first map
    generator_lr: Rate = 0.01  # learning rate of the generator's Adam
    generator_beta1: Fraction = 0.9  # of the generator's Adam: PyTorch's; the paper gives none
    generator_beta2: Fraction = 0.999  # of the generator's Adam
    alpha: Weight = 1.0  # weight of the one-hot loss L_OH in Eq. 16
    beta: Weight = 5.0  # weight of the information entropy loss L_IE in Eq. 16
    gamma: Weight = 0.1  # weight of the activation loss L_ACT in Eq. 16
    delta: Weight = 5.0  # weight of the batch-norm statistics loss L_BNS in Eq. 16
    # "code" is DAFL's code, whose weights the paper takes over; "equation" is what Eqs. 12 and 14 print.
    # sum p log10 p, or 1/C sum p ln p. "dafl" is the first without its guards: NaN where p is 0, also at weight 0.
    ie_form: Annotated[Literal["code", "equation", "dafl"] | None, Either(When("beta"), When("ie_form", "dafl"))] = (
        "code"
    )
    act_form: Annotated[Literal["code", "equation"] | None, When("gamma")] = "code"  # -mean |f|, or an image's L1 norm
    # Means over channels and layers as in GDFQ's code, or Eq. 15's sums.
    bns_reduction: Annotated[Literal["mean", "sum"] | None, When("delta")] = "mean"
    # Compared beside the mean: the variance (GDFQ's code and the text), or sigma as Eq. 15 writes.
    bns_moment: Annotated[Literal["variance", "deviation"] | None, When("delta")] = "variance"

    def check(self) -> None:
        """Refuse a generator without a loss."""
        if not any(getattr(self, name) for name in LOSSES):
            raise ValueError(
                "alpha, beta, gamma and delta are all 0, so the generator would learn nothing: give one a weight, or"
                " take method baseline"
            )


@dataclass(frozen=True, kw_only=True)
class GipSettings(MethodSettings):
    """GIP. Without synthetic iterations it is Baseline, and nothing else applies."""

    papers: ClassVar = ("gip",)
    implementation: ClassVar = "advkd.methods.gip:Gip"

    method: Literal["gip"] = "gip"
    synthetic_steps: Natural = 120  # SI, iterations of an epoch's first part
    synthesis: Annotated[Synthesis | None, When("synthetic_steps")] = field(default_factory=Synthesis)
    # Batch-norm statistics that the student is evaluated with: the running ones, or new ones of all real images.
    evaluated_statistics: Annotated[Literal["running", "recomputed"] | None, When("synthetic_steps")] = "running"
