"""The classifiers' loop: order, views, schedule, evaluation, checkpoints. The method decides what a step learns.

Every random number of a step follows from (seed, generation, epoch, step), so that resuming anywhere repeats an
undisturbed run's bits.

Choices:
    - [aikd, gip] Open: which epoch is reported. Here: the last; the best, with the lowest Top-1 error on the evaluation
      set, stands beside it in the CSV. Why: papers of this lineage often report the best, chosen on the images that it
      is measured on.
    - [aikd, gip] Open: the last, smaller batch of an epoch. Here: kept.
"""

import importlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from advkd.data.store import Store
from advkd.errors import UserError
from advkd.methods.batch import Batch
from advkd.methods.method import Method
from advkd.methods.settings.base import MethodSettings
from advkd.models import classifiers
from advkd.progress import Progress, say
from advkd.settings.classifier import FEW_OF_CLASS, ClassifierRun
from advkd.training import evaluation, parents, recipe, starting, statistics
from advkd.training.guard import Guard
from advkd.training.means import Means
from advkd.training.mixing import mix
from advkd.training.seeding import Streams
from advkd.training.session import Session
from advkd.training.views import Views


def train(session: Session[ClassifierRun], store: Store) -> dict[str, Any]:
    """Train the session's classifier on a store to the end; write weights, predictions and the best epoch's weights.

    Raises:
        Diverged: a loss or a weight became non-finite.
        UserError: an epoch's last batch would hold one image, which batch norm cannot take.
    """
    training = Training(session, store)
    if (state := session.resume()) is not None:
        training.restore(state)
    epochs, steps = session.settings.recipe.epochs, training.steps
    progress = Progress(session.document["run"], epochs * steps, "step", session.step)
    begun, images = -1, 0
    while session.step < epochs * steps:
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
    fitted = {"batch": training.batch, "lr": training.lr} if training.batch != session.settings.batch else {}
    return {"epochs": epochs, "steps": session.step, "best_epoch": best, **fitted}


