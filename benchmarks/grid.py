"""What all runs of a scale cost on GPUs: arithmetic counted step by step, time extrapolated.

    PYTHONPATH=src python benchmarks/grid.py [--scale paper] [--target all] [--tflops 5 10 30] [--gpus 1 8 64]

Counted, on the training code itself: the floating-point operations of a step of every kind of run (PyTorch's
formulas, a few images, scaled to the run's batch) and of the evaluation after every epoch, the operations that a step
starts, and the bytes of weights, predictions, samples and checkpoints. Measured: the seconds of the same steps on this
CPU. Assumed: a GPU that sustains `--tflops` and needs `--microseconds` to start an operation; a step takes the larger
of both. FID, tables and the preparation of data are left out.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import yaml
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from advkd.data.store import Store
from advkd.methods.baseline import Task
from advkd.methods.okd import GanEnsemble
from advkd.models import classifiers, gantsc
from advkd.progress import duration
from advkd.report import plan
from advkd.runs.allocator import keep_freed_memory
from advkd.settings import catalog, config
from advkd.settings.config import Resolved
from advkd.training import classifier, recipe
from advkd.training.views import Views

IMAGES = 4  # of a counted batch
CODEBRIM_CLASSES = 5
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Step:
    """One step: floating-point operations an image, operations started, and seconds an image on this CPU."""

    flops: float
    started: int
    seconds: float


@dataclass(frozen=True)
class Kind:
    """What runs alike share: their steps, floating-point operations of evaluating an image, bytes on the disk."""

    steps: dict[str, Step]
    evaluation: float
    checkpoint: int
    weights: int  # that stay when a run is done
    predicted: int  # of an evaluation image


class Counted(TorchDispatchMode):
    """Counts floating-point operations, and the operations that PyTorch starts: all but views of the same memory.

    FlopCounterMode itself cannot be used: it hooks into modules, which a gradient penalty's backward does not allow.
    """

    flops, started = 0, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        self.started += not func.is_view
        if formula := flop_registry.get(func.overloadpacket):
            self.flops += formula(*args, **(kwargs or {}), out_val=found)
        return found


def count(step: Callable[[], object]) -> Step:
    """Count a step of IMAGES images, and time it."""
    step()
    start = time.perf_counter()
    step()
    seconds = time.perf_counter() - start
    with Counted() as counted:
        step()
    return Step(counted.flops / IMAGES, counted.started, seconds / IMAGES)


def size(state: Any) -> int:
    """Return the bytes of all tensors in nested dicts and lists."""
    if isinstance(state, torch.Tensor):
        return state.nbytes
    parts = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return sum(map(size, parts))


@cache
def official() -> dict[str, dict[str, int]]:
    """Classes, training and evaluation images of the data sets."""
    with config.REGISTRY.open(encoding="utf-8") as file:
        return {name: one["official"] for name, one in yaml.safe_load(file).items() if one.get("official")}


def store(side: int, classes: int) -> Store:
    """Return a store of random images, two of each class."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2 * IMAGES, side, side, 3), dtype=np.uint8)
    labels, sizes = np.arange(2 * IMAGES) // 2, np.full((2 * IMAGES, 2), side, np.int32)
    return Store(Path(), images, labels, images, labels, {"classes": [""] * classes, "name": "random"}, sizes, sizes)


