"""The settings of AI-KD (Kim et al., arXiv:2211.10938): the values of section 4.2, and what the paper leaves open.

Choices:
    - [aikd: Table 5] Printed: the same numbers for omega .75 and 1.00. Here: both run as named (`omega`). Why: one of
      the rows is probably a copy.
"""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from advkd.bounds import Count, Fraction, Positive, Rate, Weight
from advkd.methods.settings.base import MethodSettings, Precision, Superior
from advkd.schema import Either, Settings, When

Mode = Literal["train", "eval"]


@dataclass(frozen=True, kw_only=True)
class Progressive(Settings):
    """The progressive term L_P (Eq. 5), which draws the student to S_(t-1), itself at the end of the epoch before."""

    tau_p: Positive = 1.0  # temperature of Eq. 5
    # S_(t-1) as a copy of the network, which sees the current view, or as PS-KD's table of remembered logits.
    previous_source: Literal["model", "table"] = "model"  # "three same-size network architectures"
    # What stands for S_(t-1) in the first epoch: nothing (its weight goes to cross-entropy), the initial student, or
    # the superior. The first is Eq. 8 with alpha_P = 0, and PS-KD's first epoch.
    first_previous: Literal["cross_entropy", "initial", "superior"] = "cross_entropy"

    def check(self) -> None:
        """Refuse a table of the initial student's logits, which nobody has computed."""
        if self.first_previous == "initial" and self.previous_source == "table":
            raise ValueError("first_previous is initial, but a table (previous_source) has no initial student's logits")


@dataclass(frozen=True, kw_only=True)
class CriticSettings(Settings):
    """The critic D: its network, its optimizer (Adam), and its loss (Eq. 6)."""

    fc1: Count = 64  # outputs of the first layer
    fc2: Count = 32  # outputs of the second layer
    critic_input: Literal["logits", "probabilities"] = "logits"  # section 4.2 says logits; 3.1 and 3.2 probabilities
    critic_output: Literal["mean", "sum", "layer"] = "mean"  # how the fc2 outputs of an image become its score
    critic_norm: Literal["batch", "layer", "none"] = "batch"  # normalisation after the first layer
    # What batch norm standardises in L_D and L_A: the student's and the superior's logits each alone, or both together.
    critic_forward: Annotated[Literal["separate", "joint"] | None, When("critic_norm", "batch")] = "separate"
    critic_slope: Fraction = 0.2  # of LeakyReLU; the paper gives none
    critic_lr: Rate = 1e-4  # learning rate of Adam
    critic_beta1: Fraction = 0.9  # of Adam: PyTorch's; WGAN-GP takes 0 or 0.5
    critic_beta2: Fraction = 0.999  # of Adam
    critic_decay: bool = False  # whether the learning rate falls with the student's
    critic_steps: Count = 1  # steps of the critic before each step of the student
    critic_real: bool = True  # whether L_D keeps E[D(S_sup(x))], the middle term of Eq. 6
    gp_weight: Weight = 10.0  # lambda of Eq. 6
    # Whose gradient the penalty draws to norm 1: the score's, or that of the sum of the fc2 outputs.
    gp_scalar: Annotated[Literal["score", "sum"] | None, When("critic_output", "mean")] = "score"
    gp_mode: Annotated[Mode | None, When("critic_norm", "batch")] = "train"  # mode of batch norm in the penalty
    fool_mode: Annotated[Mode | None, When("critic_norm", "batch")] = "train"  # mode of batch norm in L_A (Eq. 7)


@dataclass(frozen=True, kw_only=True)
class AiKdSettings(MethodSettings):
    """AI-KD. A term of weight 0 is not computed: without omega there is no critic ("No Adv" in Table 5)."""

    papers: ClassVar = ("aikd",)
    implementation: ClassVar = "advkd.methods.aikd:AiKd"

    method: Literal["aikd"] = "aikd"
    alpha_g: Weight = 0.1  # weight of the guide L_G in Eq. 8
    alpha_p: Weight = 0.3  # weight of the progressive term L_P in Eq. 8
    omega: Weight = 0.1  # weight of the adversarial term L_A in Eq. 8
    tau_g: Annotated[Positive | None, When("alpha_g")] = 3.0  # temperature of L_G (Eq. 4)
    progressive: Annotated[Progressive | None, When("alpha_p")] = field(default_factory=Progressive)
    critic: Annotated[CriticSettings | None, When("omega")] = field(default_factory=CriticSettings)
    superior: Annotated[
        Superior | None,
        Either(When("alpha_g"), When("omega"), When("student_start", "superior"), When("first_previous", "superior")),
    ] = field(default_factory=Superior)
    frozen_precision: Precision = "float32"  # of the convolutions of S_sup and S_(t-1)
    frozen_mode: Mode = "eval"  # mode of batch norm in S_sup and S_(t-1)
    kl_reduction: Literal["batchmean", "elementwise"] = "batchmean"  # Eqs. 4, 5: mean over images, or over N*C numbers
    student_start: Literal["fresh", "superior"] = "fresh"  # initial weights of the student

    def check(self) -> None:
        """Refuse weights that leave cross-entropy a negative one."""
        if self.alpha_g + self.alpha_p > 1 + 1e-9:
            total = f"alpha_g + alpha_p is {self.alpha_g + self.alpha_p:g}"
            raise ValueError(f"{total}: Eq. 8 leaves cross-entropy 1 - alpha_p - alpha_g, which must not be negative")
