"""What the settings of a run of the GIP paper may be. Where the paper leaves a choice, the key that makes it.

Choices:
    - [gip: Table 5] Printed: four columns of check marks, lost in the text at hand. Here: rows in lexicographic order
      (`alpha`, `beta`, `gamma`, `delta`); a note in the CSV of each. Why: the singles, three combinations that the text
      quotes, and "all" agree. One row contradicts the text: without the entropy loss six combinations should fail, five
      do.
    - [gip] Open: a teacher's seed. Here: 0, one teacher, and one GAN, a data set for all students and seeds; its cells
      carry no spread.
    - [gip: section 3.5] Added: the sweep of delta, which the text mentions and does not show (`delta`).
    - [gip] Added: lighting on and off (`lighting`).
"""

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from advkd.settings.classifier import IMAGES, MIXING, VIEW_NEEDS, ClassifierSettings, Positive, Weight
from advkd.settings.names import Run
from advkd.settings.schema import POSITIVE, Count, Fraction, Rate

TEACHER_SEED = 0
LOSSES = ("alpha", "beta", "gamma", "delta")

REAL = (("method", ("baseline", "kd", "gip", "gantsc", "acgan")),)
SGD, STEPS = (("optimizer", ("sgd",)),), (("schedule", ("steps",)),)
SYNTHETIC = (("method", ("gip", "dafl")),)
MADE = (*SYNTHETIC, ("synthetic_steps", POSITIVE))
REACTNET = (("model", ("reactnet18",)),)
SECOND = (*REACTNET, ("binary", ("all",)))
NEEDS = {
    "batch": REAL,
    "lighting": REAL,
    **dict.fromkeys(("momentum", "nesterov"), SGD),
    **dict.fromkeys(("beta1", "beta2"), (("optimizer", ("adam",)),)),
    **dict.fromkeys(("milestones", "lr_factor"), STEPS),
    "stem": (("model", ("resnet18", "resnet34")),),
    "binary": REACTNET,
    **dict.fromkeys(("shortcut", "first_step"), SECOND),
    **dict.fromkeys(("teacher", "teacher_weights", "frozen_precision"), (("method", ("kd", "gip", "dafl", "gantsc")),)),
    "tau": (("method", ("kd", "gip", "dafl")),),
    "ce_weight": (("method", ("kd",)),),
    "synthetic_steps": SYNTHETIC,
    "noise": (("method", ("gip", "dafl", "acgan")),),
    **dict.fromkeys((*LOSSES, "synthetic_batch", "generator_width"), MADE),
    "ie_form": (*MADE, ("beta", POSITIVE)),
    "act_form": (*MADE, ("gamma", POSITIVE)),
    **dict.fromkeys(("bns_reduction", "bns_moment"), (*MADE, ("delta", POSITIVE))),
    **dict.fromkeys(
        ("generator_lr", "generator_beta1", "generator_beta2"), (("method", ("gip", "dafl", "acgan")),)
    ),
    **dict.fromkeys(("gan", "fake_share"), (("method", ("gantsc",)),)),
}  # fmt: skip
# What a variant says of these it says of ReActNet's second step alone.
SECOND_ONLY = {"binary", "shortcut", "first_step", "seed_offset", "weight_decay"}
# What only a run with a generator and a teacher has; without synthetic iterations GIP is Baseline.
TAUGHT = (
    "teacher", "teacher_weights", "frozen_precision", "tau", "noise", "generator_lr", "generator_beta1",
    "generator_beta2",
)  # fmt: skip


