"""ReActNet-18 against the definitions of its parts, and against a literal forward."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from advkd.models.reactnet import Block, ReActNet18, RPReLU, binarise_activations, binarise_weights

STEPS = [("activations", "real"), ("all", "real"), ("all", "binary")]
AROUND = [side + shift for side in (-1.0, 0.0, 1.0) for shift in (-1e-3, 0.0, 1e-3)]
VALUES = st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=30)


def polynomial(x):
    """F of ReActNet: -1, x^2 + 2x, -x^2 + 2x and 1, between -1, 0 and 1."""
    inner = torch.where(x < 0, x**2 + 2 * x, -(x**2) + 2 * x)
    return torch.where(x < -1, -torch.ones_like(x), torch.where(x >= 1, torch.ones_like(x), inner))


@pytest.mark.parametrize(("classes", "expected"), [(10, 11_188_874), (100, 11_235_044)])
def test_parameters(classes, expected):
    with torch.device("meta"):
        network = ReActNet18(classes)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected
    blocks = [block for block in network.stages if isinstance(block, Block)]
    assert len(blocks) == 16
    assert sum(block.conv.weight.numel() for block in blocks) == 10_985_472
    ones = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
    assert sum(one.weight.numel() for one in ones) == 172_032
    slopes = torch.cat([block.activation.slope for block in ReActNet18(5, 8).stages])
    shifts = [p for block in ReActNet18(5, 8).stages for name, p in block.named_parameters() if p.shape[0::2] == (1, 1)]
    assert (slopes == 0.25).all() and len(shifts) == 48 and not any(shift.any() for shift in shifts)


@given(VALUES.map(lambda values: values + AROUND))
@settings(max_examples=50, deadline=None)
def test_sign_and_the_gradient_of_its_polynomial(values):
    x = torch.tensor(values, dtype=torch.float64)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    weights = torch.linspace(-2, 3, len(values), dtype=torch.float64)
    out = binarise_activations(ours)
    assert np.array_equal(out.detach().numpy(), np.sign(x.numpy()))
    (out * weights).sum().backward()
    (polynomial(theirs) * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_the_polynomial_is_the_reference_it_should_be():
    """Continuous, and within [-1, 1]: the test above would accept any F."""
    x = torch.linspace(-2, 2, 4001, dtype=torch.float64)
    y = polynomial(x)
    assert y.diff().abs().max() < 0.0021 and (y.diff() >= 0).all() and (y[0], y[-1]) == (-1, 1)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_binary_weights_and_their_gradient(outputs, inputs, seed):
    random = np.random.default_rng(seed)
    real = random.normal(0, 1, (outputs, inputs, 3, 3))
    real.flat[:2] = 1, -1  # on the bounds the gradient passes
    upstream = random.normal(size=real.shape)
    weight = torch.tensor(real, requires_grad=True)
    found = binarise_weights(weight)
    for number, one in enumerate(real):
        scale = np.abs(one).mean()
        np.testing.assert_allclose(found[number].detach(), np.where(one > 0, scale, -scale))
    found.backward(torch.tensor(upstream))
    np.testing.assert_array_equal(weight.grad, np.where(np.abs(real) > 1, 0, upstream))


def convolved(images, filters, stride):
    """A 3x3 convolution padded by 1, number by number."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    side = (images.shape[2] - 1) // stride + 1
    out = np.zeros((len(images), len(filters), side, side))
    for image, filter_, row, column in itertools.product(*map(range, out.shape)):
        for channel, down, right in itertools.product(*map(range, filters.shape[1:])):
            value = padded[image, channel, stride * row + down, stride * column + right]
            out[image, filter_, row, column] += value * filters[filter_, channel, down, right]
    return out


