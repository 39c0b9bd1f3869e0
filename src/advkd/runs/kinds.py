"""Kinds of runs whose steps cost the same, and what a step costs. This needs no torch."""

from dataclasses import dataclass

from advkd.settings.config import Resolved

# The settings that decide the cost of a step, beside paper, network and method.
DECISIVE = (
    "image_size", "stored_size", "crop", "augment", "width", "generator_width", "noise", "precision", "teacher", "sets",
    "binary", "previous_source", "penalty", "critic_forward", "optimizer",
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A step.

    Attributes:
        flops: floating-point operations of an image.
        started: operations of a step that PyTorch starts, all except views of the same memory.
        seconds: the time that a step of `images` images took here.
        images: how many images were counted.
    """

    flops: float
    started: int
    seconds: float
    images: int


@dataclass(frozen=True)
class Kind:
    """The cost of runs whose steps are alike.

    Attributes:
        steps: the step on real images and the step on synthetic images, if there are such.
        evaluation: floating-point operations to evaluate an image.
        checkpoint: bytes of a checkpoint.
        weights: bytes of the weights that a finished run keeps.
        predicted: bytes of the predictions for an evaluation image.
    """

    steps: dict[str, Step]
    evaluation: float
    checkpoint: int
    weights: int
    predicted: int


def kind_key(resolved: Resolved) -> tuple[object, ...]:
    """Return what runs share whose steps cost the same."""
    run = resolved.run
    return run.paper, run.model, run.method, *(resolved.settings.get(key) for key in DECISIVE)
