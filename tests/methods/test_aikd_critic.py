"""The critic of AI-KD in every reading: its losses, its steps and the student's L_A, written out in float64."""

import copy

import pytest
import torch
from classifiers import CLASSES
from made_settings import make

from advkd.methods.aikd_critic import Adversary
from advkd.methods.settings.aikd import CriticSettings

CPU = torch.device("cpu")
BASE = {"fc1": 6, "fc2": 4, "critic_lr": 0.03, "critic_beta1": 0.4, "critic_beta2": 0.8, "gp_weight": 3.0}
READINGS = [
    {}, {"critic_input": "probabilities"}, {"critic_output": "sum"}, {"critic_output": "layer"},
    {"critic_norm": "layer"}, {"critic_norm": "none"}, {"gp_scalar": "sum"}, {"gp_mode": "eval"},
    {"critic_real": False}, {"critic_steps": 3}, {"critic_forward": "joint"},
]  # fmt: skip


def make_adversary(**changes):
    torch.manual_seed(0)
    adversary = Adversary(make(CriticSettings, **BASE | changes), CLASSES, CPU)
    adversary.critic.double()
    return adversary


def logits(seed):
    random = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(2, 7, CLASSES, generator=random, dtype=torch.float64)


def score(critic, samples, how):
    """One score of an image: the mean or the sum of the outputs."""
    outputs = critic.layers(samples)
    return outputs.sum(1) if how == "sum" else outputs.sum(1) / outputs.shape[1]


def write_out_step(critic, optimizer, z, u, eps, changes):
    """Eq. 6 and one step on it, by autograd on plain formulas; returns L_D, the distance and the penalty."""
    how = changes.get("critic_output", "mean")
    if changes.get("critic_forward") == "joint":
        on_z, on_u = score(critic, torch.cat([z, u]), how).reshape(2, -1).mean(1)
    else:
        on_z, on_u = score(critic, z, how).mean(), score(critic, u, how).mean()
    x = (eps * u + (1 - eps) * z).detach().requires_grad_()
    critic.train(changes.get("gp_mode") != "eval")
    penalised = "sum" if changes.get("gp_scalar") == "sum" else how
    (gradient,) = torch.autograd.grad(score(critic, x, penalised).sum(), x, create_graph=True)
    critic.train()
    penalty = sum((row.square().sum().sqrt() - 1) ** 2 for row in gradient) / len(gradient)
    loss = on_z - on_u + 3.0 * penalty if changes.get("critic_real", True) else on_z + 3.0 * penalty
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item(), (on_u - on_z).item(), penalty.item()


@pytest.mark.parametrize("changes", READINGS, ids=str)
def test_the_critic_s_steps_written_out(changes):
    """Two calls, so that Adam's betas count."""
    adversary = make_adversary(**changes)
    critic = copy.deepcopy(adversary.critic)
    optimizer = torch.optim.Adam(critic.parameters(), lr=0.03, betas=(0.4, 0.8))
    for call in range(2):
        z, u = logits(call)
        eps = torch.rand(7, 1, dtype=torch.float64)
        torch.manual_seed(call)
        terms = adversary.train(z, u, eps)
        torch.manual_seed(call)
        if changes.get("critic_input") == "probabilities":
            z, u = (rows.exp() / rows.exp().sum(1, keepdim=True) for rows in (z, u))
        for step in range(changes.get("critic_steps", 1)):
            weights = eps if step == 0 else torch.rand(7, 1)
            expected = write_out_step(critic, optimizer, z, u, weights, changes)
        assert (terms["L_D"].item(), terms["W"].item(), terms["GP"].item()) == pytest.approx(expected, rel=1e-9)
        assert not any(term.requires_grad for term in terms.values())
        # Weights are compared by what they say: Adam moves a bias before batch norm, whose gradient is 0, by rounding.
        fresh, _ = logits(9)
        torch.testing.assert_close(adversary.critic(fresh), critic(fresh), rtol=1e-7, atol=1e-9)
    assert adversary.critic.training


@pytest.mark.parametrize("changes", [{}, {"critic_input": "probabilities"}, {"critic_output": "sum"},
                                     {"fool_mode": "eval"}, {"critic_norm": "none"},
                                     {"critic_forward": "joint"}], ids=str)  # fmt: skip
def test_what_fools_the_critic_written_out(changes):
    adversary = make_adversary(**changes)
    z, u = logits(3)
    adversary.train(z, u, torch.rand(7, 1, dtype=torch.float64))
    critic = copy.deepcopy(adversary.critic).train(changes.get("fool_mode") != "eval")
    ours = z.clone().requires_grad_()
    loss = adversary.fool(ours, u)
    loss.backward()
    theirs = z.clone().requires_grad_()
    rows = theirs.exp() / theirs.exp().sum(1, keepdim=True) if "critic_input" in changes else theirs
    if changes.get("critic_forward") == "joint":
        rows = torch.cat([rows, u])
    expected = -score(critic, rows, changes.get("critic_output", "mean"))[:7].sum() / 7
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-9)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-12)
    assert adversary.critic.training


@pytest.mark.parametrize(("changes", "sees"), [({}, False), ({"critic_norm": "none"}, True),
                                               ({"critic_forward": "joint"}, True)], ids=str)  # fmt: skip
def test_whether_the_critic_sees_location_and_scale(changes, sees):
    """Batch norm removes a shift of each class and a common scale, if it standardises the student's logits alone."""
    adversary = make_adversary(**changes)
    adversary.critic.layers[1].eps = 1e-30
    z, u = logits(4)
    moved = 4 * z + torch.arange(CLASSES)
    before, after = adversary.fool(z, u), adversary.fool(moved, u)
    assert (abs(before - after).item() > 1e-3) == sees
    assert sees or before.item() == pytest.approx(after.item(), rel=1e-9)


def test_the_slope_of_the_critic_s_leaky_relu():
    adversary = make_adversary(critic_norm="none", critic_slope=0.3)
    first, last = adversary.critic.layers[0], adversary.critic.layers[3]
    z, _ = logits(0)
    hidden = z @ first.weight.T + first.bias
    outputs = torch.where(hidden > 0, hidden, 0.3 * hidden) @ last.weight.T + last.bias
    torch.testing.assert_close(adversary.critic(z), outputs.mean(1))
