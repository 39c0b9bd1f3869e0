"""The classifiers' loop: order, views, schedule, evaluation, checkpoints. What a step learns is the method's affair.

Every random number of a step follows from (seed, epoch, step), so that resuming anywhere repeats an undisturbed run's
bits. The last epoch is what tables report; the epoch with the lowest Top-1 error on the evaluation set is kept beside
it, since papers of this lineage often report that one, chosen on the images it is measured on.
"""

import math
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from advkd.data.store import Store
from advkd.errors import UserError
from advkd.files import atomic
from advkd.methods.aikd import AiKd
from advkd.methods.baseline import Baseline, Task
from advkd.methods.batch import Batch
from advkd.methods.cskd import CsKd
from advkd.methods.pskd import PsKd
from advkd.methods.tfkd import TfKd
from advkd.models import classifiers
from advkd.progress import Progress
from advkd.training import seeding
from advkd.training.guard import Guard, check_weights
from advkd.training.mixing import mix
from advkd.training.session import Session
from advkd.training.views import Views

METHODS: dict[str, type[Baseline]] = {"baseline": Baseline, "cskd": CsKd, "tfkd": TfKd, "pskd": PsKd, "aikd": AiKd}
EVALUATION_BATCH = 250


def train(session: Session, store: Store) -> dict[str, Any]:
    """Train the session's classifier on a store to the end; write weights, predictions and the best epoch's weights.

    Raises:
        Diverged: a loss or a weight became non-finite.
        Interrupted: a signal asked to stop.
        UserError: an epoch's last batch would hold one image, which batch norm cannot take.
    """
    s, device = session.settings, session.device
    seed, classes = s.seed + s.seed_offset, len(store.meta["classes"])
    views = Views(store, s, device)
    labels = views.labels.cpu()
    steps = steps_of(len(labels), s.batch, store.meta["name"])
    torch.manual_seed(seeding.derive(seed, "initialisation"))
    student = classifiers.build(s, classes).to(device, memory_format=torch.channels_last)
    task = Task(classes, labels, device, load_parents(session, s, classes, device))
    method = METHODS[s.method](s, student, task)
    optimizer = torch.optim.SGD(
        student.parameters(), s.lr, s.momentum, weight_decay=s.weight_decay, nesterov=s.nesterov, fused=True
    )
    networks = {"student": student, **method.networks}
    optimizers = {"student": optimizer, **method.optimizers}
    sums = torch.zeros(0, device=device)
    best: dict[str, Any] = {}
    state = session.resume()
    if state is not None:
        for kind, parts in (("networks", networks), ("optimizers", optimizers)):
            for name, part in parts.items():
                part.load_state_dict(state[kind][name])
        for name, tensor in method.tensors.items():
            tensor.copy_(state["tensors"][name])
        sums, best = state["sums"].to(device), state["best"]

    guard = Guard(s.epochs * steps, device)

    def snapshot() -> dict[str, Any]:
        guard.check()
        return {
            "networks": {name: part.state_dict() for name, part in networks.items()},
            "optimizers": {name: part.state_dict() for name, part in optimizers.items()},
            "tensors": method.tensors,
            "sums": sums,
            "best": best,
        }

    progress = Progress(session.document["run"], s.epochs * steps, "step", session.step)
    order, of_epoch = torch.empty(0, dtype=torch.int64), -1
    student.train()
    while session.step < s.epochs * steps:
        epoch, step = divmod(session.step, steps)
        if epoch != of_epoch:
            order, of_epoch = torch.randperm(len(labels), generator=seeding.generator(seed, "order", epoch)), epoch
            factor = schedule(s, epoch)
            optimizer.param_groups[0]["lr"] = s.lr * factor
            method.begin_epoch(epoch, factor)
        batch = draw(views, method, order[step * s.batch : (step + 1) * s.batch], s, seed, session.step)
        torch.manual_seed(seeding.derive(seed, "step", session.step))
        terms = method.loss(batch)
        optimizer.zero_grad(set_to_none=True)
        # Naming the inputs spares the gradients of a critic's weights.
        terms["L"].backward(inputs=list(student.parameters()))
        optimizer.step()
        found = guard.watch(session.step, terms) * len(batch.labels)
        sums = found if step == 0 else sums + found
        session.step += 1
        if step == steps - 1:
            guard.check()
            method.end_epoch(epoch)
            row, logits = end_epoch(student, views, epoch, s.lr * factor, dict(zip(terms, sums, strict=True)))
            session.history.append(row)
            if best_epoch(session.history) == epoch:
                best = {"logits": logits, "weights": weights_of(student)}
            brief = f"epoch {epoch + 1}/{s.epochs}  loss {row['L']}  Top-1 error {row['valid_error']} %"
            seen = (session.step - progress.start) * s.batch / progress.seconds
            progress.update(session.step, brief, f"{seen:.0f} images/s")
        session.save_if_due(snapshot)
    progress.close()
    session.save(snapshot())
    finish(session, student, views, best)
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


