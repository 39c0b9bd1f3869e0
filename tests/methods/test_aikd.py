"""AI-KD's equations against literal re-derivations, finite differences, and the methods it contains."""

import copy

import numpy as np
import pytest
import torch
from classifiers import AIKD, CLASSES, Tiny, cross_entropy, kl, make_batch, make_labels, probabilities
from made_settings import make
from torch.nn import functional as F

from advkd.methods.aikd import AiKd
from advkd.methods.settings.aikd import AiKdSettings
from advkd.methods.wgan_gp import gradient_penalty
from advkd.models.critic import Critic

LABELS = make_labels()


def make_superior(seed=0):
    """The superior of the method that `build` returns for the same seed."""
    torch.manual_seed(seed)
    return Tiny().eval()


def build(seed=0, **changes):
    superior = make_superior(seed)
    return AiKd(make(AiKdSettings, **AIKD | changes), Tiny(), superior=superior, classes=CLASSES, labels=LABELS)


def critic_of(method):
    return method.networks["critic"]


def make_critic(norm="batch"):
    return Critic(CLASSES, AIKD["fc1"], AIKD["fc2"], norm=norm)


@pytest.mark.parametrize(("classes", "count"), [(67, 6560), (100, 8672), (120, 9952), (200, 15072)])
def test_the_critic_s_size(classes, count):
    assert sum(p.numel() for p in Critic(classes).parameters()) == count
    s = AiKdSettings().critic
    assert sum(p.numel() for p in Critic(classes, s.fc1, s.fc2).parameters()) == count


def mixed_rows(rows, batch):
    """Mix what belongs to the images as the images are, in float64."""
    if batch.partner is None:
        return rows
    return 0.7 * rows + 0.3 * rows[batch.partner.numpy()]


@pytest.mark.parametrize(("tau_g", "tau_p"), [(3.0, 1.0), (0.7, 2.5)])
@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("source", ["model", "table"])
@pytest.mark.parametrize("reduction", ["batchmean", "elementwise"])
def test_the_progressive_term_and_the_guide_at_any_temperature(tau_g, tau_p, mixed, source, reduction):
    """Eqs. 4 and 5 in float64: tau^2 KL of probabilities. The table's are mixed as the images are."""
    method = build(previous_source=source, tau_g=tau_g, tau_p=tau_p, kl_reduction=reduction, omega=0.0)
    superior, share = make_superior(), CLASSES if reduction == "elementwise" else 1
    batch = make_batch(LABELS, mixed=mixed)
    method.begin_epoch(0)
    _, terms = method.loss(batch)
    assert "L_P" not in terms
    remembered = copy.deepcopy(method.student)(batch.images)  # in training mode, as the loss saw them
    method.end_epoch(0)
    copied = copy.deepcopy(method.student).eval()(batch.images)
    with torch.no_grad():
        method.student.fc.bias.add_(torch.arange(CLASSES).float())
    method.begin_epoch(1)
    z, u = copy.deepcopy(method.student)(batch.images), superior(batch.images)
    loss, terms = method.loss(batch)
    q = probabilities(z, tau_p)
    p = probabilities(copied, tau_p) if source == "model" else mixed_rows(probabilities(remembered, tau_p), batch)
    progressive = tau_p**2 * (p * np.log(p / q)).sum(1).mean() / share
    assert progressive > 1e-2
    assert terms["L_P"].item() == pytest.approx(progressive, rel=1e-4)
    assert terms["L_G"].item() == pytest.approx(kl(u, z, tau_g) / share, rel=1e-4)
    expected = 0.6 * terms["CE"].item() + 0.3 * progressive + 0.1 * kl(u, z, tau_g) / share
    assert loss.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("first", "source"), [("initial", "model"), ("superior", "model"), ("superior", "table")])
@pytest.mark.parametrize("alpha_g", [0.1, 0.0])
def test_what_stands_for_the_previous_student_in_the_first_epoch(first, source, alpha_g):
    changes = {"first_previous": first, "previous_source": source, "alpha_g": alpha_g, "tau_p": 2.5, "omega": 0.0}
    method, superior = build(**changes), make_superior()
    batch = make_batch(LABELS, mixed=True)
    with torch.no_grad():
        initial = copy.deepcopy(method.student).eval()(batch.images)
        method.student.fc.bias.add_(torch.arange(CLASSES).float())
    z = copy.deepcopy(method.student)(batch.images)
    method.begin_epoch(0)
    _, terms = method.loss(batch)
    expected = kl(initial if first == "initial" else superior(batch.images), z, 2.5)
    assert terms["L_P"].item() == pytest.approx(expected, rel=1e-4)
    method.end_epoch(0)
    method.begin_epoch(1)
    _, later = method.loss(batch)
    assert later["L_P"].item() != pytest.approx(expected, rel=1e-2), "from the second epoch on itself"


