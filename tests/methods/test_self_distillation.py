"""CS-KD, TF-KD and PS-KD against literal re-derivations in float64."""

import copy

import numpy as np
import pytest
import torch
from classifiers import CLASSES, Tiny, batch, cross_entropy, kl, probabilities, settings, task
from scipy.stats import chisquare
from torch.nn import functional as F

from advkd.methods.baseline import Baseline
from advkd.methods.cskd import CsKd
from advkd.methods.pskd import PsKd
from advkd.methods.tfkd import TfKd


def test_baseline_is_cross_entropy():
    student, about = Tiny(), task()
    one = batch(about)
    terms = Baseline(settings(), student, about).loss(one)
    logits = student(one.images)
    assert torch.equal(terms["L"], F.cross_entropy(logits, one.labels))
    assert terms["error"] == (logits.argmax(1) != one.labels).float().mean()


def cskd(student, about, **changes):
    return CsKd(settings(**({"cs_weight": 3.0, "cs_tau": 4.0} | changes)), student, about)


def test_partners_are_any_image_of_the_anchor_s_class():
    about = task(images=60)
    method = cskd(Tiny(), about)
    index = torch.arange(60).repeat(200)
    chosen = method.choose(index, torch.Generator().manual_seed(0))
    assert torch.equal(chosen[: len(index)], index)
    partner = chosen[len(index) :]
    assert torch.equal(about.labels[partner], about.labels[index])
    for label in range(CLASSES):
        members = (about.labels == label).nonzero().flatten()
        drawn = partner[about.labels[index] == label]
        counts = np.array([(drawn == member).sum() for member in members])
        assert chisquare(counts).pvalue > 1e-4, "uniform, the anchor itself included"


def test_cskd_s_loss_and_where_its_gradient_goes():
    student, about = Tiny(), task()
    one = batch(about, groups=2)
    anchors, partners = one.images.chunk(2)
    literal = copy.deepcopy(student)
    z, target = literal(anchors), literal(partners)
    expected = cross_entropy(z, one.labels) + 3 * kl(target, z, 4.0)
    images = one.images.clone().requires_grad_()
    loss = cskd(student, about).loss(type(one)(images, one.labels, one.index))["L"]
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    anchor_gradient, partner_gradient = images.grad.chunk(2)
    assert anchor_gradient.abs().sum() > 0 and partner_gradient.abs().sum() == 0


def test_cskd_moves_batch_norm_twice_anchors_first():
    student, about = Tiny(), task()
    one = batch(about, groups=2)
    literal = copy.deepcopy(student)
    for half in one.images.chunk(2):
        literal(half)
    cskd(student, about).loss(one)
    torch.testing.assert_close(student.bn.running_mean, literal.bn.running_mean)
    torch.testing.assert_close(student.bn.running_var, literal.bn.running_var)
    assert student.bn.num_batches_tracked == 2


@pytest.mark.parametrize("reduction", ["elementwise", "batchmean"])
def test_tfkd_s_two_reductions(reduction):
    student, superior, about = Tiny(), Tiny().eval(), task()
    about.parents["superior"] = superior
    one = batch(about)
    s = settings(tf_alpha=0.95, tf_tau=6.0, tf_reduction=reduction)
    if reduction == "elementwise":
        s.tf_multiplier = 50.0
    loss = TfKd(s, student, about).loss(one)["L"].item()
    factor = 50.0 / CLASSES if reduction == "elementwise" else 1.0
    z = student(one.images)
    expected = 0.05 * cross_entropy(z, one.labels) + 0.95 * factor * kl(superior(one.images), z, 6.0)
    assert loss == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("alpha", "tau", "weight"), [(0.95, 6.0, 17.1), (0.9, 20.0, 180.0)])
def test_tfkd_s_weight_on_the_summed_divergence_at_100_classes(alpha, tau, weight):
    about = task()
    about.parents["superior"] = Tiny()
    s = settings(tf_alpha=alpha, tf_tau=tau, tf_multiplier=50.0, tf_reduction="elementwise")
    assert TfKd(s, Tiny(), about).weight * tau**2 / 100 == pytest.approx(weight)


@pytest.mark.parametrize("mixed", [False, True])
def test_pskd_against_a_literal_table(mixed):
    student, about = Tiny(), task(images=12)
    method = PsKd(settings(ps_alpha=0.8, epochs=4), student, about)
    table = {i: np.eye(CLASSES)[label] for i, label in enumerate(about.labels.tolist())}
    for epoch in range(4):
        method.begin_epoch(epoch, 1.0)
        for part in range(2):
            one = batch(about, seed=10 * epoch + part, mixed=mixed)
            literal = copy.deepcopy(student)
            p = probabilities(literal(one.images))
            alpha = 0.8 * (epoch + 1) / 4
            rows = [
                (1 - alpha) * np.eye(CLASSES)[label] + alpha * table[i]
                for i, label in zip(one.index.tolist(), one.labels.tolist(), strict=True)
            ]
            if mixed:
                rows = [0.7 * row + 0.3 * rows[other] for row, other in zip(rows, one.partner.tolist(), strict=True)]
            expected = -np.mean([soft @ np.log(found) for soft, found in zip(rows, p, strict=True)])
            loss = method.loss(one)["L"]
            assert loss.item() == pytest.approx(expected, rel=1e-4)
            table |= dict(zip(one.index.tolist(), p, strict=True))
            with torch.no_grad():
                for weight in student.parameters():
                    weight.add_(0.05 * torch.randn_like(weight))


def test_pskd_s_first_epoch_is_baseline_and_its_weight_grows_to_alpha():
    about = task()
    method = PsKd(settings(ps_alpha=0.8, epochs=300), Tiny(), about)
    found = []
    for epoch in (0, 149, 299):
        method.begin_epoch(epoch, 1.0)
        found.append(method.alpha)
    assert found == pytest.approx([0.0026667, 0.4, 0.8], rel=1e-4)
    method.begin_epoch(0, 1.0)
    terms = method.loss(batch(about))
    torch.testing.assert_close(terms["L"].detach(), terms["CE"], rtol=1e-6, atol=0)
