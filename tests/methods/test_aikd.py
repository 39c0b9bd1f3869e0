"""AI-KD's equations against literal re-derivations, finite differences, and the methods it contains."""

import copy

import numpy as np
import pytest
import torch
from classifiers import AIKD, CLASSES, Tiny, batch, cross_entropy, kl, settings, task
from torch.nn import functional as F

from advkd.methods.aikd import AiKd
from advkd.methods.wgan_gp import gradient_penalty
from advkd.models.critic import Critic


def build(about=None, seed=0, **changes):
    about = about or task()
    torch.manual_seed(seed)
    about.parents["superior"] = Tiny().eval()
    return AiKd(settings(**(AIKD | changes)), Tiny(), about)


@pytest.mark.parametrize(("classes", "count"), [(67, 6560), (100, 8672), (120, 9952), (200, 15072)])
def test_the_critic_s_size(classes, count):
    s = settings(**(AIKD | {"fc1": 64, "fc2": 32}))
    assert sum(p.numel() for p in Critic(classes, s).parameters()) == count


@pytest.mark.parametrize("mixed", [False, True])
def test_the_student_s_loss_is_equation_8(mixed):
    method = build()
    about, previous = method.task, None
    for epoch in range(2):
        one = batch(about, seed=epoch, mixed=mixed)
        method.begin_epoch(epoch, 1.0)
        terms = method.loss(one)
        z, u = copy.deepcopy(method.student)(one.images), method.task.parents["superior"](one.images)
        adversarial = -copy.deepcopy(method.critic)(z).mean().item()
        ce = cross_entropy(z, one.labels)
        if mixed:
            ce = 0.7 * ce + 0.3 * np.mean([cross_entropy(z[i : i + 1], one.labels[j : j + 1])
                                           for i, j in enumerate(one.partner)])  # fmt: skip
        guide = kl(u, z, 3.0)
        expected = 0.9 * ce + 0.1 * guide + 0.1 * adversarial
        if epoch == 1:
            progressive = kl(previous(one.images), z, 1.0)
            expected = 0.6 * ce + 0.3 * progressive + 0.1 * guide + 0.1 * adversarial
            assert terms["L_P"].item() == pytest.approx(progressive, rel=1e-4)
        assert terms["L"].item() == pytest.approx(expected, rel=1e-4)
        assert terms["L_G"].item() == pytest.approx(guide, rel=1e-4)
        previous = copy.deepcopy(method.student).eval()  # statistics moved in this epoch
        method.end_epoch(epoch)


def test_the_previous_student_is_that_of_the_epoch_s_end():
    method = build()
    images = batch(method.task).images
    method.loss(batch(method.task))
    method.end_epoch(0)
    at_end = copy.deepcopy(method.student).eval()(images)
    with torch.no_grad():
        method.student.fc.weight.add_(1.0)
    torch.testing.assert_close(method.networks["previous"](images), at_end)


def test_all_weights_zero_is_baseline_to_the_bit():
    method = build(alpha_g=0.0, alpha_p=0.0, omega=0.0)
    one = batch(method.task)
    expected = F.cross_entropy(copy.deepcopy(method.student)(one.images), one.labels)
    assert torch.equal(method.loss(one)["L"], expected)
    assert not method.networks and not method.optimizers


def test_omega_zero_is_no_adv_to_the_bit():
    """The gradient without a critic, and its loss, are those of the three other terms alone."""
    method, with_critic = build(omega=0.0), build(omega=0.1)
    with_critic.s.omega = 0.0  # built with a critic that then has no weight
    assert "critic" not in method.networks and "critic" in with_critic.networks
    for epoch in range(2):
        one = batch(method.task, seed=epoch)
        losses = []
        for each in (method, with_critic):
            each.begin_epoch(epoch, 1.0)
            losses.append(each.loss(one)["L"])
            each.end_epoch(epoch)
        assert torch.equal(*losses)


def literal_critic_loss(critic, z, u, eps, weight):
    """Eq. 6 with the penalty's gradient by central differences, in float64."""
    x = eps * u + (1 - eps) * z

    def score(rows):
        return critic(rows).sum().item()

    gradient = torch.zeros_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            step = torch.zeros_like(x)
            step[i, j] = 1e-5
            gradient[i, j] = (score(x + step) - score(x - step)) / 2e-5
    penalty = ((gradient.norm(dim=1) - 1) ** 2).mean().item()
    return critic(z).mean().item() - critic(u).mean().item() + weight * penalty, penalty


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_the_critic_s_loss_is_equation_6_by_finite_differences(norm):
    torch.manual_seed(1)
    critic = Critic(CLASSES, settings(**(AIKD | {"critic_norm": norm}))).double()
    z, u = torch.randn(2, 6, CLASSES).double()
    eps = torch.rand(6, 1).double()
    expected, penalty = literal_critic_loss(critic, z, u, eps, 10.0)
    found = gradient_penalty(critic, z, u, eps)
    assert found.item() == pytest.approx(penalty, rel=1e-6)
    total = critic(z).mean() - critic(u).mean() + 10.0 * found
    assert total.item() == pytest.approx(expected, rel=1e-6)


