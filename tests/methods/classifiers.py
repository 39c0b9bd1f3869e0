"""A classifier small enough to reason about, for the tests of methods; and numpy's view of their losses."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from advkd.methods.baseline import Task
from advkd.methods.batch import Batch

CLASSES = 5
AIKD = {
    "alpha_g": 0.1, "alpha_p": 0.3, "omega": 0.1, "tau_g": 3.0, "tau_p": 1.0, "kl_reduction": "batchmean",
    "student_start": "fresh", "frozen_mode": "eval", "previous_source": "model", "first_previous": "cross_entropy",
    "fc1": 6, "fc2": 4, "critic_input": "logits", "critic_output": "mean", "critic_norm": "batch",
    "critic_slope": 0.2, "critic_lr": 1e-3, "critic_beta1": 0.9, "critic_beta2": 0.999, "critic_decay": False,
    "critic_steps": 1, "critic_real": True, "gp_weight": 10.0, "gp_scalar": "score", "gp_mode": "train",
    "fool_mode": "train",
}  # fmt: skip


class Tiny(nn.Module):
    """A convolution, batch norm and a linear head on 4x4 images."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Linear(8, CLASSES)

    def forward(self, images):
        return self.fc(self.bn(self.conv(images)).relu().mean((2, 3)))


def settings(**changes):
    common = {"precision": "float32", "frozen_precision": "float32", "epochs": 10}
    return SimpleNamespace(**(common | changes))


def task(images=40, seed=3, **parents):
    labels = torch.randint(CLASSES, (images,), generator=torch.Generator().manual_seed(seed))
    return Task(CLASSES, labels, torch.device("cpu"), parents)


def batch(task, count=6, seed=0, groups=1, mixed=False):
    random = torch.Generator().manual_seed(seed)
    index = torch.randperm(len(task.labels), generator=random)[:count]
    images = torch.randn(groups * count, 3, 4, 4, generator=random)
    partner = torch.randperm(count, generator=random) if mixed else None
    share = torch.full((count,), 0.7) if mixed else None
    return Batch(images, task.labels[index], index, partner, share)


def probabilities(logits, tau=1.0):
    z = logits.detach().numpy().astype(np.float64) / tau
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def cross_entropy(logits, labels):
    return -np.mean([np.log(p[y]) for p, y in zip(probabilities(logits), labels.tolist(), strict=True)])


def kl(target, logits, tau):
    """tau^2 times the mean over images of sum_j p_j ln(p_j / q_j)."""
    pairs = zip(probabilities(target, tau), probabilities(logits, tau), strict=True)
    return tau**2 * np.mean([sum(p * np.log(p / q)) for p, q in pairs])