def test_a_table_of_sure_predictions_has_a_finite_term():
    """A remembered probability that is 0 in float32 adds 0 ln 0 = 0."""
    method, batch = build(previous_source="table", omega=0.0), make_batch(LABELS)
    method.tensors["past"][:, 0] = 500.0
    method.begin_epoch(1)
    z = copy.deepcopy(method.student)(batch.images)
    loss, terms = method.loss(batch)
    assert terms["L_P"].item() == pytest.approx(-np.log(probabilities(z)[:, 0]).mean(), rel=1e-4)
    loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in method.student.parameters())


def test_a_student_may_start_as_its_superior():
    method, superior = build(student_start="superior"), make_superior().state_dict()
    assert all(torch.equal(value, superior[name]) for name, value in method.student.state_dict().items())
    fresh = build().student.state_dict()
    assert not any(torch.equal(value, superior[name]) for name, value in fresh.items() if name.startswith("conv"))


def test_frozen_networks_in_training_mode_normalise_by_the_batch():
    method, batch = build(frozen_mode="train"), make_batch(LABELS)
    superior = make_superior().train()
    method.begin_epoch(1)
    z, previous = copy.deepcopy(method.student)(batch.images), copy.deepcopy(method.student).train()
    _, terms = method.loss(batch)
    assert terms["L_G"].item() == pytest.approx(kl(superior(batch.images), z, 3.0), rel=1e-4)
    assert terms["L_P"].item() == pytest.approx(kl(previous(batch.images), z, 1.0), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("mixed", [False, True])
def test_the_student_s_loss_is_equation_8(mixed):
    method, superior, previous = build(), make_superior(), None
    for epoch in range(2):
        batch = make_batch(LABELS, seed=epoch, mixed=mixed)
        method.begin_epoch(epoch, 1.0)
        loss, terms = method.loss(batch)
        z, u = copy.deepcopy(method.student)(batch.images), superior(batch.images)
        adversarial = -copy.deepcopy(critic_of(method))(z).mean().item()
        ce = cross_entropy(z, batch.labels)
        if mixed:
            ce = 0.7 * ce + 0.3 * np.mean([cross_entropy(z[i : i + 1], batch.labels[j : j + 1])
                                           for i, j in enumerate(batch.partner)])  # fmt: skip
        guide = kl(u, z, 3.0)
        expected = 0.9 * ce + 0.1 * guide + 0.1 * adversarial
        if epoch == 1:
            progressive = kl(previous(batch.images), z, 1.0)
            expected = 0.6 * ce + 0.3 * progressive + 0.1 * guide + 0.1 * adversarial
            assert terms["L_P"].item() == pytest.approx(progressive, rel=1e-4)
        assert ("L_P" in terms) == (epoch == 1)
        assert loss.item() == pytest.approx(expected, rel=1e-4)
        assert terms["CE"].item() == pytest.approx(ce, rel=1e-4)
        assert terms["L_G"].item() == pytest.approx(guide, rel=1e-4)
        assert terms["L_A"].item() == pytest.approx(adversarial, rel=1e-4)
        previous = copy.deepcopy(method.student).eval()  # statistics moved in this epoch
        method.end_epoch(epoch)


def test_the_previous_student_is_that_of_the_epoch_s_end():
    method = build()
    images = make_batch(LABELS).images
    method.loss(make_batch(LABELS))
    method.end_epoch(0)
    at_end = copy.deepcopy(method.student).eval()(images)
    with torch.no_grad():
        method.student.fc.weight.add_(1.0)
    torch.testing.assert_close(method.networks["previous"](images), at_end)


def test_all_weights_zero_is_baseline_to_the_bit():
    method = build(alpha_g=0.0, alpha_p=0.0, omega=0.0)
    batch = make_batch(LABELS)
    expected = F.cross_entropy(copy.deepcopy(method.student)(batch.images), batch.labels)
    assert torch.equal(method.loss(batch)[0], expected)
    assert not method.networks and not method.optimizers


def test_omega_zero_is_no_adv_to_the_bit():
    """The gradient without a critic, and its loss, are those of the three other terms alone."""
    method, with_critic = build(omega=0.0), build(omega=0.1)
    assert "critic" not in method.networks and "critic" in with_critic.networks
    for epoch in range(2):
        batch = make_batch(LABELS, seed=epoch)
        for each in (method, with_critic):
            each.begin_epoch(epoch, 1.0)
        loss, terms = method.loss(batch)
        _, others = with_critic.loss(batch)
        alpha_p, nothing = (0.3, others["L_P"]) if epoch else (0.0, torch.zeros(()))
        expected = (1 - alpha_p - 0.1) * others["CE"] + alpha_p * nothing + 0.1 * others["L_G"]
        assert torch.equal(loss.detach(), expected)
        assert terms.keys() == others.keys() - {"L_A", "L_D", "W", "AUC", "GP"}
        assert all(torch.equal(terms[name], others[name]) for name in terms)
        for each in (method, with_critic):
            each.end_epoch(epoch)


def test_the_gradient_with_a_critic_is_that_without_and_omega_times_l_a_s():
    gradients = []
    for omega in (0.0, 0.1):
        method = build(omega=omega)
        batch = make_batch(LABELS)
        loss, _ = method.loss(batch)
        if omega:
            adversarial = critic_of(method)(method.logits(batch.images)).mean()  # -L_A
            loss = loss + omega * adversarial
        loss.backward(inputs=list(method.student.parameters()))
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in method.student.parameters()]))
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-6)


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
    critic = make_critic(norm).double()
    z, u = torch.randn(2, 6, CLASSES).double()
    eps = torch.rand(6, 1).double()
    expected, penalty = literal_critic_loss(critic, z, u, eps, 10.0)
    found = gradient_penalty(critic, z, u, eps)
    assert found.item() == pytest.approx(penalty, rel=1e-6)
    total = critic(z).mean() - critic(u).mean() + 10.0 * found
    assert total.item() == pytest.approx(expected, rel=1e-6)


