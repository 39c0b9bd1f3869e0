"""What is measured of a classifier after each epoch, and what is left of it after the last.

Choices:
    - [aikd: Figure 6] Open: which 20 classes t-SNE shows. Here: a seeded draw, recorded beside the figure.
    - [aikd: Figure 6] Measured: student and superior in t-SNE. Here: the features of the student alone, and those of
      student and superior together, in two separate maps.
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
    """Return logits (M, C) and features (M, F) of the evaluation images, float32 on the CPU; training mode stays."""
    student.eval()
    found = [classifiers.logits_and_features(student, images) for images in views.evaluation(BATCH)]
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


def finish(session: Session[ClassifierRun], method: Method[Any], views: Views, best: dict[str, Any]) -> None:
    """Write the weights of the student's last and best epoch and of a generator, predictions, and samples."""
    weights: dict[Weights, dict[str, Tensor]] = {"last": weights_of(method.student), "best": best["weights"]}
    if "generator" in method.networks:
        weights["generator"] = weights_of(method.networks["generator"])
    for found in weights.values():
        floating = {name: value for name, value in found.items() if value.is_floating_point()}
        check_weights(session.step, floating, session.settings.recipe.epochs)
    logits, features = predict(method.student, views)
    arrays = {
        "labels": views.held_out_labels.cpu().numpy(),
        "logits": logits.numpy(),
        "best_logits": best["logits"].numpy(),
        "features": features.numpy().astype(np.float16),
    }
    for which, tensors in weights.items():
        session.write_weights(which, tensors)
    session.write_arrays("predictions", arrays)
    if samples := method.samples():
        session.write_arrays("samples", samples)