def test_the_gradient_of_the_penalty_by_finite_differences():
    torch.manual_seed(2)
    critic = Critic(CLASSES, settings(**AIKD)).double()
    z, u = torch.randn(2, 6, CLASSES).double()
    eps = torch.rand(6, 1).double()
    weight = critic.layers[0].weight

    def loss():
        return gradient_penalty(critic, z, u, eps)

    (analytic,) = torch.autograd.grad(loss(), weight)
    for place in [(0, 0), (3, 2), (5, 4)]:
        weight.data[place] += 1e-6
        above = loss().item()
        weight.data[place] -= 2e-6
        below = loss().item()
        weight.data[place] += 1e-6
        assert analytic[place].item() == pytest.approx((above - below) / 2e-6, rel=1e-4, abs=1e-9)


def test_the_sum_s_gradient_is_as_many_times_the_mean_s_as_there_are_outputs():
    torch.manual_seed(3)
    critic = Critic(CLASSES, settings(**AIKD)).double()
    x = torch.randn(6, CLASSES).double().requires_grad_()
    gradients = [torch.autograd.grad(critic(x, scalar).sum(), x)[0] for scalar in ("mean", "sum")]
    torch.testing.assert_close(gradients[1], AIKD["fc2"] * gradients[0])


def test_the_critic_learns_to_rate_the_superior_above_the_student():
    """A shift of the logits by one standard unit; without batch norm, whose two forwards would hide it."""
    method = build(critic_lr=1e-2, critic_norm="none")
    one = batch(method.task, count=20)
    with torch.no_grad():
        method.superior.network.fc.bias.add_(1 / CLASSES**0.5)
        shift = (method.superior(one.images) - method.logits(one.images)).mean(0).norm().item()
    distances = [method.loss(one)["W"].item() for _ in range(150)]
    # A critic of slope 1 cannot see more than the distance between the two, and should see most of it.
    assert distances[0] < 0.5 * shift < distances[-1] < 1.2 * shift


def test_without_the_middle_term_nothing_rates_the_superior_high():
    kept, dropped = build(), build(critic_real=False)
    one = batch(kept.task)
    terms = []
    for method in (kept, dropped):
        torch.manual_seed(5)
        terms.append(method.loss(one))
    on_u = terms[0]["L_D"] - terms[1]["L_D"]
    fresh = build().critic
    expected = -fresh(kept.task.parents["superior"](one.images)).mean()
    torch.testing.assert_close(on_u, expected.detach(), rtol=1e-4, atol=1e-5)


def test_the_student_s_loss_moves_no_critic_and_no_frozen_network():
    method = build()
    method.begin_epoch(1, 1.0)
    terms = method.loss(batch(method.task))
    before = copy.deepcopy([method.networks["critic"].state_dict(), method.superior.state_dict()])
    terms["L"].backward(inputs=list(method.student.parameters()))
    after = [method.networks["critic"].state_dict(), method.superior.state_dict()]
    assert all(torch.equal(a[k], b[k]) for a, b in zip(before, after, strict=True) for k in a)
    assert not any(parameter.requires_grad for parameter in method.superior.parameters())
    assert all(parameter.grad is not None for parameter in method.student.parameters())


CHOICES = {
    "critic_input": ["probabilities"], "critic_output": ["sum", "layer"], "critic_norm": ["layer", "none"],
    "gp_scalar": ["sum"], "gp_mode": ["eval"], "fool_mode": ["eval"], "kl_reduction": ["elementwise"],
    "first_previous": ["initial", "superior"], "previous_source": ["table"], "frozen_mode": ["train"],
    "student_start": ["superior"], "critic_steps": [2], "critic_slope": [0.01],
}  # fmt: skip


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in CHOICES.items() for value in values])
def test_every_reading_of_the_paper_changes_what_is_learnt(key, value):
    plain, other = build(), build(**{key: value})
    losses = []
    for method in (plain, other):
        found = []
        for epoch in range(2):
            method.begin_epoch(epoch, 1.0)
            torch.manual_seed(5)
            terms = method.loss(batch(plain.task, seed=epoch))
            found += [terms["L"].detach(), terms["L_D"]]
            method.end_epoch(epoch)
        losses.append(torch.stack(found))
    assert torch.isfinite(losses[1]).all() and not torch.allclose(*losses, rtol=1e-6, atol=0)


def test_the_table_holds_the_logits_of_the_epoch_before():
    method = build(previous_source="table", omega=0.0)
    one = batch(method.task)
    method.begin_epoch(0, 1.0)
    assert method.loss(one)["L_P"] == 0
    logits = copy.deepcopy(method.student)(one.images)
    with torch.no_grad():
        method.student.fc.bias.add_(torch.arange(CLASSES).float())
    method.begin_epoch(1, 1.0)
    found = method.loss(one)["L_P"].item()
    assert found == pytest.approx(kl(logits, copy.deepcopy(method.student)(one.images), 1.0), rel=1e-4)


def test_the_critic_s_rate_follows_the_schedule_on_request():
    for decay, rate in ((False, 1e-3), (True, 1e-4)):
        method = build(critic_decay=decay)
        method.begin_epoch(6, 0.1)
        assert method.optimizers["critic"].param_groups[0]["lr"] == pytest.approx(rate)


def test_frozen_networks_in_bfloat16_stay_close():
    exact, rounded = build(), build(frozen_precision="bfloat16")
    images = torch.randn(20, 3, 4, 4)
    difference = (exact.superior(images) - rounded.superior(images)).abs().max()
    assert 0 < difference < 0.02 and rounded.superior(images).dtype == torch.float32