def test_the_gradient_of_the_penalty_by_finite_differences():
    torch.manual_seed(2)
    critic = make_critic().double()
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
    critic = make_critic().double()
    x = torch.randn(6, CLASSES).double().requires_grad_()
    gradients = [torch.autograd.grad(critic(x, scalar).sum(), x)[0] for scalar in ("mean", "sum")]
    torch.testing.assert_close(gradients[1], AIKD["fc2"] * gradients[0])


def test_the_critic_learns_to_rate_the_superior_above_the_student():
    """A shift of the logits by one standard unit; without batch norm, whose two forwards would hide it."""
    method = build(critic_lr=1e-2, critic_norm="none")
    batch = make_batch(LABELS, count=20)
    with torch.no_grad():
        method.superior.network.fc.bias.add_(1 / CLASSES**0.5)
        shift = (method.superior(batch.images) - method.logits(batch.images)).mean(0).norm().item()
    distances = [method.loss(batch)[1]["W"].item() for _ in range(150)]
    # A critic of slope 1 cannot see more than the distance between the two, and should see most of it.
    assert distances[0] < 0.5 * shift < distances[-1] < 1.2 * shift


def test_without_the_middle_term_nothing_rates_the_superior_high():
    kept, dropped = build(), build(critic_real=False)
    batch = make_batch(LABELS)
    terms = []
    for method in (kept, dropped):
        torch.manual_seed(5)
        terms.append(method.loss(batch)[1])
    on_u = terms[0]["L_D"] - terms[1]["L_D"]
    fresh = critic_of(build())
    expected = -fresh(make_superior()(batch.images)).mean()
    torch.testing.assert_close(on_u, expected.detach(), rtol=1e-4, atol=1e-5)


def test_the_student_s_loss_moves_no_critic_and_no_frozen_network():
    method = build()
    method.begin_epoch(1, 1.0)
    loss, _ = method.loss(make_batch(LABELS))
    before = copy.deepcopy([method.networks["critic"].state_dict(), method.superior.state_dict()])
    loss.backward(inputs=list(method.student.parameters()))
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
            loss, terms = method.loss(make_batch(LABELS, seed=epoch))
            found += [loss.detach(), terms["L_D"]]
            method.end_epoch(epoch)
        losses.append(torch.stack(found))
    assert torch.isfinite(losses[1]).all() and not torch.allclose(*losses, rtol=1e-6, atol=0)


def test_the_table_holds_the_logits_of_the_epoch_before():
    method = build(previous_source="table", omega=0.0)
    batch = make_batch(LABELS)
    method.begin_epoch(0, 1.0)
    assert "L_P" not in method.loss(batch)[1]
    logits = copy.deepcopy(method.student)(batch.images)
    with torch.no_grad():
        method.student.fc.bias.add_(torch.arange(CLASSES).float())
    method.begin_epoch(1, 1.0)
    found = method.loss(batch)[1]["L_P"].item()
    assert found == pytest.approx(kl(logits, copy.deepcopy(method.student)(batch.images), 1.0), rel=1e-4)


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
