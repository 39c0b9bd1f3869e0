"""The classifiers' loop: order, views, schedule, evaluation, checkpoints. What a step learns is the method's affair.

Every random number of a step follows from (seed, epoch, step), so that resuming anywhere repeats an undisturbed run's
bits. The last epoch is what tables report; the epoch with the lowest Top-1 error on the evaluation set is kept beside
it, since papers of this lineage often report that one, chosen on the images it is measured on.
"""

import math
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from advkd.data.store import Store
from advkd.errors import UserError
from advkd.files import atomic
from advkd.methods.aikd import AiKd
from advkd.methods.baseline import Baseline, Task
from advkd.methods.batch import Batch
from advkd.methods.cskd import CsKd
from advkd.methods.dafl import Dafl
from advkd.methods.gantsc import GanTsc
from advkd.methods.gantsc_gan import GanTscGan
from advkd.methods.gip import Gip
from advkd.methods.kd import Kd
from advkd.methods.pskd import PsKd
from advkd.methods.tfkd import TfKd
from advkd.models import classifiers
from advkd.progress import Progress
from advkd.training import parents, recipe, seeding
from advkd.training.guard import Guard, check_weights
from advkd.training.means import Means
from advkd.training.mixing import mix
from advkd.training.session import Session
from advkd.training.views import Views

METHODS: dict[str, type[Baseline]] = {
    "baseline": Baseline, "cskd": CsKd, "tfkd": TfKd, "pskd": PsKd, "aikd": AiKd,
    "kd": Kd, "gip": Gip, "dafl": Dafl, "gantsc": GanTsc, "acgan": GanTscGan,
}  # fmt: skip
EVALUATION_BATCH = 250


def train(session: Session, store: Store) -> dict[str, Any]:
    """Train the session's classifier on a store to the end; write weights, predictions and the best epoch's weights.

    An epoch has the steps that the method takes on images of its own making, and then those on the real ones.

    Raises:
        Diverged: a loss or a weight became non-finite.
        Interrupted: a signal asked to stop.
        UserError: an epoch's last batch would hold one image, which batch norm cannot take.
    """
    s, device = session.settings, session.device
    seed, classes = s.seed + s.seed_offset, len(store.meta["classes"])
    views = Views(store, s, device)
    labels = views.labels.cpu()
    torch.manual_seed(seeding.derive(seed, "initialisation"))
    student = classifiers.build(s, classes).to(device, memory_format=torch.channels_last)
    known = parents.load(session, classes, len(views.held_out_labels), device)
    if "start" in known:
        student.load_state_dict(known["start"].state_dict())
    method = METHODS[s.method](s, student, Task(classes, labels, device, known))
    synthetic = method.synthetic_steps
    real = steps_of(len(labels), s.batch, store.meta["name"]) if method.sees_real else 0
    steps = synthetic + real
    optimizer = recipe.optimizer(student, s)
    networks = {"student": student, **method.networks}
    optimizers = {"student": optimizer, **method.optimizers}
    means, best = Means(), {}
    state = session.resume()
    if state is not None:
        for kind, parts in (("networks", networks), ("optimizers", optimizers)):
            for name, part in parts.items():
                part.load_state_dict(state[kind][name])
        for name, tensor in method.tensors.items():
            tensor.copy_(state["tensors"][name])
        means, best = Means.restored(state["means"], device), state["best"]

    guard = Guard(s.epochs * steps, device, steps)

    def snapshot() -> dict[str, Any]:
        guard.check()
        return {
            "networks": {name: part.state_dict() for name, part in networks.items()},
            "optimizers": {name: part.state_dict() for name, part in optimizers.items()},
            "tensors": method.tensors,
            "means": means.state(),
            "best": best,
        }

    progress = Progress(session.document["run"], s.epochs * steps, "step", session.step)
    order, of_epoch, images = torch.empty(0, dtype=torch.int64), -1, 0
    student.train()
    while session.step < s.epochs * steps:
        epoch, step = divmod(session.step, steps)
        if epoch != of_epoch:
            order, of_epoch = torch.randperm(len(labels), generator=seeding.generator(seed, "order", epoch)), epoch
            factor = recipe.factor(s, epoch)
            for group in optimizer.param_groups:
                group["lr"] = s.lr * factor
            method.begin_epoch(epoch, factor)
        if step == 0:
            means = Means()
        if step < synthetic:
            torch.manual_seed(seeding.derive(seed, "synthetic", session.step))
            kind, count, terms = "synthetic", s.synthetic_batch, method.synthetic_loss()
        else:
            # Counted as if there were no synthetic ones, so that every method sees Baseline's views.
            place = step - synthetic
            number = epoch * real + place
            batch = draw(views, method, order[place * s.batch : (place + 1) * s.batch], s, seed, number)
            torch.manual_seed(seeding.derive(seed, "step", number))
            kind, count, terms = "real", len(batch.labels), method.loss(batch)
        optimizer.zero_grad(set_to_none=True)
        # Naming the inputs spares the gradients of a critic's weights.
        terms["L"].backward(inputs=list(student.parameters()))
        optimizer.step()
        means.add(kind, list(terms), guard.watch(session.step, terms), count)
        images += count
        session.step += 1
        if step == steps - 1:
            guard.check()
            row, logits = end_epoch(student, views, epoch, s.lr * factor, means.values() | method.end_epoch(epoch))
            session.history.append(row)
            if best_epoch(session.history) == epoch:
                best = {"logits": logits, "weights": weights_of(student)}
            brief = f"epoch {epoch + 1}/{s.epochs}  loss {row['L']}  Top-1 error {row['valid_error']} %"
            progress.update(session.step, brief, f"{images / progress.seconds:.0f} images/s")
        session.save_if_due(snapshot)
    progress.close()
    session.save(snapshot())
    finish(session, method, views, best)
    outcome = {"epochs": s.epochs, "steps": session.step, "best_epoch": best_epoch(session.history) + 1}
    return {"status": "done", **outcome}


