"""The classifiers' loop: order, views, schedule, evaluation, checkpoints. What a step learns is the method's affair.

Every random number of a step follows from (seed, epoch, step), so that resuming anywhere repeats an undisturbed run's
bits.

Choices:
    - [aikd, gip] Open: which epoch is reported. Here: the last; the best, with the lowest Top-1 error on the evaluation
      set, stands beside it in the CSV. Why: papers of this lineage often report the best, chosen on the images that it
      is measured on.
    - [aikd, gip] Open: the last, smaller batch of an epoch. Here: kept.
"""

import math
from typing import Any

import torch
from torch import Tensor

from advkd.data.store import Store
from advkd.errors import UserError
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
from advkd.training import evaluation, parents, recipe, seeding
from advkd.training.guard import Guard
from advkd.training.means import Means
from advkd.training.mixing import mix
from advkd.training.session import Session
from advkd.training.views import Views

METHODS: dict[str, type[Baseline]] = {
    "baseline": Baseline, "cskd": CsKd, "tfkd": TfKd, "pskd": PsKd, "aikd": AiKd,
    "kd": Kd, "gip": Gip, "dafl": Dafl, "gantsc": GanTsc, "acgan": GanTscGan,
}  # fmt: skip


def train(session: Session, store: Store) -> dict[str, Any]:
    """Train the session's classifier on a store to the end; write weights, predictions and the best epoch's weights.

    Raises:
        Diverged: a loss or a weight became non-finite.
        UserError: an epoch's last batch would hold one image, which batch norm cannot take.
    """
    training = Training(session, store)
    if (state := session.resume()) is not None:
        training.restore(state)
    s, steps = session.settings, training.steps
    progress = Progress(session.document["run"], s.epochs * steps, "step", session.step)
    begun, images = -1, 0
    while session.step < s.epochs * steps:
        epoch, step = divmod(session.step, steps)
        if epoch != begun:
            training.begin_epoch(epoch)
            begun = epoch
        images += training.take_step(epoch, step)
        session.step += 1
        if step == steps - 1:
            training.end_epoch(epoch)
        progress.update(session.step, training.brief, f"{images / progress.seconds:.0f} images/s")
        session.save_if_due(training.state)
    progress.close()
    session.save(training.state())
    evaluation.finish(session, training.method, training.views, training.best)
    best = evaluation.best_epoch(session.history) + 1
    return {"status": "done", "epochs": s.epochs, "steps": session.step, "best_epoch": best}


class Training:
    """A classifier in training. An epoch has the steps that the method takes on images of its own, then the real ones.

    Attributes:
        steps: of an epoch.
        method: with the student.
        views: of the real images.
        best: weights and evaluation logits of the best epoch so far.
        brief: how it goes, in a few words.
    """

    def __init__(self, session: Session, store: Store) -> None:
        s, device = session.settings, session.device
        self.s, self.session, self.seed = s, session, s.seed + s.seed_offset
        classes = len(store.meta["classes"])
        self.views = Views(store, s, device)
        labels = self.views.labels.cpu()
        torch.manual_seed(seeding.derive(self.seed, "initialisation"))
        student = classifiers.build(s, classes).to(device, memory_format=torch.channels_last)
        known = parents.load(session, classes, len(self.views.held_out_labels), device)
        if "start" in known:
            student.load_state_dict(known["start"].state_dict())
        self.method = METHODS[s.method](s, student, Task(classes, labels, device, known))
        self.synthetic = self.method.synthetic_steps
        self.real = steps_of(len(labels), s.batch, store.meta["name"]) if self.method.sees_real else 0
        self.steps = self.synthetic + self.real
        self.optimizer = recipe.optimizer(student, s)
        self.networks = {"student": student, **self.method.networks}
        self.optimizers = {"student": self.optimizer, **self.method.optimizers}
        self.guard = Guard(s.epochs * self.steps, device, self.steps)
        self.means, self.best, self.brief = Means(), {}, ""

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        self.guard.check()
        return {
            "networks": {name: part.state_dict() for name, part in self.networks.items()},
            "optimizers": {name: part.state_dict() for name, part in self.optimizers.items()},
            "tensors": self.method.tensors,
            "means": self.means.state(),
            "best": self.best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what a checkpoint holds."""
        for kind, parts in (("networks", self.networks), ("optimizers", self.optimizers)):
            for name, part in parts.items():
                part.load_state_dict(state[kind][name])
        for name, tensor in self.method.tensors.items():
            tensor.copy_(state["tensors"][name])
        self.means, self.best = Means.restored(state["means"], self.session.device), state["best"]

    def begin_epoch(self, epoch: int) -> None:
        """Draw the order of the images and set the learning rate; also where an epoch is resumed."""
        self.order = torch.randperm(len(self.views.labels), generator=seeding.generator(self.seed, "order", epoch))
        self.factor = recipe.factor(self.s, epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = self.s.lr * self.factor
        self.method.begin_epoch(epoch, self.factor)
        self.brief = self.brief or f"epoch {epoch + 1}/{self.s.epochs}"

    def take_step(self, epoch: int, step: int) -> int:
        """Move the student by `step` (from 0) of `epoch`; return how many images it saw."""
        s, place = self.s, step - self.synthetic
        if step == 0:
            self.means = Means()
        if place < 0:
            torch.manual_seed(seeding.derive(self.seed, "synthetic", self.session.step))
            kind, images, terms = "synthetic", s.synthetic_batch, self.method.synthetic_loss()
        else:
            # Counted as if there were no synthetic steps, so that every method sees Baseline's views.
            number = epoch * self.real + place
            index = self.order[place * s.batch : (place + 1) * s.batch]
            batch = draw(self.views, self.method, index, s, self.seed, number)
            torch.manual_seed(seeding.derive(self.seed, "step", number))
            kind, images, terms = "real", len(index), self.method.loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        # Naming the inputs spares the gradients of a critic's weights.
        terms["L"].backward(inputs=list(self.method.student.parameters()))
        self.optimizer.step()
        self.means.add(kind, list(terms), self.guard.watch(self.session.step, terms), images)
        return images

    def end_epoch(self, epoch: int) -> None:
        """Evaluate the student; write the epoch's row of the history; keep the student if it is the best so far."""
        self.guard.check()
        student, history = self.method.student, self.session.history
        found = self.means.values() | self.method.end_epoch(epoch)
        row, logits = evaluation.end_epoch(student, self.views, epoch, self.s.lr * self.factor, found)
        history.append(row)
        if evaluation.best_epoch(history) == epoch:
            self.best = {"logits": logits, "weights": evaluation.weights_of(student)}
        self.brief = f"epoch {epoch + 1}/{self.s.epochs}  loss {row['L']}  Top-1 error {row['valid_error']} %"


def steps_of(images: int, batch: int, name: str) -> int:
    """Return the steps of an epoch, the last with what is left; raises UserError where that is one image."""
    if images % batch == 1:
        raise UserError(
            f"the {images} training images of {name} in batches of {batch} leave one over, which batch norm (the"
            " student's and the critic's) cannot take: choose another batch (in `override` for a superior or teacher)"
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