class Training:
    """A classifier in training. An epoch has the method's steps on images of its own, then those on the real images.

    Attributes:
        streams: the random numbers of the run.
        steps: number of steps of an epoch.
        batch: real images of a step.
        lr: the first learning rate.
        method: the method, with the student.
        views: augmented real images.
        best: weights and evaluation logits of the best epoch so far.
        brief: how the training goes, in a few words.
    """

    def __init__(self, session: Session[ClassifierRun], store: Store) -> None:
        settings, device = session.settings, session.device
        self.settings, self.session = settings, session
        self.streams = Streams(settings.seed, session.generation)
        classes = len(store.meta["classes"])
        self.views = Views(store, settings.views, settings.lighting, device, settings.mixing)
        labels = self.views.labels.cpu()
        torch.manual_seed(self.streams.derive("initialisation"))
        student = classifiers.build(settings.network, classes).to(device).to(memory_format=torch.channels_last)
        parent_networks = parents.load(session, classes, len(self.views.held_out_labels), device)
        if settings.start is not None:
            kind = f"{settings.network.model} of width {settings.network.width}"
            starting.take_over(student, *session.start_weights(), kind)
        if "start" in parent_networks:
            student.load_state_dict(parent_networks.pop("start").state_dict())
        self.method = method_class(settings.method)(
            settings.method,
            student,
            **parent_networks,
            classes=classes,
            labels=labels,
            epochs=settings.recipe.epochs,
            image_size=settings.views.image_size,
            normalisation=settings.views.normalisation,
            precision=settings.recipe.precision,
        )
        self.synthetic = self.method.synthetic_steps
        seen = settings.passes * len(labels)
        self.batch, self.lr = settings.batch, settings.recipe.lr
        if self.method.sees_real:
            self.batch, self.lr = recipe.fit(self.batch, self.lr, seen, settings.least_steps)
        if self.batch != settings.batch:
            say(f"{seen} images an epoch are few: batch {self.batch} in place of {settings.batch}, lr {self.lr:g}")
        if settings.data.folder is not None:
            warn_of_few(labels, store.meta["classes"])
        self.real = steps_of(seen, self.batch, store.meta["name"]) if self.method.sees_real else 0
        self.steps = self.synthetic + self.real
        mixes = self.synthetic and self.real and not self.method.recomputes_statistics
        if mixes and (warning := statistics.warning(student, self.real)):
            say(warning)
        self.optimizer = recipe.optimizer(student, settings.optimizer, replace(settings.recipe, lr=self.lr))
        self.networks = {"student": student, **self.method.networks}
        self.optimizers = {"student": self.optimizer, **self.method.optimizers}
        self.guard = Guard(settings.recipe.epochs * self.steps, device, self.steps)
        self.means, self.best, self.brief = Means(), dict[str, Any](), ""

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        self.guard.check()
        return {
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "tensors": self.method.tensors,
            "means": self.means.state(),
            "best": self.best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what a checkpoint holds."""
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        for name, tensor in self.method.tensors.items():
            tensor.copy_(state["tensors"][name])
        self.means, self.best = Means.restored(state["means"], self.session.device), state["best"]

    def begin_epoch(self, epoch: int) -> None:
        """Draw the order of the images and set the learning rate; also where an epoch is resumed."""
        epochs = self.settings.recipe.epochs
        generator, images = self.streams.generator("order", epoch), len(self.views.labels)
        passes = [torch.randperm(images, generator=generator) for _ in range(self.settings.passes)]
        self.order = torch.cat(passes)
        self.factor = recipe.factor(self.settings.schedule, epochs, epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * self.factor
        self.method.begin_epoch(epoch, self.factor)
        self.brief = self.brief or f"epoch {epoch + 1}/{epochs}"

    def take_step(self, epoch: int, step: int) -> int:
        """Move the student by `step` (from 0) of `epoch`; return how many images it saw."""
        place = step - self.synthetic  # among the steps on real images
        if step == 0:
            self.means = Means()
        if place < 0:
            torch.manual_seed(self.streams.derive("synthetic", self.session.step))
            kind, images = "synthetic", self.method.synthetic_batch
            loss, terms = self.method.synthetic_loss()
        else:
            # Counted as if there were no synthetic steps, so that all methods of a generation see the same views.
            number = epoch * self.real + place
            index = self.order[place * self.batch : (place + 1) * self.batch]
            batch = self.load(index, number)
            torch.manual_seed(self.streams.derive("step", number))
            kind, images = "real", len(index)
            loss, terms = self.method.loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        # Naming the inputs spares the gradients of a critic's weights.
        loss.backward(inputs=list(self.method.student.parameters()))
        self.optimizer.step()
        logged = {"L": loss, **terms}
        self.means.add(kind, list(logged), self.guard.watch(self.session.step, logged), images)
        return images

    def load(self, index: torch.Tensor, number: int) -> Batch:
        """Load and augment the images `index` (B,) of real step `number`, and what the method wants beside them."""
        chosen = self.method.choose(index, self.streams.generator("companions", number))
        generator = self.streams.generator("views", number)
        images = self.views.training(chosen, generator)
        mixed = mix(images, generator, self.settings.mixing, self.method.groups)
        place = index.to(images.device, non_blocking=True)
        return Batch(mixed.images, self.views.labels[place], place, mixed.partner, mixed.share)

    def real_batches(self, epoch: int) -> Iterator[Tensor]:
        """Yield training views, of their own, of all real images once, in the epoch's order and batches."""
        generator = self.streams.generator("statistics", epoch)
        for index in self.order[: len(self.views.labels)].split(self.batch):
            yield self.views.training(index, generator)

    def end_epoch(self, epoch: int) -> None:
        """Evaluate the student; write the epoch's row of the history; keep the student if it is the best so far."""
        self.guard.check()
        student, history = self.method.student, self.session.history
        if self.method.recomputes_statistics:
            statistics.recompute(student, self.method.logits, self.real_batches(epoch))
        terms = self.means.values() | self.method.end_epoch(epoch)
        row, logits = evaluation.end_epoch(student, self.views, epoch, self.lr * self.factor, terms)
        history.append(row)
        if evaluation.best_epoch(history) == epoch:
            self.best = {"logits": logits, "weights": evaluation.weights_of(student)}
        epochs = self.settings.recipe.epochs
        self.brief = f"epoch {epoch + 1}/{epochs}  loss {row['L']}  Top-1 error {row['valid_error']} %"


def method_class(settings: MethodSettings) -> type[Method[Any]]:
    """Return the class that computes a method's loss; raises UserError where there is none."""
    module, _, name = settings.implementation.partition(":")
    method: type[Method[Any]] | None = getattr(importlib.import_module(module), name, None)
    if method is None:
        raise UserError(f"{type(settings).__name__} names {settings.implementation}, but {module} has no class {name}")
    return method


def warn_of_few(labels: Tensor, classes: Sequence[str]) -> None:
    """Say which class of a user's folder has too few training images to be learned.

    Args:
        labels: the classes of the training images, int (N,).
        classes: the names of the classes.
    """
    counts = torch.bincount(labels, minlength=len(classes))
    few = int((counts < FEW_OF_CLASS).sum())
    if few:
        least = int(counts.argmin())
        say(
            f"warning: {few} of {len(classes)} classes have fewer than {FEW_OF_CLASS} training images and are hardly"
            f" learned; {classes[least]!r} has {int(counts[least])}"
        )


def steps_of(images: int, batch: int, name: str) -> int:
    """Return the steps of an epoch. The last one may be smaller; raises UserError if it would hold one image."""
    if images % batch == 1:
        raise UserError(
            f"the {images} training images of {name} in batches of {batch} leave one over, which batch norm (the"
            " student's and the critic's) cannot take: choose another batch (in `override` for a superior or teacher)"
        )
    return math.ceil(images / batch)
