"""CS-KD, TF-KD and PS-KD against literal re-derivations in float64."""

import copy

import numpy as np
import pytest
import torch
from classifiers import CLASSES, Tiny, cross_entropy, kl, make_batch, make_labels, probabilities
from made_settings import make
from scipy.stats import chisquare
from torch import nn
from torch.nn import functional as F

from advkd.methods.baseline import Baseline
from advkd.methods.batch import Batch
from advkd.methods.cskd import CsKd
from advkd.methods.pskd import PsKd
from advkd.methods.settings.baseline import BaselineSettings
from advkd.methods.settings.cskd import CsKdSettings
from advkd.methods.settings.pskd import PsKdSettings
from advkd.methods.settings.tfkd import TfKdSettings
from advkd.methods.tfkd import TfKd

LABELS = make_labels()


class Hundred(nn.Module):
    """A classifier of 100 classes, linear in its 4x4 images."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(48, 100)

    def forward(self, images):
        return self.fc(images.flatten(1))


def test_baseline_is_cross_entropy():
    student, batch = Tiny(), make_batch(LABELS)
    loss, terms = Baseline(BaselineSettings(), student, classes=CLASSES).loss(batch)
    logits = student(batch.images)
    assert torch.equal(loss, F.cross_entropy(logits, batch.labels))
    assert terms["error"] == (logits.argmax(1) != batch.labels).float().mean()


def cskd(student, labels=LABELS):
    return CsKd(make(CsKdSettings, cs_weight=3.0, cs_tau=4.0), student, classes=CLASSES, labels=labels)


def test_partners_are_any_image_of_the_anchor_s_class():
    labels = make_labels(60)
    method = cskd(Tiny(), labels)
    index = torch.arange(60).repeat(200)
    chosen = method.choose(index, torch.Generator().manual_seed(0))
    assert torch.equal(chosen[: len(index)], index)
    partner = chosen[len(index) :]
    assert torch.equal(labels[partner], labels[index])
    for label in range(CLASSES):
        members = (labels == label).nonzero().flatten()
        drawn = partner[labels[index] == label]
        counts = np.array([(drawn == member).sum() for member in members])
        assert chisquare(counts).pvalue > 1e-4, "uniform, the anchor itself included"


def test_cskd_s_loss_and_where_its_gradient_goes():
    student, batch = Tiny(), make_batch(LABELS, groups=2)
    anchors, partners = batch.images.chunk(2)
    literal = copy.deepcopy(student)
    z, target = literal(anchors), literal(partners)
    expected = cross_entropy(z, batch.labels) + 3 * kl(target, z, 4.0)
    images = batch.images.clone().requires_grad_()
    loss, _ = cskd(student).loss(Batch(images, batch.labels, batch.index))
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    anchor_gradient, partner_gradient = images.grad.chunk(2)
    assert anchor_gradient.abs().sum() > 0 and partner_gradient.abs().sum() == 0


def test_cskd_s_divergence_is_of_the_anchor_from_its_partner():
    """On predictions so far apart that the divergence is not about equal in both directions."""
    student, batch = Tiny(), make_batch(LABELS, groups=2)
    with torch.no_grad():
        student.fc.weight.mul_(100)
    literal = copy.deepcopy(student)
    z, target = (literal(half) for half in batch.images.chunk(2))
    assert kl(target, z, 4.0) != pytest.approx(kl(z, target, 4.0), rel=0.01)
    _, terms = cskd(student).loss(batch)
    assert terms["KD"].item() == pytest.approx(kl(target, z, 4.0), rel=1e-4)


def test_cskd_moves_batch_norm_twice_anchors_first():
    student, batch = Tiny(), make_batch(LABELS, groups=2)
    literal = copy.deepcopy(student)
    for half in batch.images.chunk(2):
        literal(half)
    cskd(student).loss(batch)
    torch.testing.assert_close(student.bn.running_mean, literal.bn.running_mean)
    torch.testing.assert_close(student.bn.running_var, literal.bn.running_var)
    assert student.bn.num_batches_tracked == 2


@pytest.mark.parametrize("reduction", ["elementwise", "batchmean"])
def test_tfkd_s_two_reductions(reduction):
    student, superior, batch = Tiny(), Tiny().eval(), make_batch(LABELS)
    settings = make(TfKdSettings, tf_alpha=0.95, tf_tau=6.0, tf_reduction=reduction, tf_multiplier=50.0)
    loss, _ = TfKd(settings, student, superior=superior, classes=CLASSES).loss(batch)
    factor = 50.0 / CLASSES if reduction == "elementwise" else 1.0
    z = student(batch.images)
    expected = 0.05 * cross_entropy(z, batch.labels) + 0.95 * factor * kl(superior(batch.images), z, 6.0)
    assert loss.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("alpha", "tau", "weight"), [(0.95, 6.0, 17.1), (0.9, 20.0, 180.0)])
def test_tfkd_s_weight_on_the_summed_divergence_at_100_classes(alpha, tau, weight):
    settings = make(TfKdSettings, tf_alpha=alpha, tf_tau=tau, tf_multiplier=50.0, tf_reduction="elementwise")
    student, superior = Hundred(), Hundred().eval()
    batch = make_batch(make_labels())
    loss, terms = TfKd(settings, student, superior=superior, classes=100).loss(batch)
    summed = kl(superior(batch.images), student(batch.images), tau) / tau**2
    assert terms["KD"].item() * 100 / tau**2 == pytest.approx(summed, rel=1e-4)
    assert (loss - (1 - alpha) * terms["CE"]).item() / summed == pytest.approx(weight, rel=1e-3)


@pytest.mark.parametrize("mixed", [False, True])
def test_pskd_against_a_literal_table(mixed):
    student, labels = Tiny(), make_labels(12)
    method = PsKd(make(PsKdSettings, ps_alpha=0.8), student, classes=CLASSES, labels=labels, epochs=4)
    table = {i: np.eye(CLASSES)[label] for i, label in enumerate(labels.tolist())}
    for epoch in range(4):
        method.begin_epoch(epoch, 1.0)
        for part in range(2):
            batch = make_batch(labels, seed=10 * epoch + part, mixed=mixed)
            literal = copy.deepcopy(student)
            p = probabilities(literal(batch.images))
            alpha = 0.8 * (epoch + 1) / 4
            rows = [
                (1 - alpha) * np.eye(CLASSES)[label] + alpha * table[i]
                for i, label in zip(batch.index.tolist(), batch.labels.tolist(), strict=True)
            ]
            if mixed:
                rows = [0.7 * row + 0.3 * rows[other] for row, other in zip(rows, batch.partner.tolist(), strict=True)]
            expected = -np.mean([soft @ np.log(found) for soft, found in zip(rows, p, strict=True)])
            loss, _ = method.loss(batch)
            assert loss.item() == pytest.approx(expected, rel=1e-4)
            table |= dict(zip(batch.index.tolist(), p, strict=True))
            with torch.no_grad():
                for weight in student.parameters():
                    weight.add_(0.05 * torch.randn_like(weight))


def test_pskd_s_first_epoch_is_baseline_and_its_weight_grows_to_alpha():
    method = PsKd(make(PsKdSettings, ps_alpha=0.8), Tiny(), classes=CLASSES, labels=LABELS, epochs=300)
    found = []
    for epoch in (0, 149, 299):
        method.begin_epoch(epoch, 1.0)
        found.append(method.alpha)
    assert found == pytest.approx([0.0026667, 0.4, 0.8], rel=1e-4)
    method.begin_epoch(0, 1.0)
    loss, terms = method.loss(make_batch(LABELS))
    torch.testing.assert_close(loss.detach(), terms["CE"], rtol=1e-6, atol=0)
