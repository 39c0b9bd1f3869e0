"""What the settings of a run of the AI-KD paper may be. Where the paper leaves a choice, the key that makes it.

Choices:
    - [aikd: Table 5] Printed: the same numbers for omega .75 and 1.00. Here: both run as named (`omega`). Why: one of
      the rows is probably a copy.
    - [aikd] Open: recipe of the methods compared with. Here: the common recipe of 300 epochs, with their own
      temperatures and weights (`cs_weight`, `cs_tau`, `tf_alpha`, `tf_tau`, `tf_multiplier`, `ps_alpha`).
    - [aikd: Table 7] Open: the superior of a student with Cutout, Mixup or CutMix. Here: the plain Baseline.
"""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from advkd.settings.classifier import VIEW_NEEDS, ClassifierSettings, Positive, Weight
from advkd.settings.names import Run
from advkd.settings.schema import POSITIVE, Count, Fraction, Rate

STUDENT = (("method", ("tfkd", "aikd")),)
GUIDED, PROGRESSIVE, ADVERSARIAL = (
    (("method", ("aikd",)), (weight, POSITIVE)) for weight in ("alpha_g", "alpha_p", "omega")
)
NORMALISED = (*ADVERSARIAL, ("critic_norm", ("batch",)))
NEEDS = {
    **dict.fromkeys(("batch", "momentum", "nesterov", "milestones", "lr_factor"), ()),
    **dict.fromkeys(("superior", "superior_weights", "frozen_precision"), STUDENT),
    **dict.fromkeys(("cs_weight", "cs_tau"), (("method", ("cskd",)),)),
    **dict.fromkeys(("tf_alpha", "tf_tau", "tf_reduction"), (("method", ("tfkd",)),)),
    "tf_multiplier": (("tf_reduction", ("elementwise",)),),
    "ps_alpha": (("method", ("pskd",)),),
    **dict.fromkeys(
        ("alpha_g", "alpha_p", "omega", "kl_reduction", "student_start", "frozen_mode"), (("method", ("aikd",)),)
    ),
    "tau_g": GUIDED,
    **dict.fromkeys(("tau_p", "previous_source", "first_previous"), PROGRESSIVE),
    **dict.fromkeys(
        (
            "fc1", "fc2", "critic_input", "critic_output", "critic_norm", "critic_slope", "critic_lr", "critic_beta1",
            "critic_beta2", "critic_decay", "critic_steps", "critic_real", "gp_weight",
        ),
        ADVERSARIAL,
    ),
    "gp_scalar": (*ADVERSARIAL, ("critic_output", ("mean",))),
    **dict.fromkeys(("gp_mode", "fool_mode"), NORMALISED),
}  # fmt: skip


INHERITED = (
    frozenset(ClassifierSettings.model_fields)
    - {"augment", "seed_offset", "frozen_precision"}
    - {key for key, conditions in VIEW_NEEDS.items() if conditions[0][0] == "augment"}
)


