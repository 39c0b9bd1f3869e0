"""KD on real images against Eq. 7 in float64."""

import copy

import pytest
import torch
from classifiers import Deeper, Tiny, batch, cross_entropy, kl, settings, task

from advkd.methods.kd import Kd


@pytest.mark.parametrize(("tau", "ce_weight"), [(1.0, 0.0), (4.0, 0.0), (2.0, 0.7)])
def test_kd_s_loss(tau, ce_weight):
    teacher, student = Deeper(), Tiny()
    about = task(teacher=teacher)
    one = batch(about)
    z = copy.deepcopy(student)(one.images)
    terms = Kd(settings(tau=tau, ce_weight=ce_weight), student, about).loss(one)
    divergence, ce = kl(teacher.eval()(one.images), z, tau), cross_entropy(z, one.labels)
    assert terms["L"].item() == pytest.approx(divergence + ce_weight * ce, rel=1e-4)
    assert terms["L_KD"].item() == pytest.approx(divergence, rel=1e-4)
    assert terms["CE"].item() == pytest.approx(ce, rel=1e-4)
    assert terms["error"] == (z.argmax(1) != one.labels).float().mean()
    assert [name for name, term in terms.items() if term.requires_grad] == ["L"]


def test_labels_count_for_nothing_without_a_weight():
    about = task(teacher=Deeper())
    one, gradients = batch(about), []
    for labels in (one.labels, (one.labels + 1) % 5):
        torch.manual_seed(0)
        student = Tiny()
        Kd(settings(tau=1.0, ce_weight=0.0), student, about).loss(type(one)(one.images, labels, one.index))[
            "L"
        ].backward()
        gradients.append([parameter.grad for parameter in student.parameters()])
    assert all(torch.equal(*pair) for pair in zip(*gradients, strict=True))


def test_the_teacher_is_asked_in_evaluation_mode_and_stays():
    teacher = Deeper().train()
    about = task(teacher=teacher)
    before = copy.deepcopy(teacher.state_dict())
    method = Kd(settings(tau=1.0, ce_weight=0.0), Tiny(), about)
    method.loss(batch(about))["L"].backward()
    for network in (teacher, method.teacher.network):
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
        assert all(parameter.grad is None for parameter in network.parameters())
    assert not method.teacher.network.training and not method.networks, "a resumed training reads it from its run"
