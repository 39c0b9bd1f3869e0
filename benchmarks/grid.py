"""Estimates the cost of all runs of a scale on GPUs from the counted operations of their steps.

    PYTHONPATH=src python benchmarks/grid.py [--scale paper] [--target all] [--tflops 5 10 30] [--gpus 1 8 64]

Counted on the training code: the floating-point operations of a step of each kind of run (by PyTorch's formulas, on a
few images, scaled to the run's batch) and of the evaluation after each epoch; the number of operations that a step
starts; the bytes of weights, predictions, samples and checkpoints. Measured: the seconds of the same steps on this CPU.
Assumed: a GPU sustains `--tflops` and needs `--microseconds` to start an operation, and a step takes the longer of the
two times. FID, tables and the preparation of data are left out.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from timing import prepare
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from advkd.data.store import Store
from advkd.methods.batch import Batch
from advkd.methods.method import Loss
from advkd.methods.okd import GanEnsemble
from advkd.models import classifiers, gantsc
from advkd.progress import duration
from advkd.report import plan
from advkd.settings import catalog, config
from advkd.settings.config import Resolved
from advkd.settings.names import PAPERS
from advkd.settings.papers import run_settings
from advkd.training import classifier, recipe
from advkd.training.mixing import mix
from advkd.training.views import Views

IMAGES = 4  # in a counted batch
CODEBRIM_CLASSES = 5
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Step:
    """A step: floating-point operations per image, operations started, and seconds per image on this CPU."""

    flops: float
    started: int
    seconds: float


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


class Counted(TorchDispatchMode):
    """Counts floating-point operations, and the operations that PyTorch starts (all except views of the same memory).

    PyTorch's FlopCounterMode cannot be used: it hooks into modules, which the backward of a gradient penalty forbids.
    """

    flops, started = 0, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.started += not func.is_view
        if formula := flop_registry.get(func.overloadpacket):
            self.flops += formula(*args, **(kwargs or {}), out_val=result)
        return result


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
    if isinstance(state, dict):
        state = list(state.values())
    return sum(map(size, state)) if isinstance(state, list | tuple) else 0


@cache
def official() -> dict[str, dict[str, int]]:
    """Return the numbers of classes, training and evaluation images of the data sets."""
    with config.REGISTRY.open(encoding="utf-8") as file:
        entries = yaml.safe_load(file)
    return {name: entry["official"] for name, entry in entries.items() if entry.get("official")}


def store(side: int, classes: int) -> Store:
    """Return a store of random images, two of each class."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2 * IMAGES, side, side, 3), dtype=np.uint8)
    labels, sizes = np.arange(2 * IMAGES) // 2, np.full((2 * IMAGES, 2), side, np.int32)
    return Store(Path(), images, labels, images, labels, {"classes": [""] * classes, "name": "random"}, sizes, sizes)