class AikdSettings(ClassifierSettings):
    """A run of the AI-KD paper: Baseline, CS-KD, TF-KD, PS-KD or AI-KD."""

    needs: ClassVar = VIEW_NEEDS | NEEDS

    model: Literal["preact_resnet18", "densenet121_cifar", "resnet18", "densenet121"]
    method: Literal["baseline", "cskd", "tfkd", "pskd", "aikd"]
    superior: Literal["baseline"] | None = Field(None, description="method of the superior, of the same seed")
    superior_weights: Literal["last", "best"] | None = Field(None, description="which epoch of the superior's")

    cs_weight: Weight | None = Field(None, description="lambda of CS-KD")
    cs_tau: Positive | None = Field(None, description="temperature of CS-KD")
    tf_alpha: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="alpha of TF-KD")
    tf_tau: Positive | None = Field(None, description="temperature of TF-KD")
    tf_multiplier: Weight | None = Field(None, description="the public code's factor on TF-KD's divergence")
    tf_reduction: Literal["elementwise", "batchmean"] | None = Field(None, description="mean over N*C, or over N")
    ps_alpha: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="alpha_T of PS-KD, at the last epoch"
    )

    alpha_g: Weight | None = Field(None, description="weight of the guide L_G, Eq. 8")
    alpha_p: Weight | None = Field(None, description="weight of the progressive L_P, Eq. 8")
    omega: Weight | None = Field(None, description="weight of the adversarial L_A, Eq. 8; 0: no critic")
    tau_g: Positive | None = Field(None, description="temperature of Eq. 4")
    tau_p: Positive | None = Field(None, description="temperature of Eq. 5")
    kl_reduction: Literal["batchmean", "elementwise"] | None = Field(None, description="of Eqs. 4 and 5")
    student_start: Literal["fresh", "superior"] | None = Field(None, description="initial weights of the student")
    frozen_mode: Literal["eval", "train"] | None = Field(None, description="batch norm of superior and previous")
    previous_source: Literal["model", "table"] | None = Field(
        None, description="S_(t-1) as a network on the same view, or PS-KD's table of its logits of the epoch before"
    )
    first_previous: Literal["cross_entropy", "initial", "superior"] | None = Field(
        None, description="S_(t-1) of the first epoch: none (its weight goes to CE), the initial student, the superior"
    )
    fc1: Count | None = Field(None, description="outputs of the critic's first layer")
    fc2: Count | None = Field(None, description="outputs of the critic's second layer")
    critic_input: Literal["logits", "probabilities"] | None = Field(None, description="what the critic sees")
    critic_output: Literal["mean", "sum", "layer"] | None = Field(None, description="how fc2 outputs make one score")
    critic_norm: Literal["batch", "layer", "none"] | None = Field(None, description="between the critic's layers")
    critic_slope: Fraction | None = Field(None, description="of LeakyReLU")
    critic_lr: Rate | None = Field(None, description="of the critic's Adam")
    critic_beta1: Fraction | None = Field(None, description="of the critic's Adam")
    critic_beta2: Fraction | None = Field(None, description="of the critic's Adam")
    critic_decay: bool | None = Field(None, description="whether the critic's rate follows the student's schedule")
    critic_steps: Count | None = Field(None, description="critic steps before each student step")
    critic_real: bool | None = Field(None, description="whether L_D keeps E[D(S_sup)], the middle term of Eq. 6")
    gp_weight: Weight | None = Field(None, description="lambda of Eq. 6")
    gp_scalar: Literal["score", "sum"] | None = Field(
        None, description="whose gradient the penalty draws to norm 1: the score, or the sum of the outputs"
    )
    gp_mode: Literal["train", "eval"] | None = Field(None, description="the critic's batch norm in the penalty")
    fool_mode: Literal["train", "eval"] | None = Field(None, description="the critic's batch norm in L_A")

    @classmethod
    def parents(cls, run: Run, settings: dict[str, Any]) -> dict[str, Run]:
        """Return the superior: the run of the same seed, data and network, with what the variant says of these."""
        return {"superior": run.other(INHERITED, method=settings["superior"])} if "superior" in settings else {}

    @classmethod
    def meaningless(cls, values: dict[str, Any]) -> dict[str, str]:
        """Return the keys that have no meaning beside the other `values`, each with what it needs."""
        found = super().meaningless(values)
        left = {key: value for key, value in values.items() if key not in found}
        taught = left.get("alpha_g") or left.get("omega")
        begun = "superior" in (left.get("student_start"), left.get("first_previous"))
        if values.get("method") == "aikd" and not (taught or begun):
            found |= dict.fromkeys(("superior", "superior_weights"), "alpha_g or omega > 0")
        return found

    @model_validator(mode="after")
    def _agree_on_weights(self) -> Self:
        if self.method == "aikd" and self.alpha_g + self.alpha_p > 1 + 1e-9:
            total = f"alpha_g + alpha_p is {self.alpha_g + self.alpha_p:g}"
            raise ValueError(f"{total}: Eq. 8 leaves cross-entropy 1 - alpha_p - alpha_g, which must not be negative")
        if self.first_previous == "initial" and self.previous_source == "table":
            raise ValueError(
                "first_previous is initial: a table (previous_source) knows nothing of the initial student"
            )
        return self