def steps_of(images: int, batch: int, name: str) -> int:
    """Return the steps of an epoch, the last with what is left; raises UserError where that is one image."""
    if images % batch == 1:
        raise UserError(
            f"the {images} training images of {name} in batches of {batch} leave one over, which batch norm (the"
            " student's and the critic's) cannot take: choose another batch"
        )
    return math.ceil(images / batch)


def draw(views: Views, method: Baseline, index: Tensor, s: Any, seed: int, step: int) -> Batch:
    """Load and augment the images `index` (B,) of one step, and whatever the method wants beside them."""
    chosen = method.choose(index, seeding.generator(seed, "companions", step))
    generator = seeding.generator(seed, "views", step)
    images = views.training(chosen, generator)
    mixed = mix(images, generator, s, method.groups)
    place = index.to(images.device, non_blocking=True)
    return Batch(mixed.images, views.labels[place], place, mixed.partner, mixed.share)


@torch.no_grad()
def predict(student: nn.Module, views: Views) -> tuple[Tensor, Tensor]:
    """Return logits (M, C) and features (M, F) of the evaluation images, float32 on the CPU; training mode stays."""
    student.eval()
    found = [classifiers.logits_and_features(student, images) for images in views.evaluation(EVALUATION_BATCH)]
    student.train()
    return tuple(torch.cat([part.float().cpu() for part in parts]) for parts in zip(*found, strict=True))


def end_epoch(
    student: nn.Module, views: Views, epoch: int, lr: float, found: dict[str, float]
) -> tuple[dict[str, str], Tensor]:
    """Evaluate; return the epoch's row of the history, and the logits (M, C) of the evaluation images."""
    logits, _ = predict(student, views)
    labels = views.held_out_labels.cpu()
    train = {name: value for name, value in found.items() if name != "error"}
    valid = {"train_error": 100 * found["error"]} if "error" in found else {}
    valid |= {
        "valid_error": 100 * float((logits.argmax(1) != labels).double().mean()),
        "valid_loss": float(nn.functional.cross_entropy(logits, labels)),
    }
    row = {"epoch": epoch + 1, "lr": f"{lr:.6g}", **{k: f"{v:.6g}" for k, v in (train | valid).items()}}
    return row, logits


def best_epoch(history: list[dict[str, Any]]) -> int:
    """Return the epoch (from 0) with the lowest Top-1 error on the evaluation set, the first of equals."""
    return min(range(len(history)), key=lambda epoch: float(history[epoch]["valid_error"]))


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a network's weights on the CPU, in the default layout."""
    return {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in network.state_dict().items()
    }


def finish(session: Session, method: Baseline, views: Views, best: dict[str, Any]) -> None:
    """Write the weights of the student's last and best epoch and of a generator, predictions, and samples."""
    weights = {"model.safetensors": weights_of(method.student), "best.safetensors": best["weights"]}
    if "generator" in method.networks:
        weights["generator.safetensors"] = weights_of(method.networks["generator"])
    for found in weights.values():
        floating = {name: value for name, value in found.items() if value.is_floating_point()}
        check_weights(session.step, floating, session.settings.epochs)
    logits, features = predict(method.student, views)
    arrays = {
        "labels": views.held_out_labels.cpu().numpy(),
        "logits": logits.numpy(),
        "best_logits": best["logits"].numpy(),
        "features": features.numpy().astype(np.float16),
    }
    for name, tensors in weights.items():
        with atomic(session.folder / name) as temporary:
            save_file(tensors, temporary)
    for name, content in (("predictions.npz", arrays), ("samples.npz", method.samples())):
        if content:
            with atomic(session.folder / name) as temporary:
                np.savez(temporary, **content)
