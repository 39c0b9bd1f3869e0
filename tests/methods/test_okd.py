"""The ring: what sets share, what they must not, randomness, resuming, sampling."""

import io
from collections import Counter

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize
from torch.nn.utils import parametrizations
from torch.utils._python_dispatch import TorchDispatchMode

from advkd.methods.okd import quantise


def states(gans):
    return {name: network.state_dict() for name, network in gans.networks.items()}


def assert_identical(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def run(gans, batch, steps, start=0):
    for step in range(start, start + steps):
        torch.manual_seed(100 + step)
        terms = gans.step(*batch(seed=step))
    return terms


@pytest.mark.parametrize(("model", "takes_classes"), [("sagan", False), ("acgan", True)])
def test_whether_generators_take_a_class(ensemble, model, takes_classes):
    """What samples are drawn by, in `advkd.training.gan`, and what a training draws them by."""
    gans = ensemble(model)
    _, classes = gans.base.latent(3, torch.device("cpu"))
    assert gans.conditional == takes_classes == (classes is not None)
    assert gans.sample(0, torch.randn(3, 8), torch.arange(3) if takes_classes else None).shape == (3, 64, 64, 3)


@pytest.mark.parametrize(
    ("model", "method", "expected"),
    [
        ("sagan", "single", "L_D1 AUC_D1 GP_D1 L_G1"),
        ("sagan", "okd", "L_D1 AUC_D1 GP_D1 L_D2 AUC_D2 GP_D2 L_C1 AUC_C1 GP_C1 W_1 L_C2 AUC_C2 GP_C2 W_2 L_G1 L_G2"),
        ("acgan", "single", "L_D1 AUC_D1 L_G1"),
        ("acgan", "okd", "L_D1 AUC_D1 L_D2 AUC_D2 L_C1 AUC_C1 W_1 L_C2 AUC_C2 W_2 L_G1 L_G2"),
    ],
)
def test_terms_networks_and_optimizers(ensemble, batch, model, method, expected):
    gans = ensemble(model, method)
    terms = run(gans, batch, 1)
    assert set(terms) == set(expected.split())
    assert all(value.shape == () and not value.requires_grad and value.isfinite() for value in terms.values())
    roles = "GDC" if method == "okd" else "GD"
    assert set(gans.networks) == {f"{role}{i}" for role in roles for i in range(1, len(gans.generators) + 1)}
    names = {"G": "generator", "D": "discriminator", "C": "connector"}
    assert set(gans.optimizers) == {names[role] for role in roles}
    for role in roles:
        own = [p for name, network in gans.networks.items() if name[0] == role for p in network.parameters()]
        held = [p for group in gans.optimizers[names[role]].param_groups for p in group["params"]]
        assert {id(p) for p in own} == {id(p) for p in held}


@pytest.mark.parametrize(
    ("method", "changes"),
    [("okd", {"sets": 1}), ("okd", {"sets": 0}), ("single", {"sets": 2}), ("single", {"sets": 0})],
)
def test_impossible_settings_are_refused(ensemble, method, changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        ensemble("sagan", method, **changes)


@pytest.mark.parametrize(
    ("model", "changes"), [("sagan", {}), ("sagan", {"penalty": "split"}), ("acgan", {"dropout": 0.0})]
)
def test_without_rho_the_first_set_is_the_lone_one(ensemble, batch, model, changes):
    lone, ring = ensemble(model, "single", **changes), ensemble(model, "okd", sets=3, rho=0.0, **changes)
    apart, together = run(lone, batch, 2), run(ring, batch, 2)
    assert_identical({name: together[name] for name in apart}, apart)
    assert_identical({name: states(ring)[name] for name in ("G1", "D1")}, states(lone))


def test_with_rho_the_ring_moves_the_first_set(ensemble, batch):
    ring, apart = ensemble(rho=0.7), ensemble(rho=0.0)
    run(ring, batch, 1), run(apart, batch, 1)
    assert_identical(ring.discriminators[0].state_dict(), apart.discriminators[0].state_dict())
    assert_identical(ring.connectors[0].state_dict(), apart.connectors[0].state_dict())
    assert not torch.equal(next(ring.generators[0].parameters()), next(apart.generators[0].parameters()))


def test_equal_generators_leave_the_connectors_their_penalty(ensemble, batch):
    gans = ensemble(sets=2)
    gans.generators[1].load_state_dict(gans.generators[0].state_dict())
    terms = run(gans, batch, 1)
    for i in (1, 2):
        assert terms[f"W_{i}"].item() == pytest.approx(0, abs=1e-6)
        assert terms[f"L_C{i}"].item() == pytest.approx(10 * terms[f"GP_C{i}"].item(), rel=1e-6)


@pytest.mark.parametrize("model", ["sagan", "acgan"])
def test_no_critic_reaches_a_generator(ensemble, batch, model, monkeypatch):
    gans = ensemble(model)
    monkeypatch.setattr(gans, "_step_generators", lambda latents: [])
    run(gans, batch, 1)
    assert all(p.grad is None for network in gans.generators for p in network.parameters())
    assert all(p.grad is not None for network in gans.connectors for p in network.parameters())


@pytest.mark.parametrize(("model", "changes"), [("sagan", {}), ("sagan", {"penalty": "split"}), ("acgan", {})])
def test_resuming_repeats_the_undisturbed_run(ensemble, batch, model, changes):
    whole, first = ensemble(model, **changes), ensemble(model, **changes)
    run(whole, batch, 3), run(first, batch, 2)
    parts = ("networks", "optimizers")
    file = io.BytesIO()
    torch.save({part: {k: v.state_dict() for k, v in getattr(first, part).items()} for part in parts}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    second = ensemble(model, seed=9, **changes)
    for part in parts:
        for name, owner in getattr(second, part).items():
            owner.load_state_dict(saved[part][name])
    run(second, batch, 1, start=2)
    assert_identical(states(second), states(whole))


def test_split_penalty_is_a_second_step(ensemble, batch):
    joint, split = ensemble(), ensemble(penalty="split")
    run(joint, batch, 1), run(split, batch, 1)

    def steps(gans, role):
        return {int(state["step"]) for state in gans.optimizers[role].state.values()}

    assert steps(joint, "discriminator") == {1}
    assert max(steps(split, "discriminator")) == max(steps(split, "connector")) == 2
    assert steps(split, "generator") == {1}


@pytest.mark.parametrize(("penalty", "critic_iterations"), [("joint", 1), ("split", 2)])
def test_power_iterations_per_step(ensemble, batch, monkeypatch, penalty, critic_iterations):
    gans = ensemble(penalty=penalty)
    seen, original = Counter(), parametrizations._SpectralNorm._power_method

    def counting(self, *arguments):
        seen[id(self)] += 1
        return original(self, *arguments)

    monkeypatch.setattr(parametrizations._SpectralNorm, "_power_method", counting)
    run(gans, batch, 1)
    for name, network in gans.networks.items():
        norms = [module for module in network.modules() if isinstance(module, parametrizations._SpectralNorm)]
        assert len(norms) == 4
        assert {seen[id(norm)] for norm in norms} == {1 if name[0] == "G" else critic_iterations}


def test_the_one_power_iteration_is_of_the_weight_before_the_step(ensemble, batch):
    gans = ensemble()
    expected = {}
    for name, network in gans.networks.items():
        weight = network.layers[0].parametrizations.weight
        matrix = weight.original.detach().transpose(0, int(name[0] == "G")).flatten(1)  # rows: output channels
        u = normalize(matrix @ weight[0]._v, dim=0)
        expected[name] = u, normalize(matrix.T @ u, dim=0)
    run(gans, batch, 1)
    for name, network in gans.networks.items():
        norm = network.layers[0].parametrizations.weight[0]
        torch.testing.assert_close((norm._u, norm._v), expected[name])


@pytest.mark.parametrize("model", ["sagan", "acgan"])
def test_step_never_waits_for_the_device(ensemble, batch, model):
    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            assert function.overloadpacket not in (torch.ops.aten._local_scalar_dense, torch.ops.aten.nonzero)
            return function(*args, **(kwargs or {}))

    gans = ensemble(model)
    with Watch():
        run(gans, batch, 1)
        with pytest.raises(AssertionError):
            torch.ones(()).item()


def test_batch_norm_of_generators_sees_both_forwards(ensemble, batch):
    gans = ensemble()
    run(gans, batch, 1)
    assert {int(m.num_batches_tracked) for m in gans.generators[0].modules() if hasattr(m, "num_batches_tracked")} == {
        2
    }


@pytest.mark.parametrize("model", ["sagan", "acgan"])
def test_samples_depend_on_their_noise_alone_and_disturb_nothing(ensemble, batch, model):
    gans = ensemble(model)
    run(gans, batch, 1)
    noise, labels = torch.randn(4, 8), torch.arange(4) if model == "acgan" else None
    before, random = {k: v.clone() for k, v in gans.generators[1].state_dict().items()}, torch.get_rng_state()
    images = gans.sample(1, noise, labels)
    assert (images.dtype, images.shape) == (torch.uint8, (4, 64, 64, 3))
    assert_identical(gans.generators[1].state_dict(), before)
    assert torch.equal(random, torch.get_rng_state())
    assert all(module.training for module in gans.generators[1].modules())
    alone = gans.sample(1, noise[2:3], None if labels is None else labels[2:3])
    assert (images[2:3].int() - alone.int()).abs().max() <= 1
    assert not torch.equal(images, gans.sample(0, noise, labels))


def test_quantisation():
    values = torch.cat([torch.linspace(-1.2, 1.2, 5000), torch.tensor([-1.0, 0.0, 1.0])])
    expected = np.floor(np.clip(255 * (values.numpy() + 1) / 2 + 0.5, 0, 255))
    images = quantise(values.view(1, 1, 1, -1).expand(1, 3, 1, -1))
    assert (images[0, 0, :, 0].numpy() == expected).all()
    assert images[0, 0, -3:, 1].tolist() == [0, 128, 255]
    levels = torch.arange(256, dtype=torch.float32)
    assert torch.equal(quantise((levels / 127.5 - 1).view(1, 1, 1, -1)).flatten().float(), levels)


def test_sample_lays_colours_last(ensemble):
    gans = ensemble("sagan", "single")
    noise = torch.randn(2, 8)
    images = gans.generators[0].eval()(noise)
    assert torch.equal(gans.sample(0, noise, None), quantise(images))
    torch.testing.assert_close(quantise(images)[1, 5, 9].float() / 127.5 - 1, images[1, :, 5, 9], rtol=0, atol=0.004)
