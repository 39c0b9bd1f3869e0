"""Trainings without a folder: a loop's state on a few random images, from settings that a test chooses."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

import numpy as np
import torch

from advkd.bounds import Bounds
from advkd.data.store import Store
from advkd.errors import UserError
from advkd.methods.settings.base import registered
from advkd.methods.settings.gantsc import GanTscGanSettings
from advkd.models import classifiers, gantsc
from advkd.schema import keys_of
from advkd.settings import config
from advkd.settings.config_files import paper_file
from advkd.settings.layers import defaults
from advkd.settings.papers import RUN_CLASSES
from advkd.training.classifier import Training
from advkd.training.seeding import Streams

CLASSES, IMAGES = 4, 12
CPU = torch.device("cpu")
# What decides how long a training takes. Nothing here is equal to a default.
TINY = {"width": 8, "batch": 6, "epochs": 2}
TINY |= {"fc1": 8, "fc2": 4, "critic_steps": 2, "synthetic_steps": 2, "synthetic_batch": 6}
TINY |= {"noise": 10, "generator_width": 4, "z": 7}
# Milestones of 2 epochs are seen in the second; CutMix in nearly every batch.
STATED = {"milestones": (0.5,), "schedule_epochs": 2, "cutmix_probability": 0.97, "seed": 3}


@dataclass
class StandInParent:
    """A finished run with random weights, which follow from its role and which of them are asked for."""

    role: str
    typed: Any
    run: str

    def settings(self):
        return self.typed

    def network(self, which):
        """Return the network of these weights."""
        torch.manual_seed(Streams(0).derive(self.role, which))
        if which == "generator" and isinstance(self.typed.method, GanTscGanSettings):
            return gantsc.Generator(CLASSES, self.typed.method.noise, self.typed.network.width)
        return classifiers.build(self.typed.network, CLASSES)

    def weights(self, which):
        state = torch.get_rng_state()
        weights = self.network(which).state_dict()
        torch.set_rng_state(state)
        return weights

    def column(self, name):
        return [0.0]

    def describe(self, which):
        return f"{which} weights of {self.run}"


@dataclass
class MemorySession:
    """A session that keeps nothing. See `advkd.training.session.Session`."""

    settings: Any
    parents: dict[str, StandInParent]
    document: dict[str, Any]
    device: torch.device = CPU
    generation: int = 0
    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


def make_store(side: int) -> Store:
    """Return a store of random images."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, side, side, 3), dtype=np.uint8)
    labels, sizes = np.arange(IMAGES) % CLASSES, np.full((IMAGES, 2), side, np.int32)
    meta = {"classes": [f"class {i}" for i in range(CLASSES)], "name": "random"}
    return Store(Path(), images, labels, images, labels, meta, sizes, sizes)


@cache
def resolve_tiny(paper: str, method: str, model: str | None = None) -> config.Resolved:
    """Return a run of a method at a small size, on the first network and image size that the method takes."""
    file = paper_file(paper)
    models = [model] if model else sorted(file.models, key=lambda name: "resnet18" not in name)
    known = keys_of(RUN_CLASSES[paper]).keys()
    for model, size in itertools.product(models, (8, 32, 64)):
        sides = {"image_size": size} | ({} if paper == "okd" else {"stored_size": size})
        override = {key: value for key, value in (TINY | sides).items() if key in known}
        try:
            user = config.user({"override": {paper: override}})
            return config.resolve(f"{paper}/{next(iter(file.datasets))}/{model}/{method}/seed0", user)
        except UserError:
            continue
    raise AssertionError(f"no network of {paper} takes method {method}")


def distinct_values(paper: str, method: str, model: str | None = None) -> dict[str, Any]:
    """Return flat settings of a tiny run; its fractional numbers are inside their bounds, all different, no defaults.

    Keys that do not apply are there as well, so that a change which makes them apply is complete.
    """
    group = registered(paper)[method]
    flat = defaults(group) | dict(resolve_tiny(paper, method, model).settings)
    keys = {key: kind_of(annotation) for key, annotation in keys_of(RUN_CLASSES[paper], ("method",)).items()}
    keys |= {key: kind_of(annotation) for key, annotation in keys_of(group).items()}
    numbers = fractions(bounds for kind, bounds in keys.values() if kind is float)
    for key, (kind, _) in keys.items():
        if kind is float:
            value = next(numbers)
            flat[key] = value if value != flat.get(key) else value + 1e-3
        elif kind is int:
            flat.setdefault(key, 4)
    if flat.get("sets", 1) > 1:
        flat["sets"] = 2
    return {**flat, **STATED}


def fractions(bounds) -> Iterator[float]:
    """Yield a number for each of the bounds: at most 0.45, so that two add up to less than 1, or above 1."""
    for place, limits in enumerate(bounds):
        yield 1.3 + place / 64 if limits.le is None and limits.lt is None and limits.gt == 0 else 0.05 + place / 128


def other_value(annotation: object, value: Any) -> Any:
    """Return another value of a number, or of several."""
    kind, bounds = kind_of(annotation)
    if isinstance(value, tuple):
        return tuple(1.5 * part for part in value)
    if kind is float:
        if bounds.gt == 0 and not (bounds.le or bounds.lt):
            return 20 * value
        return 1 - value if bounds.le or bounds.lt else 1.5 * value
    return value + (bounds.multiple_of or 1)


def kind_of(annotation: object) -> tuple[object, Bounds]:
    """Return the type of a setting's values and their bounds; a setting that may be None counts by its other type."""
    if hasattr(annotation, "__metadata__"):
        kind, inner = kind_of(annotation.__origin__)
        return kind, next((mark for mark in annotation.__metadata__ if isinstance(mark, Bounds)), inner)
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if parts and get_origin(annotation) not in (tuple, list) and not isinstance(parts[0], str):
        return kind_of(parts[0])
    return annotation, Bounds()


def make_training(paper: str, method: str, flat: dict[str, Any], generation: int | None = None) -> Training:
    """Return the state of the classifiers' loop at its start, from flat settings; by default in its own generation."""
    resolved = resolve_tiny(paper, method)
    settings = RUN_CLASSES[paper].from_flat(flat)
    parents = {role: StandInParent(role, parent.typed, str(parent.run)) for role, parent in resolved.parents.items()}
    generation = resolved.generation if generation is None else generation
    session = MemorySession(settings, parents, {"run": str(resolved.run)}, generation=generation)
    return Training(session, make_store(settings.data.stored_size))


def take_epoch(training: Training, epoch: int) -> None:
    """Take all steps of an epoch."""
    training.begin_epoch(epoch)
    for step in range(training.steps):
        training.take_step(epoch, step)
        training.session.step += 1
    training.end_epoch(epoch)