class GipSettings(ClassifierSettings):
    """A run of the GIP paper: a teacher or student by Baseline, a student by KD, GIP, DAFL or GAN-TSC, or its GAN."""

    needs: ClassVar = VIEW_NEEDS | NEEDS

    model: Literal["resnet18", "reactnet18", "resnet34", "wrn28_10", "acgan"]
    method: Literal["baseline", "kd", "gip", "dafl", "gantsc", "acgan"]

    stem: Literal["cifar"] | None = Field(None, description="3x3 without stride or pooling (resnet18, resnet34)")
    binary: Literal["activations", "all"] | None = Field(
        None, description="what is binary: activations (ReActNet's first step), or 3x3 weights too (its second)"
    )
    shortcut: Literal["real", "binary"] | None = Field(None, description="weights of 1x1 shortcuts (second step)")
    first_step: Literal["same", "baseline", "kd"] | None = Field(
        None, description="method of the run whose weights the second step starts from; same: its own"
    )
    optimizer: Literal["sgd", "adam"] = Field(description="of the student")
    beta1: Fraction | None = Field(None, description="of the student's Adam")
    beta2: Fraction | None = Field(None, description="of the student's Adam")
    weight_decay_on: Literal["all", "maps"] = Field(
        description="every weight, or those of four dimensions: convolutions and ReActNet's shifts, as in its code"
    )
    schedule: Literal["steps", "linear", "linear_ahead", "constant"] = Field(
        description="rate: falls at milestones; is 1 - e/E of the first in epoch e from 0, or 1 - (e+1)/E as in"
        " ReActNet's code, where the last epoch learns nothing; or stays"
    )
    schedule_epochs: Count | None = Field(None, description="epochs the milestones are fractions of; absent: the run's")
    lighting: Weight | None = Field(None, description="standard deviation of PCA colour noise; 0: none")

    teacher: Literal["resnet34", "wrn28_10"] | None = Field(None, description="network of the teacher, seed 0")
    teacher_weights: Literal["last", "best"] | None = Field(None, description="which epoch of the teacher's")
    tau: Positive | None = Field(None, description="temperature T of Eq. 7")
    ce_weight: Weight | None = Field(None, description="of cross-entropy beside L_KD on real images (kd)")

    synthetic_steps: Annotated[int, Field(ge=0)] | None = Field(None, description="SI, iterations an epoch; 0: none")
    synthetic_batch: Annotated[int, Field(ge=2)] | None = Field(None, description="n, synthetic images an iteration")
    noise: Count | None = Field(None, description="length of the generator's noise vector")
    generator_width: Annotated[int, Field(ge=2, multiple_of=2)] | None = Field(
        None, description="channels of the generator's first map"
    )
    generator_lr: Rate | None = Field(None, description="of the generator's Adam")
    generator_beta1: Fraction | None = Field(None, description="of the generator's Adam")
    generator_beta2: Fraction | None = Field(None, description="of the generator's Adam")
    alpha: Weight | None = Field(None, description="weight of the one-hot loss L_OH, Eq. 16")
    beta: Weight | None = Field(None, description="weight of the information entropy loss L_IE, Eq. 16")
    gamma: Weight | None = Field(None, description="weight of the activation loss L_ACT, Eq. 16")
    delta: Weight | None = Field(None, description="weight of the batch-norm statistics loss L_BNS, Eq. 16")
    ie_form: Literal["code", "equation"] | None = Field(
        None, description="sum p log10 p (DAFL's code), or Eq. 12's with 1/k and the natural logarithm"
    )
    act_form: Literal["code", "equation"] | None = Field(
        None, description="-mean |f| (DAFL's code), or Eq. 14's L1 norm of each image's features"
    )
    bns_reduction: Literal["mean", "sum"] | None = Field(
        None, description="over channels and layers: means (GDFQ's code), or Eq. 15's sums"
    )
    bns_moment: Literal["variance", "deviation"] | None = Field(
        None, description="compared beside the mean: variance (GDFQ's code, the text), or sigma as Eq. 15 writes"
    )

    gan: Literal["acgan"] | None = Field(None, description="network of the GAN that draws images (gantsc), seed 0")
    fake_share: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="p_fake of GAN-TSC")

    @classmethod
    def parents(cls, run: Run, settings: dict[str, Any]) -> dict[str, Run]:
        """Return the teacher, GAN-TSC's GAN, and the first of ReActNet's two steps."""
        found = {}
        if teacher := settings.get("teacher"):
            found["teacher"] = run.other(IMAGES, model=teacher, method="baseline", seed=TEACHER_SEED)
        if gan := settings.get("gan"):
            found["gan"] = run.other(IMAGES, model=gan, method="acgan", seed=TEACHER_SEED)
        if settings.get("binary") == "all":
            found["start"] = cls._first_step(run, settings)
        return found

    @classmethod
    def _first_step(cls, run: Run, settings: dict[str, Any]) -> Run:
        method = run.method if settings["first_step"] == "same" else settings["first_step"]
        foreign = {
            key
            for key, conditions in NEEDS.items()
            for setting, wanted in conditions
            if setting == "method" and method not in wanted
        }
        kept = cls.model_fields.keys() - foreign - SECOND_ONLY
        first = run.other(kept, method=method)
        return replace(first, variant=tuple(sorted((*first.variant, ("binary", "activations")))))

    @classmethod
    def meaningless(cls, values: dict[str, Any]) -> dict[str, str]:
        """Return the keys that have no meaning beside the other `values`, each with what it needs."""
        found = super().meaningless(values)
        if values.get("method") == "gip" and not values.get("synthetic_steps"):
            found |= dict.fromkeys(TAUGHT, "synthetic_steps > 0")
        if values.get("schedule") != "steps":
            found["schedule_epochs"] = "schedule steps"
        elif values.get("schedule_epochs") == values.get("epochs"):
            found["schedule_epochs"] = "another number than epochs"
        return found

    @model_validator(mode="before")
    @classmethod
    def _name_the_first_step_once(cls, values: dict[str, Any]) -> dict[str, Any]:
        own = values.get("first_step") is not None and values["first_step"] == values.get("method")
        return values | {"first_step": "same"} if own else values

    @model_validator(mode="after")
    def _agree_on_generator(self) -> Self:
        made = self.method == "dafl" or (self.method == "gip" and self.synthetic_steps)
        if self.method == "dafl" and not self.synthetic_steps:
            raise ValueError("synthetic_steps is 0, but DAFL has no other images to learn from")
        if made and not any(getattr(self, name) for name in LOSSES):
            raise ValueError(
                "alpha, beta, gamma and delta are all 0, so the generator would learn nothing: give one a weight, or"
                " take method baseline"
            )
        if self.method == "acgan" and self.model != "acgan":
            raise ValueError(f"method acgan trains the model acgan, not {self.model}")
        if self.model == "acgan" and self.method != "acgan":
            raise ValueError("the model acgan is trained by the method acgan only")
        if made and self.image_size % 4:
            raise ValueError(f"image_size is {self.image_size}: a generator's must be a multiple of 4")
        if self.method in ("acgan", "gantsc") and self.image_size != 32:
            raise ValueError(f"image_size is {self.image_size}: GAN-TSC's GAN draws images of 32 pixels only")
        if self.method == "dafl" and self.augment != "none":
            raise ValueError(f"augment is {self.augment}, but DAFL's student sees no real image")
        if self.method == "acgan" and self.augment in MIXING:
            raise ValueError(f"augment is {self.augment}: an AC-GAN cannot learn from mixed labels")
        return self