def schedule(s: Any, epoch: int) -> float:
    """Return the learning rate of `epoch` (from 0) as a part of the first; it falls at the start of an epoch."""
    return s.lr_factor ** sum(epoch >= milestone * s.epochs for milestone in s.milestones)


def load_parents(session: Session, s: Any, classes: int, device: torch.device) -> dict[str, nn.Module]:
    """Return the trained networks that the session's run learns from, by role."""
    found = {}
    for role, folder in session.parents.items():
        weights = "best.safetensors" if s.superior_weights == "best" else "model.safetensors"
        network = classifiers.build(s, classes)
        network.load_state_dict(load_file(folder / weights))
        found[role] = network.to(device, memory_format=torch.channels_last).eval()
    return found


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
    student: nn.Module, views: Views, epoch: int, lr: float, sums: dict[str, Tensor]
) -> tuple[dict[str, str], Tensor]:
    """Evaluate; return the epoch's row of the history, and the logits (M, C) of the evaluation images."""
    logits, _ = predict(student, views)
    labels = views.held_out_labels.cpu()
    images = len(views.labels)
    train = {name: float(total) / images for name, total in sums.items()}
    valid = {
        "train_error": 100 * train.pop("error"),
        "valid_error": 100 * float((logits.argmax(1) != labels).double().mean()),
        "valid_loss": float(nn.functional.cross_entropy(logits, labels)),
    }
    row = {"epoch": epoch + 1, "lr": f"{lr:.6g}", **{k: f"{v:.6g}" for k, v in (train | valid).items()}}
    return row, logits


def best_epoch(history: list[dict[str, Any]]) -> int:
    """Return the epoch (from 0) with the lowest Top-1 error on the evaluation set, the first of equals."""
    return min(range(len(history)), key=lambda epoch: float(history[epoch]["valid_error"]))


def weights_of(student: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a network's weights on the CPU, in the default layout."""
    return {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in student.state_dict().items()
    }


def finish(session: Session, student: nn.Module, views: Views, best: dict[str, Any]) -> None:
    """Write model.safetensors, best.safetensors and predictions.npz."""
    weights = weights_of(student)
    check_weights(session.step, {name: value for name, value in weights.items() if value.is_floating_point()})
    logits, features = predict(student, views)
    arrays = {
        "labels": views.held_out_labels.cpu().numpy(),
        "logits": logits.numpy(),
        "best_logits": best["logits"].numpy(),
        "features": features.numpy().astype(np.float16),
    }
    for name, tensors in (("model.safetensors", weights), ("best.safetensors", best["weights"])):
        with atomic(session.folder / name) as temporary:
            save_file(tensors, temporary)
    with atomic(session.folder / "predictions.npz") as temporary:
        np.savez(temporary, **arrays)
