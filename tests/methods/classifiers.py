"""A classifier small enough to reason about, for the tests of methods; and numpy's view of their losses."""

import numpy as np
import torch
from torch import nn

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
GIP = {
    "synthetic_steps": 3, "synthetic_batch": 6, "noise": 7, "generator_width": 4, "generator_lr": 0.01,
    "generator_beta1": 0.9, "generator_beta2": 0.999, "alpha": 1.0, "beta": 5.0, "gamma": 0.1, "delta": 5.0,
    "ie_form": "code", "act_form": "code", "bns_reduction": "mean", "bns_moment": "variance", "tau": 1.0,
}  # fmt: skip


class Tiny(nn.Module):
    """A convolution, batch norm and a linear head on 4x4 images."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Linear(8, CLASSES)

    def forward(self, images):
        return self.fc(self.bn(self.conv(images)).relu().mean((2, 3)))


class Deeper(nn.Module):
    """Two stages and a head, with three batch norms of different widths and statistics that are not the first ones."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(True),
            nn.Conv2d(4, 6, 3, 2, padding=1), nn.BatchNorm2d(6), nn.ReLU(True),
            nn.Conv2d(6, 10, 1), nn.BatchNorm2d(10), nn.ReLU(True),
        )  # fmt: skip
        self.fc = nn.Linear(10, CLASSES)
        for norm in self.norms():
            nn.init.normal_(norm.running_mean, 0, 0.3)
            nn.init.uniform_(norm.running_var, 0.5, 2)

    def norms(self):
        return [module for module in self.modules() if isinstance(module, nn.BatchNorm2d)]

    def forward(self, images):
        return self.fc(self.body(images).mean((2, 3)))


class Plain(nn.Module):
    """A classifier without batch norm."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, CLASSES)

    def forward(self, images):
        return self.fc(self.conv(images).relu().mean((2, 3)))


def make_labels(images=40, seed=3):
    """Labels of a data set of so many images."""
    return torch.randint(CLASSES, (images,), generator=torch.Generator().manual_seed(seed))


def make_batch(labels, count=6, seed=0, groups=1, mixed=False):
    """A batch of the data set with these labels; images are noise."""
    random = torch.Generator().manual_seed(seed)
    index = torch.randperm(len(labels), generator=random)[:count]
    images = torch.randn(groups * count, 3, 4, 4, generator=random)
    partner = torch.randperm(count, generator=random) if mixed else None
    share = torch.full((count,), 0.7) if mixed else None
    return Batch(images, labels[index], index, partner, share)


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
