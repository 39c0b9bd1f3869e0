"""DKD against its definition, computed class by class in float64, and against the identity that it comes from."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from advkd.errors import UserError
from advkd.methods.divergence import divergence
from advkd_dkd.loss import Dkd, decoupled

CLASSES, TAU = 5, 4.0
RANDOM = torch.Generator().manual_seed(0)
LABELS = torch.tensor([0, 4, 2, 2, 1, 3])
IMAGES = torch.randn(6, 3, 4, 4, generator=RANDOM)


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(48, CLASSES)

    def forward(self, images):
        return self.head(images.flatten(1))


def make(**settings):
    torch.manual_seed(1)
    return Dkd(Dkd.Settings(**settings), Tiny(), teacher=Tiny(), classes=CLASSES, epochs=24)


def by_hand(student, teacher, label):
    """Return TCKD and NCKD of one image, from logits (C,), with numpy and Python's own arithmetic."""
    p, q = (np.exp(z / TAU) / np.exp(z / TAU).sum() for z in (teacher, student))
    tckd = p[label] * math.log(p[label] / q[label]) + (1 - p[label]) * math.log((1 - p[label]) / (1 - q[label]))
    nckd = 0.0
    for other in range(CLASSES):
        if other != label:
            p_hat, q_hat = p[other] / (1 - p[label]), q[other] / (1 - q[label])
            nckd += p_hat * math.log(p_hat / q_hat)
    return TAU**2 * tckd, TAU**2 * nckd


def test_the_loss_is_the_definition_s():
    method = make(dkd_alpha=1.5, dkd_beta=6.0, dkd_warmup=0)
    method.begin_epoch(0)
    loss, terms = method(IMAGES, LABELS)
    student = method.student(IMAGES).detach().double().numpy()
    teacher = method.teacher(IMAGES).double().numpy()
    parts = [by_hand(z, u, y) for z, u, y in zip(student, teacher, LABELS.tolist(), strict=True)]
    tckd, nckd = np.mean(parts, 0)
    ce = -np.mean([math.log(np.exp(z)[y] / np.exp(z).sum()) for z, y in zip(student, LABELS.tolist(), strict=True)])
    assert float(terms["TCKD"]) == pytest.approx(tckd, rel=1e-4)
    assert float(terms["NCKD"]) == pytest.approx(nckd, rel=1e-4)
    assert float(loss) == pytest.approx(ce + 1.5 * tckd + 6 * nckd, rel=1e-4)
    assert not any(term.requires_grad for term in terms.values())


def test_both_parts_make_up_the_usual_divergence():
    """Eq. 6, image by image: KD = TCKD + (1 - p) NCKD."""
    student, teacher = torch.randn(2, 6, CLASSES, generator=RANDOM, dtype=torch.float64)
    log_b, log_q = decoupled(student, LABELS, TAU)
    log_b_teacher, log_q_teacher = decoupled(teacher, LABELS, TAU)
    tckd = (log_b_teacher.exp() * (log_b_teacher - log_b)).sum(1)
    nckd = (log_q_teacher.exp() * (log_q_teacher - log_q)).sum(1)
    whole = TAU**2 * (tckd + log_b_teacher[:, 1].exp() * nckd).mean()
    assert torch.allclose(whole, divergence(teacher, student, TAU), rtol=1e-10)


def test_it_stays_finite_where_a_probability_is_none():
    logits = torch.tensor([[500.0, 0, 0, 0, 0]], requires_grad=True)
    log_b, log_q = decoupled(logits, torch.tensor([0]), 1.0)
    (log_b.sum() + log_q.sum()).backward()
    assert torch.isfinite(log_b).all() and torch.isfinite(log_q).all() and torch.isfinite(logits.grad).all()


def test_the_warm_up_is_a_share_of_the_training():
    method = make(dkd_warmup=0.25)  # 6 of 24 epochs
    weights = []
    for epoch in range(8):
        method.begin_epoch(epoch)
        weights.append(method.warm)
    assert weights == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1, 1])
    method.begin_epoch(1)
    loss, terms = method(IMAGES, LABELS)
    expected = terms["CE"] + (terms["TCKD"] + 8 * terms["NCKD"]) / 3
    assert torch.allclose(loss, expected)


def test_the_student_learns_and_the_teacher_does_not():
    method = make()
    method.begin_epoch(0)
    loss, _ = method(IMAGES, LABELS)
    loss.backward()
    assert method.student.head.weight.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in method.teacher.parameters())


def test_mixed_images_are_refused_in_one_line():
    method = make()
    with pytest.raises(UserError, match="DKD needs one target class for each image: set augment to none or cutout"):
        method(IMAGES, LABELS, partner=torch.arange(6), share=torch.full((6,), 0.7))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"dkd_tau": 0}, "dkd_tau is 0; allowed: a number above 0"), ({"dkd_warmup": 2}, "dkd_warmup is 2; allowed")],
)
def test_wrong_settings_are_refused_in_one_line(settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)