def of_classifier(one: Resolved) -> Kind:
    """Count a classifier's kind of run, with parents of random weights."""
    classes = official()[one.run.dataset]["classes"]
    s = SimpleNamespace(**one.settings | {"batch": IMAGES, "synthetic_batch": IMAGES})
    known = {}
    for role, parent in one.parents.items():
        p = SimpleNamespace(**parent.settings)
        known[role] = gantsc.Generator(classes, p.noise, p.width) if role == "gan" else classifiers.build(p, classes)
        known[role].eval()
    views = Views(store(s.stored_size, classes), s, CPU)
    student = classifiers.build(s, classes).to(memory_format=torch.channels_last)
    method = classifier.METHODS[s.method](s, student, Task(classes, views.labels, CPU, known))
    optimizer = recipe.optimizer(student, s)
    for epoch in (0, 1):  # the previous student teaches from the second on
        method.begin_epoch(epoch, 1.0)

    def move(loss: Callable[[], dict[str, torch.Tensor]]) -> None:
        terms = loss()
        optimizer.zero_grad(set_to_none=True)
        terms["L"].backward(inputs=list(student.parameters()))
        optimizer.step()

    index = torch.arange(0, 2 * IMAGES, 2)
    steps = {}
    if method.synthetic_steps:
        steps["synthetic"] = count(lambda: move(method.synthetic_loss))
    if method.sees_real:
        steps["real"] = count(lambda: move(lambda: method.loss(classifier.draw(views, method, index, s, 0, 0))))
    networks, optimizers = {"": student, **method.networks}, {"": optimizer, **method.optimizers}
    states = [part.state_dict() for part in (*networks.values(), *optimizers.values())]
    weights = [student.state_dict()] * 2 + [part.state_dict() for name, part in networks.items() if name == "generator"]
    with torch.no_grad(), Counted() as evaluation:
        logits, features = classifiers.logits_and_features(student.eval(), next(views.evaluation(IMAGES))[:IMAGES])
    predicted = 2 * logits.nbytes + features.nbytes // 2  # of the last and the best epoch; in 16 bits
    checkpoint = size([*states, method.tensors, student.state_dict()])
    return Kind(steps, evaluation.flops / IMAGES, checkpoint, size(weights), predicted // IMAGES)


def of_gan(one: Resolved) -> Kind:
    """Count a GAN's kind of run."""
    gans = GanEnsemble(SimpleNamespace(**one.settings), CODEBRIM_CLASSES, CPU)
    reals, labels = torch.rand(IMAGES, 3, 64, 64) * 2 - 1, torch.zeros(IMAGES, dtype=torch.int64)
    step = count(lambda: gans.step(reals, labels))
    networks, optimizers = (
        [part.state_dict() for part in parts.values()] for parts in (gans.networks, gans.optimizers)
    )
    return Kind({"real": step}, 0.0, size(networks + optimizers), size(networks), 0)


def steps_of(one: Resolved) -> dict[str, tuple[int, int]]:
    """Return how many steps of each sort a run has, and their batch."""
    s = one.settings
    if one.loop == "gan":
        return {"real": (s["iterations"], s["batch"])}
    found = {"synthetic": (s["epochs"] * s.get("synthetic_steps", 0), s.get("synthetic_batch", 0))}
    if "batch" in s:
        images = official()[one.run.dataset]["train"]
        found["real"] = (s["epochs"] * classifier.steps_of(images, s["batch"], one.run.dataset), s["batch"])
    return found


def like(one: Resolved) -> tuple:
    """Return what decides the cost of a step."""
    keys = (
        "image_size",
        "stored_size",
        "width",
        "precision",
        "teacher",
        "sets",
        "binary",
        "previous_source",
        "penalty",
    )
    return one.run.paper, one.run.model, one.run.method, *(one.settings.get(key) for key in keys)


@dataclass(frozen=True)
class Cost:
    """What one run costs.

    Attributes:
        gpu: seconds on the assumed GPU, and of them `overhead` in steps that wait for operations to start.
        cpu: seconds here.
        flops: floating-point operations.
        checkpoint: bytes of one.
        disk: bytes that stay.
    """

    gpu: float
    overhead: float
    cpu: float
    flops: float
    checkpoint: int
    disk: int


def cost(one: Resolved, kind: Kind, tflops: float, microseconds: float) -> Cost:
    """Return what a run of a kind costs on a GPU that sustains `tflops` and starts an operation in `microseconds`."""
    s = one.settings
    images = 0 if one.loop == "gan" else official()[one.run.dataset]["valid"]
    flops = s.get("epochs", 0) * images * kind.evaluation
    gpu, overhead, cpu = flops / tflops / 1e12, 0.0, 0.0
    for sort, step in kind.steps.items():
        number, batch = steps_of(one)[sort]
        computing, starting = step.flops * batch / tflops / 1e12, step.started * microseconds / 1e6
        gpu += number * max(computing, starting)
        overhead += number * starting * (starting > computing)
        flops += number * batch * step.flops
        cpu += number * batch * step.seconds
    side = s["image_size"]
    samples = s.get("fakes", 0) * s.get("sets", 0) * side * side * 3 * (2 if s.get("early_iteration") else 1)
    return Cost(gpu, overhead, cpu, flops, kind.checkpoint, kind.weights + images * kind.predicted + samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="paper")
    parser.add_argument("--target", default="all", help="a target of the workflow: all, tables, okd_table1, …")
    parser.add_argument("--tflops", type=float, nargs="+", default=[5.0, 10.0, 30.0])
    parser.add_argument("--microseconds", type=float, default=10.0)
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    user = config.user({"scale": arguments.scale})
    runs = catalog.with_parents(catalog.wanted(arguments.target, user))
    kinds: dict[tuple, Kind] = {}
    for one in runs.values():
        if like(one) not in kinds:
            torch.manual_seed(0)
            kinds[like(one)] = kind = of_gan(one) if one.loop == "gan" else of_classifier(one)
            for sort, step in kind.steps.items():
                print(f"{one.run.group:60}{sort:10}{step.flops / 1e9:8.3g} GFLOP an image{step.started:7} operations a"
                      f" step{1e3 * step.seconds:8.3g} ms an image here", flush=True)  # fmt: skip
    for tflops in arguments.tflops:
        costs = {name: cost(one, kinds[like(one)], tflops, arguments.microseconds) for name, one in runs.items()}
        print(
            f"\n{arguments.target}, {arguments.scale}: {tflops:g} TFLOP/s, {arguments.microseconds:g} us an operation"
        )
        report(runs, costs, arguments.gpus)


def report(runs: dict[str, Resolved], costs: dict[str, Cost], gpus: list[int]) -> None:
    """Print the sums of each paper and of all."""
    print(f"{'':6}{'runs':>6}{'EFLOP':>8}{'CPU-hours here':>16}{'GPU-hours':>11}{'overhead':>10}{'longest run':>14}"
          f"{'chain':>12}{''.join(f'{n:>7} GPUs' for n in gpus)}{'disk':>9}{'checkpoint':>12}")  # fmt: skip
    for paper in (*config.PAPERS, "all"):
        chosen = {name: one for name, one in runs.items() if paper in (one.run.paper, "all")}
        found = [costs[name] for name in chosen]
        seconds = {name: costs[name].gpu for name in chosen}
        total = sum(seconds.values())
        print(
            f"{paper:6}{len(chosen):6}{sum(one.flops for one in found) / 1e18:8.0f}"
            f"{sum(one.cpu for one in found) / 3600:16,.0f}{total / 3600:11,.0f}"
            f"{sum(one.overhead for one in found) / total:10.0%}{duration(max(seconds.values())):>14}"
            f"{duration(max(plan.chains(chosen, seconds).values())):>12}"
            f"{''.join(f'{duration(plan.makespan(chosen, seconds, n)):>12}' for n in gpus)}"
            f"{sum(one.disk for one in found) / 1e9:6.0f} GB{max(one.checkpoint for one in found) / 1e6:9.0f} MB"
        )


if __name__ == "__main__":
    main()
