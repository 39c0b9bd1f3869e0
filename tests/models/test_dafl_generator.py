"""DAFL's generator against a literal forward."""

import pytest
import torch
from torch.nn import functional as F

from advkd.models.dafl import Generator


@pytest.mark.parametrize(("noise", "expected"), [(100, 1_051_139), (1000, 8_423_939)])
def test_parameters(noise, expected):
    with torch.device("meta"):
        network = Generator(noise)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def literal(network, noise, size, width):
    """The forward in training mode, from weights in the order in which the network lists them."""
    left = iter(network.parameters())

    def norm(x, eps, affine=True):
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, unbiased=False)
        x = (x - mean) / (var + eps).sqrt()
        return x * next(left)[:, None, None] + next(left)[:, None, None] if affine else x

    def convolved(x):
        return F.conv2d(x, next(left), next(left), padding=1)

    def doubled(x):
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)

    def leaky(x):
        return torch.where(x > 0, x, 0.2 * x)

    x = (noise @ next(left).T + next(left)).view(-1, width, size // 4, size // 4)
    x = doubled(norm(x, 1e-5))
    x = doubled(leaky(norm(convolved(x), 0.8)))
    x = leaky(norm(convolved(x), 0.8))
    return norm(convolved(x).tanh(), 1e-5, affine=False)


@pytest.mark.parametrize("size", [8, 32])
def test_equals_a_literal_forward(size):
    torch.set_default_dtype(torch.float64)
    network, noise = Generator(10, size, 6), torch.randn(4, 10)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    found = network(noise)
    assert found.shape == (4, 3, size, size)
    torch.testing.assert_close(found, literal(network, noise, size, 6))


def test_every_colour_is_standardised_over_the_batch():
    """So that images look like normalised ones, whatever the weights; nothing trained stands behind."""
    network = Generator(20, 32, 16)
    images = network(torch.randn(16, 20))
    torch.testing.assert_close(images.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(images.var((0, 2, 3)), torch.ones(3), atol=1e-2, rtol=0)
    assert not list(network.layers[-1].parameters())
