"""Counts the operations of a run's steps by taking them, on a few random images and with parents of random weights."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from advkd.data.store import Store
from advkd.methods.batch import Batch
from advkd.methods.method import Loss
from advkd.methods.okd import GanEnsemble
from advkd.models import classifiers, gantsc
from advkd.models.settings import Network
from advkd.runs.kinds import Kind, Step
from advkd.settings.config import Resolved
from advkd.settings.gan import NETWORK_SIZE, GanRun
from advkd.settings.papers import run_settings
from advkd.training import classifier, recipe
from advkd.training.mixing import mix
from advkd.training.views import Views

CPU = torch.device("cpu")


class _Counted(TorchDispatchMode):
    """Counts floating-point operations, by PyTorch's formulas, and the operations that PyTorch starts.

    PyTorch's FlopCounterMode cannot be used: it hooks into modules, which the backward of a gradient penalty forbids.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops, self.started = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.started += not func.is_view
        if formula := flop_registry.get(func.overloadpacket):
            self.flops += formula(*args, **(kwargs or {}), out_val=result)
        return result


def count(resolved: Resolved, classes: int, images: int = 4) -> Kind:
    """Count the steps of a run, and time them on this CPU.

    Args:
        resolved: the run.
        classes: of its data set.
        images: of a counted step; an even number, and at least 4: methods pair images of a class, and batch norm needs
            two of them.
    """
    torch.manual_seed(0)
    if isinstance(resolved.typed, GanRun):
        return _count_gan(resolved.typed, classes, images)
    return _count_classifier(resolved, classes, images)


def _count_step(step: Callable[[], object], images: int) -> Step:
    step()  # the first one also makes the optimizer's state
    start, worked = time.perf_counter(), time.process_time()
    step()
    # Other programs lengthen the first of these times, more threads the second.
    seconds = min(time.perf_counter() - start, time.process_time() - worked)
    with _Counted() as counted:
        step()
    return Step(counted.flops / images, counted.started, seconds, images)


def _count_classifier(resolved: Resolved, classes: int, images: int) -> Kind:
    small = {key: images for key in ("batch", "synthetic_batch") if key in resolved.settings}
    settings: Any = run_settings(str(resolved.run), {**resolved.settings, **small})
    views = Views(
        _random_store(settings.data.stored_size, classes, images),
        settings.views,
        settings.lighting,
        CPU,
        settings.mixing,
    )
    student = classifiers.build(settings.network, classes).to(memory_format=torch.channels_last)
    parents = _random_parents(resolved, classes)
    method = classifier.method_class(settings.method)(
        settings.method,
        student,
        **{role: network for role, network in parents.items() if role != "start"},
        classes=classes,
        labels=views.labels,
        epochs=max(2, settings.recipe.epochs),
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
        index = torch.arange(0, 2 * images, 2)
        seen = views.training(method.choose(index, generator), generator)
        mixed = mix(seen, generator, settings.mixing, method.groups)
        return method.loss(Batch(mixed.images, views.labels[index], index, mixed.partner, mixed.share))

    steps = {}
    if method.synthetic_steps:
        steps["synthetic"] = _count_step(lambda: take_step(method.synthetic_loss), images)
    if method.sees_real:
        steps["real"] = _count_step(lambda: take_step(real_loss), images)
    modules: list[Any] = [student, *method.networks.values(), optimizer, *method.optimizers.values()]
    states = [module.state_dict() for module in modules]
    weights = [student.state_dict()] * 2
    if "generator" in method.networks:
        weights.append(method.networks["generator"].state_dict())
    with torch.no_grad(), _Counted() as evaluation:
        logits, features = classifiers.logits_and_features(student.eval(), next(views.evaluation(images))[:images])
    predicted = 2 * logits.nbytes + features.nbytes // 2  # logits of the last and the best epoch; features in 16 bits
    checkpoint = _size([*states, method.tensors, student.state_dict()])
    return Kind(steps, evaluation.flops / images, checkpoint, _size(weights), predicted // images)


def _random_store(side: int, classes: int, images: int) -> Store:
    """Return a store of random images, two of each class as far as there are so many."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2 * images, side, side, 3), dtype=np.uint8)
    labels, sizes = np.arange(2 * images) // 2 % classes, np.full((2 * images, 2), side, np.int32)
    meta = {"classes": [""] * classes, "name": "random"}
    return Store(Path(), pixels, labels, pixels, labels, meta, sizes, sizes)


def _random_parents(resolved: Resolved, classes: int) -> dict[str, nn.Module]:
    """Return the networks that a run learns from, by role, with random weights."""
    networks: dict[str, nn.Module] = {}
    for role, parent in resolved.parents.items():
        if role == "gan":
            noise, width = (int(str(parent.settings[key])) for key in ("noise", "width"))
            networks[role] = gantsc.Generator(classes, noise, width).eval()
        else:
            network: Network = parent.typed.network  # type: ignore[union-attr]  # a GAN is a parent as `gan` only
            networks[role] = classifiers.build(network, classes).eval()
    return networks


def _count_gan(settings: GanRun, classes: int, images: int) -> Kind:
    gans = GanEnsemble(settings.base, settings.method, settings.adam, classes, CPU)
    reals = torch.rand(images, 3, NETWORK_SIZE, NETWORK_SIZE) * 2 - 1
    labels = torch.zeros(images, dtype=torch.int64)
    step = _count_step(lambda: gans.step(reals, labels), images)
    networks = [network.state_dict() for network in gans.networks.values()]
    optimizers = [optimizer.state_dict() for optimizer in gans.optimizers.values()]
    return Kind({"real": step}, 0.0, _size([*networks, *optimizers]), _size(networks), 0)


def _size(state: object) -> int:
    """Return the bytes of all tensors in nested dicts and lists."""
    if isinstance(state, Tensor):
        return state.nbytes
    if isinstance(state, dict):
        state = list(state.values())
    return sum(map(_size, state)) if isinstance(state, list | tuple) else 0
