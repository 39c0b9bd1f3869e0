"""Evaluates a classifier after each epoch, and writes its weights and predictions after the last.

Choices:
    - [aikd: Figure 6] Open: which 20 classes t-SNE shows. Here: classes drawn with a seed, recorded beside the figure.
    - [aikd: Figure 6] Measured: student and superior in t-SNE. Here: two separate maps, one of the student's features
      alone, one of the student's and the superior's together.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from advkd.methods.method import Method
from advkd.models import classifiers
from advkd.settings.classifier import ClassifierRun
from advkd.training.guard import check_weights
from advkd.training.session import Session, Weights
from advkd.training.views import Views

BATCH = 250


@torch.no_grad()
def predict(student: nn.Module, views: Views) -> tuple[Tensor, Tensor]:
    """Return logits (M, C) and features (M, F) of the evaluation images, float32 on the CPU.

    The student computes in evaluation mode and is in training mode afterwards.
    """
    student.eval()
    logits, features = [], []
    for images in views.evaluation(BATCH):
        batch_logits, batch_features = classifiers.logits_and_features(student, images)
        logits.append(batch_logits.float().cpu())
        features.append(batch_features.float().cpu())
    student.train()
    return torch.cat(logits), torch.cat(features)


def end_epoch(
    student: nn.Module, views: Views, epoch: int, lr: float, terms: dict[str, float]
) -> tuple[dict[str, Any], Tensor]:
    """Evaluate the student; return the epoch's row of the history, and the logits (M, C) of the evaluation images.

    Args:
        student: the classifier.
        views: has the evaluation images.
        epoch: number of the epoch, from 0.
        lr: learning rate of the epoch.
        terms: means of the loss terms, which the row shows beside the evaluation; "error" is shown in %.
    """
    logits, _ = predict(student, views)
    labels = views.held_out_labels.cpu()
    numbers = {name: value for name, value in terms.items() if name != "error"}
    if "error" in terms:
        numbers["train_error"] = 100 * terms["error"]
    numbers["valid_error"] = 100 * float((logits.argmax(1) != labels).double().mean())
    numbers["valid_loss"] = float(nn.functional.cross_entropy(logits, labels))
    row: dict[str, Any] = {"epoch": epoch + 1, "lr": f"{lr:.6g}"}
    return row | {name: f"{value:.6g}" for name, value in numbers.items()}, logits


def best_epoch(history: list[dict[str, Any]]) -> int:
    """Return the epoch (from 0) with the lowest Top-1 error on the evaluation set; of several, the first."""
    return min(range(len(history)), key=lambda epoch: float(history[epoch]["valid_error"]))


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a network's weights by name, on the CPU and in the contiguous layout."""
    return {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in network.state_dict().items()
    }


def finish(session: Session[ClassifierRun], method: Method[Any], views: Views, best: dict[str, Any]) -> None:
    """Write the weights of the student's last and best epoch and of a generator, predictions, and samples."""
    weights: dict[Weights, dict[str, Tensor]] = {"last": weights_of(method.student), "best": best["weights"]}
    if "generator" in method.networks:
        weights["generator"] = weights_of(method.networks["generator"])
    for tensors in weights.values():
        floating = {name: value for name, value in tensors.items() if value.is_floating_point()}
        check_weights(session.step, floating, session.settings.recipe.epochs)
    logits, features = predict(method.student, views)
    arrays = {
        "labels": views.held_out_labels.cpu().numpy(),
        "logits": logits.numpy(),
        "best_logits": best["logits"].numpy(),
        "features": features.numpy().astype(np.float16),
    }
    if views.store.held_out_tags is not None and views.store.held_out_photos is not None:
        arrays |= {"tags": np.array(views.store.held_out_tags), "photos": np.array(views.store.held_out_photos)}
    for which, tensors in weights.items():
        session.write_weights(which, tensors)
    session.write_arrays("predictions", arrays)
    if samples := method.samples():
        session.write_arrays("samples", samples)
