"""A whole iteration in float64 against the equations written out: every loss with its own forwards and gradients."""

import copy

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from advkd.models.attention import SelfAttention
from advkd.models.spectral import without_power_iteration


def penalty_of(critic, true, false):
    x = torch.rand(len(true), 1, 1, 1)
    x = (x * false + (1 - x) * true).detach().requires_grad_()
    gradient = torch.autograd.grad(critic(x), x, torch.ones(len(x)), create_graph=True)[0]
    return ((gradient.pow(2).sum((1, 2, 3)).sqrt() - 1) ** 2).mean()


def sagan_critic(critic, true, false, _):
    return critic(false).mean() - critic(true).mean() + 10 * penalty_of(critic, true, false)


def sagan_generator(discriminator, connector, fake, _, rho):
    loss = -discriminator(fake).mean()
    return loss - rho * connector(fake).mean() if connector else loss


def acgan_critic(critic, true, false, labels):
    total = 0
    for images, target, classes in ((true, 1.0, labels[0]), (false, 0.0, labels[1])):
        source, logits = critic(images)
        total += binary_cross_entropy_with_logits(source, torch.full((len(images),), target))
        total += 0.6 * cross_entropy(logits, classes)
    return total


def acgan_generator(discriminator, connector, fake, labels, rho):
    ones = torch.ones(len(fake))
    source, logits = discriminator(fake)
    loss = binary_cross_entropy_with_logits(source, ones) + 0.6 * cross_entropy(logits, labels)
    return loss + rho * binary_cross_entropy_with_logits(connector(fake)[0], ones) if connector else loss


def straightforward(nets, sets, model, reals, labels, rho=0.7, shared_z=True):
    """One iteration, in the order of the paper's losses, on networks by name; gradients stay in .grad."""
    conditional = model == "acgan"
    critic_loss, generator_loss = globals()[f"{model}_critic"], globals()[f"{model}_generator"]
    okd = "C1" in nets

    def draw():
        noise = torch.randn(len(reals), 8)
        return (noise, torch.randint(5, (len(reals),))) if conditional else (noise,)

    noise = [(draw(), draw()) for _ in range(1 if shared_z else sets)]
    if shared_z:
        noise = noise * sets
    z, fresh = [pair[0] for pair in noise], [pair[1] for pair in noise]
    losses = {}

    def prepare(name, loss, lr):
        losses[f"L_{name}"] = loss.item()
        parameters = list(nets[name].parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        return torch.optim.Adam(parameters, lr=lr, betas=(0.0, 0.9))

    optimizers = []
    for i in range(1, sets + 1):
        fake = nets[f"G{i}"](*z[i - 1]).detach()
        loss = critic_loss(nets[f"D{i}"], reals, fake, (labels, z[i - 1][-1]))
        optimizers.append(prepare(f"D{i}", loss, 4e-3))
    for i in range(1, sets + 1) if okd else ():
        after = 1 if i == sets else i + 1
        fake, other = nets[f"G{i}"](*z[i - 1]).detach(), nets[f"G{after}"](*z[after - 1]).detach()
        loss = critic_loss(nets[f"C{i}"], other, fake, (z[after - 1][-1], z[i - 1][-1]))
        optimizers.append(prepare(f"C{i}", loss, 5e-4))
    for optimizer in optimizers:
        optimizer.step()
    optimizers = []
    for i in range(1, sets + 1):
        fake = nets[f"G{i}"](*fresh[i - 1])
        loss = generator_loss(nets[f"D{i}"], nets.get(f"C{i}"), fake, fresh[i - 1][-1], rho)
        optimizers.append(prepare(f"G{i}", loss, 1e-3))
    for optimizer in optimizers:
        optimizer.step()
    return losses


def test_a_split_penalty_is_a_step_on_the_distance_and_then_one_on_the_penalty(ensemble, batch):
    torch.set_default_dtype(torch.float64)
    gans = ensemble("sagan", "okd", penalty="split", gp_weight=7.0)
    nets = copy.deepcopy(gans.networks)
    with without_power_iteration(*gans.networks.values(), *nets.values()):
        reals, labels = batch(3)
        torch.manual_seed(5)
        terms = gans.step(reals, labels)
        torch.manual_seed(5)
        z, _ = torch.randn(3, 8), torch.randn(3, 8)
        fakes = {i: nets[f"G{i}"](z).detach() for i in (1, 2)}
        pairs = {"D1": (reals, fakes[1]), "D2": (reals, fakes[2])}
        pairs |= {"C1": (fakes[2], fakes[1]), "C2": (fakes[1], fakes[2])}
        for role, lr in (("D", 4e-3), ("C", 5e-4)):
            optimizers, losses = {}, {}
            for name in (f"{role}1", f"{role}2"):
                true, false = pairs[name]
                optimizers[name] = torch.optim.Adam(nets[name].parameters(), lr=lr, betas=(0.0, 0.9))
                loss = nets[name](false).mean() - nets[name](true).mean()
                loss.backward()
                losses[name] = loss.item()
            for optimizer in optimizers.values():
                optimizer.step()
                optimizer.zero_grad()
            for name in (f"{role}1", f"{role}2"):
                penalty = penalty_of(nets[name], *pairs[name])
                assert terms[f"GP_{name}"].item() == pytest.approx(penalty.item(), rel=1e-7)
                assert terms[f"L_{name}"].item() == pytest.approx(losses[name] + 7.0 * penalty.item(), rel=1e-7)


CASES = [
    ("sagan", "single", {}),
    ("sagan", "okd", {"sets": 2}),
    ("sagan", "okd", {"sets": 3}),
    ("sagan", "okd", {"sets": 4}),
    ("sagan", "okd", {"sets": 3, "spectral_norm": False}),
    ("sagan", "okd", {"sets": 3, "shared_z": False}),
    ("acgan", "single", {"dropout": 0.0}),
    ("acgan", "okd", {"sets": 3, "dropout": 0.0}),
    ("acgan", "okd", {"sets": 2, "dropout": 0.0, "shared_z": False}),
]


@pytest.mark.parametrize(("model", "method", "changes"), CASES)
def test_gradients_losses_and_weights(ensemble, batch, model, method, changes):
    torch.set_default_dtype(torch.float64)
    gans = ensemble(model, method, **changes)
    for network in gans.networks.values():
        for module in network.modules():
            if isinstance(module, SelfAttention):
                module.gamma.data.fill_(0.5)
    copies = copy.deepcopy(gans.networks)
    with without_power_iteration(*gans.networks.values(), *copies.values()):
        reals, labels = batch(3)
        torch.manual_seed(5)
        terms = gans.step(reals, labels)
        torch.manual_seed(5)
        shared_z = changes.get("shared_z", True)
        expected = straightforward(copies, len(gans.generators), model, reals, labels, shared_z=shared_z)
    assert {name for name in terms if name.startswith("L_")} == set(expected)
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value, rel=1e-7), name
    for name, network in gans.networks.items():
        ours, theirs = dict(network.named_parameters()), dict(copies[name].named_parameters())
        largest = max(parameter.grad.abs().max().item() for parameter in theirs.values())
        for key, parameter in ours.items():
            error = (parameter.grad - theirs[key].grad).abs().max().item()
            assert error < 1e-7 * largest, f"{name}.{key}"
            # Adam turns a gradient that is zero but for rounding into a step of any size.
            sure = parameter.grad.abs() > 1e-5 * largest
            torch.testing.assert_close(parameter[sure], theirs[key][sure], rtol=1e-5, atol=1e-8)