def count_classifier(resolved: Resolved) -> Kind:
    """Count the steps of a classifier's run, with parents of random weights."""
    classes = official()[resolved.run.dataset]["classes"]
    small = {key: IMAGES for key in ("batch", "synthetic_batch") if key in resolved.settings}
    settings = run_settings(str(resolved.run), {**resolved.settings, **small})
    views = Views(store(resolved.settings["stored_size"], classes), settings.views, settings.lighting, CPU)
    student = classifiers.build(settings.network, classes).to(memory_format=torch.channels_last)
    method = classifier.method_class(settings.method)(
        settings.method,
        student,
        **{role: network for role, network in random_parents(resolved, classes).items() if role != "start"},
        classes=classes,
        labels=views.labels,
        epochs=max(2, settings.recipe.epochs),  # two are begun below
        image_size=settings.views.image_size,
        normalisation=settings.views.normalisation,
        precision=settings.recipe.precision,
    )
    optimizer = recipe.optimizer(student, settings.optimizer, settings.recipe)
    for epoch in (0, 1):  # AI-KD learns from the previous student from the second epoch on
        method.begin_epoch(epoch, 1.0)

    def take_step(compute: Callable[[], Loss]) -> None:
        loss, _ = compute()
        optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=list(student.parameters()))
        optimizer.step()

    def real_loss() -> Loss:
        generator = torch.Generator()
        index = torch.arange(0, 2 * IMAGES, 2)
        images = views.training(method.choose(index, generator), generator)
        mixed = mix(images, generator, settings.mixing, method.groups)
        return method.loss(Batch(mixed.images, views.labels[index], index, mixed.partner, mixed.share))

    steps = {}
    if method.synthetic_steps:
        steps["synthetic"] = count(lambda: take_step(method.synthetic_loss))
    if method.sees_real:
        steps["real"] = count(lambda: take_step(real_loss))
    modules = [student, *method.networks.values(), optimizer, *method.optimizers.values()]
    states = [module.state_dict() for module in modules]
    weights = [student.state_dict()] * 2
    if "generator" in method.networks:
        weights.append(method.networks["generator"].state_dict())
    with torch.no_grad(), Counted() as evaluation:
        logits, features = classifiers.logits_and_features(student.eval(), next(views.evaluation(IMAGES))[:IMAGES])
    predicted = 2 * logits.nbytes + features.nbytes // 2  # logits of the last and the best epoch; features in 16 bits
    checkpoint = size([*states, method.tensors, student.state_dict()])
    return Kind(steps, evaluation.flops / IMAGES, checkpoint, size(weights), predicted // IMAGES)


def random_parents(resolved: Resolved, classes: int) -> dict[str, torch.nn.Module]:
    """Return the networks that a run learns from, by role, with random weights."""
    networks: dict[str, torch.nn.Module] = {}
    for role, parent in resolved.parents.items():
        if role == "gan":
            networks[role] = gantsc.Generator(classes, parent.settings["noise"], parent.settings["width"]).eval()
        else:
            networks[role] = classifiers.build(parent.typed.network, classes).eval()
    return networks


def count_gan(resolved: Resolved) -> Kind:
    """Count the steps of a GAN's run."""
    settings = resolved.typed
    gans = GanEnsemble(settings.base, settings.method, settings.adam, CODEBRIM_CLASSES, CPU)
    reals, labels = torch.rand(IMAGES, 3, 64, 64) * 2 - 1, torch.zeros(IMAGES, dtype=torch.int64)
    step = count(lambda: gans.step(reals, labels))
    networks = [network.state_dict() for network in gans.networks.values()]
    optimizers = [optimizer.state_dict() for optimizer in gans.optimizers.values()]
    return Kind({"real": step}, 0.0, size(networks + optimizers), size(networks), 0)


def steps_of(resolved: Resolved) -> dict[str, tuple[int, int]]:
    """Return the number of real and of synthetic steps of a run, each with its batch."""
    s = resolved.settings
    if resolved.loop == "gan":
        return {"real": (s["iterations"], s["batch"])}
    steps = {"synthetic": (s["epochs"] * s.get("synthetic_steps", 0), s.get("synthetic_batch", 0))}
    if "batch" in s:
        dataset = resolved.run.dataset
        images = official()[dataset]["train"]
        steps["real"] = (s["epochs"] * classifier.steps_of(images, s["batch"], dataset), s["batch"])
    return steps


def kind_of(resolved: Resolved) -> tuple:
    """Return the settings that decide the cost of a step."""
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
    run = resolved.run
    return run.paper, run.model, run.method, *(resolved.settings.get(key) for key in keys)


@dataclass(frozen=True)
class Cost:
    """The cost of a run.

    Attributes:
        gpu: seconds on the assumed GPU; in `overhead` of them it waits for operations to start.
        cpu: seconds on this CPU.
        flops: floating-point operations.
        checkpoint: bytes of a checkpoint.
        disk: bytes that the finished run keeps.
    """

    gpu: float
    overhead: float
    cpu: float
    flops: float
    checkpoint: int
    disk: int


def cost(resolved: Resolved, kind: Kind, tflops: float, microseconds: float) -> Cost:
    """Return the cost of a run on a GPU that sustains `tflops` and starts an operation in `microseconds`."""
    s = resolved.settings
    images = 0 if resolved.loop == "gan" else official()[resolved.run.dataset]["valid"]
    flops = s.get("epochs", 0) * images * kind.evaluation
    gpu, overhead, cpu = flops / tflops / 1e12, 0.0, 0.0
    for sort, step in kind.steps.items():
        number, batch = steps_of(resolved)[sort]
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
    arguments = parser.parse_args()
    prepare()
    user = config.user({"scale": arguments.scale})
    runs = catalog.with_parents(catalog.wanted(arguments.target, user))
    kinds: dict[tuple, Kind] = {}
    for resolved in runs.values():
        key = kind_of(resolved)
        if key in kinds:
            continue
        torch.manual_seed(0)
        kinds[key] = count_gan(resolved) if resolved.loop == "gan" else count_classifier(resolved)
        for sort, step in kinds[key].steps.items():
            print(f"{resolved.run.group:60}{sort:10}{step.flops / 1e9:8.3g} GFLOP an image{step.started:7} operations a"
                  f" step{1e3 * step.seconds:8.3g} ms an image here", flush=True)  # fmt: skip
    for tflops in arguments.tflops:
        costs = {}
        for name, resolved in runs.items():
            costs[name] = cost(resolved, kinds[kind_of(resolved)], tflops, arguments.microseconds)
        print(
            f"\n{arguments.target}, {arguments.scale}: {tflops:g} TFLOP/s, {arguments.microseconds:g} us an operation"
        )
        report(runs, costs, arguments.gpus)


def report(runs: dict[str, Resolved], costs: dict[str, Cost], gpus: list[int]) -> None:
    """Print the sums of each paper and of all papers."""
    columns = "".join(f"{number:>7} GPUs" for number in gpus)
    print(f"{'':6}{'runs':>6}{'EFLOP':>8}{'CPU-hours here':>16}{'GPU-hours':>11}{'overhead':>10}{'longest run':>14}"
          f"{'chain':>12}{columns}{'disk':>9}{'checkpoint':>12}")  # fmt: skip
    for paper in (*PAPERS, "all"):
        chosen = {name: resolved for name, resolved in runs.items() if paper in (resolved.run.paper, "all")}
        if not chosen:
            continue
        sums = [costs[name] for name in chosen]
        seconds = {name: costs[name].gpu for name in chosen}
        total = sum(seconds.values())
        spans = "".join(f"{duration(plan.makespan(chosen, seconds, number)):>12}" for number in gpus)
        print(
            f"{paper:6}{len(chosen):6}{sum(run.flops for run in sums) / 1e18:8.0f}"
            f"{sum(run.cpu for run in sums) / 3600:16,.0f}{total / 3600:11,.0f}"
            f"{sum(run.overhead for run in sums) / total:10.0%}{duration(max(seconds.values())):>14}"
            f"{duration(max(plan.chain_lengths(chosen, seconds).values())):>12}{spans}"
            f"{sum(run.disk for run in sums) / 1e9:6.0f} GB{max(run.checkpoint for run in sums) / 1e6:9.0f} MB"
        )


if __name__ == "__main__":
    main()
