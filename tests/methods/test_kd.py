"""KD on real images against Eq. 7 in float64."""

import copy

import pytest
import torch
from classifiers import CLASSES, Deeper, Tiny, cross_entropy, kl, make_batch, make_labels
from made_settings import make

from advkd.methods.kd import Kd
from advkd.methods.settings.kd import KdSettings


@pytest.mark.parametrize(("tau", "ce_weight"), [(1.0, 0.0), (4.0, 0.0), (2.0, 0.7)])
def test_kd_s_loss(tau, ce_weight):
    teacher, student = Deeper(), Tiny()
    batch = make_batch(make_labels())
    z = copy.deepcopy(student)(batch.images)
    settings = make(KdSettings, tau=tau, ce_weight=ce_weight)
    loss, terms = Kd(settings, student, teacher=teacher, classes=CLASSES).loss(batch)
    divergence, ce = kl(teacher.eval()(batch.images), z, tau), cross_entropy(z, batch.labels)
    assert loss.item() == pytest.approx(divergence + ce_weight * ce, rel=1e-4)
    assert terms["L_KD"].item() == pytest.approx(divergence, rel=1e-4)
    assert terms["CE"].item() == pytest.approx(ce, rel=1e-4)
    assert terms["error"] == (z.argmax(1) != batch.labels).float().mean()
    assert loss.requires_grad and not any(term.requires_grad for term in terms.values())


def test_labels_count_for_nothing_without_a_weight():
    teacher, batch, gradients = Deeper(), make_batch(make_labels()), []
    for labels in (batch.labels, (batch.labels + 1) % 5):
        torch.manual_seed(0)
        student = Tiny()
        method = Kd(make(KdSettings, tau=1.0, ce_weight=0.0), student, teacher=teacher, classes=CLASSES)
        loss, _ = method(batch.images, labels)
        loss.backward()
        gradients.append([parameter.grad for parameter in student.parameters()])
    assert all(torch.equal(*pair) for pair in zip(*gradients, strict=True))


def test_the_teacher_is_asked_in_evaluation_mode_and_stays():
    teacher = Deeper().train()
    before = copy.deepcopy(teacher.state_dict())
    method = Kd(make(KdSettings, tau=1.0, ce_weight=0.0), Tiny(), teacher=teacher, classes=CLASSES)
    method.loss(make_batch(make_labels()))[0].backward()
    for network in (teacher, method.teacher.network):
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
        assert all(parameter.grad is None for parameter in network.parameters())
    assert not method.teacher.network.training and not method.networks, "a resumed training reads it from its run"