@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_s_convolution_against_an_explicit_loop(stride):
    network = ReActNet18(5, 8)
    block = network.stages[4 if stride == 2 else 0]
    nn.init.normal_(block.sign.shift, 0, 0.3)
    seen = []
    block.norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().double().numpy()))
    x = torch.randn(2, 8, 5, 5)
    block(x)
    activations = np.sign((x + block.sign.shift).detach().numpy()).astype(float)
    real = block.conv.weight.detach().double().numpy()
    filters = np.sign(real) * np.abs(real).mean((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(seen[0], convolved(activations, filters, stride), atol=1e-5)


def convolutions_of(network, images, monkeypatch):
    """The (input, weight) of every convolution that one forward computes."""
    found, original = [], F.conv2d

    def conv2d(x, weight, *rest):
        found.append((x.detach(), weight.detach()))
        return original(x, weight, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(F, "conv2d", conv2d)
        network(images)
    return found


@pytest.mark.parametrize(("what", "shortcut"), STEPS)
def test_which_convolutions_are_binary(what, shortcut, monkeypatch):
    network = ReActNet18(5, 8, what, shortcut)
    found = convolutions_of(network, torch.randn(4, 3, 16, 16), monkeypatch)
    stem, threes = found[0], [pair for pair in found[1:] if pair[1].shape[-1] == 3]
    ones = [pair for pair in found if pair[1].shape[-1] == 1]
    real = [block.conv.weight for block in network.stages]
    assert len(threes) == 16 and len(ones) == 3
    assert all(set(x.unique().tolist()) <= {-1, 0, 1} for x, _ in threes)
    assert all(len(x.unique()) > 100 for x, _ in (stem, *ones)), "stem and shortcuts see real values"
    for (_, used), kept in zip(threes, real, strict=True):
        assert_computes_with(used, kept, two_valued=what == "all")
    for (_, used), block in zip(ones, [block for block in network.stages if len(block.shortcut)], strict=True):
        assert_computes_with(used, block.shortcut[1].weight, two_valued=shortcut == "binary")
    assert torch.equal(stem[1], network.stem[0].weight)


def assert_computes_with(used, kept, two_valued):
    if not two_valued:
        assert torch.equal(used, kept)
        return
    for one, real in zip(used, kept.detach(), strict=True):
        scale = float(real.abs().mean())
        assert sorted(one.unique().tolist()) == pytest.approx([-scale, scale])
        assert torch.equal(one > 0, real > 0)


def literal(network, images, what, shortcut):
    """The forward in training mode, from the parameters alone."""
    weights = dict(network.named_parameters())

    def norm(x, name):
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, unbiased=False)
        gamma, beta = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return (x - mean) / (var + 1e-5).sqrt() * gamma[:, None, None] + beta[:, None, None]

    def two_valued(w):
        return w.abs().mean((1, 2, 3), keepdim=True).detach() * w.sign()

    x = norm(F.conv2d(images, weights["stem.0.weight"], padding=1), "stem.1")
    for number in range(16):
        block, stride = f"stages.{number}", 2 if number in (4, 8, 12) else 1
        w = weights[f"{block}.conv.weight"]
        b = (x + weights[f"{block}.sign.shift"]).sign()
        main = norm(F.conv2d(b, two_valued(w) if what == "all" else w, stride=stride, padding=1), f"{block}.norm")
        if stride == 2:
            w = weights[f"{block}.shortcut.1.weight"]
            pooled = x.unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).mean((3, 5))
            x = norm(F.conv2d(pooled, two_valued(w) if shortcut == "binary" else w), f"{block}.shortcut.2")
        x = main + x + weights[f"{block}.activation.before"]
        slope = weights[f"{block}.activation.slope"][:, None, None]
        x = x.clamp(min=0) + slope * x.clamp(max=0) + weights[f"{block}.activation.after"]
    return x.mean((2, 3)) @ weights["head.weight"].T + weights["head.bias"]


@pytest.mark.parametrize(("what", "shortcut"), STEPS)
def test_equals_a_literal_forward(what, shortcut):
    torch.set_default_dtype(torch.float64)
    network = ReActNet18(5, 8, what, shortcut)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "conv" not in name and parameter.ndim in (1, 4) and "stem.0" not in name:
                parameter.add_(0.2 * torch.randn_like(parameter))
    images = torch.randn(3, 3, 16, 16)
    torch.testing.assert_close(network(images), literal(network, images, what, shortcut))


def test_rprelu_shifts_before_and_after():
    torch.set_default_dtype(torch.float64)
    activation = RPReLU(3)
    for parameter in activation.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(2, 3, 4, 4)
    beta, gamma, zeta = activation.slope[:, None, None], activation.before, activation.after
    expected = torch.where(x > -gamma, x + gamma + zeta, beta * (x + gamma) + zeta)
    torch.testing.assert_close(activation(x), expected)


@pytest.mark.parametrize("shortcut", ["real", "binary"])
def test_weights_of_the_first_step_are_those_of_the_second(shortcut):
    first, second = ReActNet18(5, 8, "activations"), ReActNet18(5, 8, "all", shortcut)
    assert list(first.state_dict()) == list(second.state_dict())
    second.load_state_dict(first.state_dict())
    with torch.no_grad():
        for block in first.stages:
            block.conv.weight.copy_(binarise_weights(block.conv.weight))
            if shortcut == "binary" and len(block.shortcut):
                block.shortcut[1].weight.copy_(binarise_weights(block.shortcut[1].weight))
        images = torch.randn(3, 3, 16, 16)
        torch.testing.assert_close(first.eval()(images), second.eval()(images))


@pytest.mark.parametrize("what", ["activations", "all"])
def test_gradients_reach_every_weight(what):
    network = ReActNet18(5, 8, what)
    network(torch.randn(8, 3, 16, 16)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.any(), name


@pytest.mark.parametrize("side", [8, 14, 32])
def test_maps(side):
    """Sides that are odd somewhere are rounded up, in the shortcut as in the convolution."""
    network, shapes = ReActNet18(5, 8), []
    for block in network.stages:
        block.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    assert network(torch.randn(2, 3, side, side)).shape == (2, 5)
    sides = [side, -(-side // 2), -(-side // 4), -(-side // 8)]
    assert list(dict.fromkeys(shapes)) == [(8 * 2**n, one, one) for n, one in enumerate(sides)]
    assert len(shapes) == 16


@pytest.mark.parametrize("what", ["activations", "all"])
def test_gradients_under_autocast(what):
    """Outputs are not compared: one sign that flips near 0 flips others in every layer after it."""
    network = ReActNet18(5, 8, what)
    with torch.autocast("cpu", torch.bfloat16):
        network(torch.randn(8, 3, 16, 16)).float().square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.dtype == torch.float32 and parameter.grad.isfinite().all() and parameter.grad.any(), name
