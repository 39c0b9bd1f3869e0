"""The SAGAN losses against closed forms, on critics small enough to differentiate by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from advkd.methods.sagan import critic_loss, generator_loss, wasserstein
from advkd.methods.wgan_gp import gradient_penalty


class Linear(nn.Module):
    """F(x) = w . x + 3, whose gradient is w everywhere."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, images):
        return images.flatten(1) @ self.weight + 3


class Quadratic(nn.Module):
    """F(x) = |x|^2 / 2, whose gradient is x."""

    def forward(self, images):
        return images.flatten(1).square().sum(1) / 2


def images(count=4, seed=0):
    return torch.randn(count, 3, 2, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def eps(count=4):
    return torch.rand(count, 1, 1, 1, dtype=torch.float64)


@settings(max_examples=25, deadline=None)
@given(norm=st.floats(0, 50), seed=st.integers(0, 99))
def test_linear_critic_gives_its_slope_whatever_the_data(norm, seed):
    weight = torch.randn(12, dtype=torch.float64)
    penalty = gradient_penalty(Linear(norm * weight / weight.norm()), images(seed=seed), images(seed=seed + 1), eps())
    assert penalty.item() == pytest.approx((norm - 1) ** 2, rel=1e-9, abs=1e-12)


def test_constant_critic_gives_one_and_finite_gradients():
    critic = Linear(torch.zeros(12, dtype=torch.float64))
    penalty = gradient_penalty(critic, images(), images(seed=1), eps())
    penalty.backward()
    assert penalty.item() == 1
    assert critic.weight.grad.eq(0).all()


def test_penalty_is_taken_image_by_image_at_the_interpolate():
    a, b, weights = images(), images(seed=1), eps()
    points = [weight * second + (1 - weight) * first for first, second, weight in zip(a, b, weights, strict=True)]
    expected = sum((point.square().sum().sqrt() - 1) ** 2 for point in points) / 4
    torch.testing.assert_close(gradient_penalty(Quadratic(), a, b, weights), expected)
    at_a = gradient_penalty(Quadratic(), a, b, torch.zeros_like(weights))
    torch.testing.assert_close(at_a, (a.flatten(1).norm(dim=1) - 1).square().mean())


def test_penalty_derivative_agrees_with_finite_differences():
    a, b, weights = images(), images(seed=1), eps()

    def penalty(kernel, head):
        def critic(x):
            return torch.tanh(nn.functional.conv2d(x, kernel)).flatten(1) @ head

        return gradient_penalty(critic, a, b, weights)

    kernel = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    head = torch.randn(2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(penalty, (kernel, head))


def test_critic_loss_rates_true_above_false():
    weight = torch.randn(12, dtype=torch.float64)
    true, false = images(), images(seed=1)
    terms = critic_loss(Linear(weight), true, false, eps(), 10.0)
    distance = (true.flatten(1).mean(0) - false.flatten(1).mean(0)) @ weight
    torch.testing.assert_close(terms["W"], distance)
    torch.testing.assert_close(terms["L"], -distance + 10 * (weight.norm() - 1) ** 2)
    torch.testing.assert_close(terms["GP"], (weight.norm() - 1) ** 2)


def test_equal_images_leave_the_penalty_alone():
    """Eq. 9: the first two terms of Eq. 8 cancel."""
    same = images()
    terms = critic_loss(Quadratic(), same, same.clone(), eps(), 10.0)
    assert terms["W"].item() == pytest.approx(0, abs=1e-15)
    torch.testing.assert_close(terms["L"], 10 * terms["GP"])


def test_distance_is_that_of_two_forwards():
    true, false, critic = images(), images(seed=1), Quadratic()
    torch.testing.assert_close(wasserstein(critic, true, false)["W"], critic(true).mean() - critic(false).mean())


def test_generator_loss_adds_the_connector_with_weight_rho():
    fake, discriminator = images(), Linear(torch.randn(12, dtype=torch.float64))
    alone = generator_loss(discriminator, None, fake, 0.3)
    torch.testing.assert_close(alone, -discriminator(fake).mean())
    both = generator_loss(discriminator, Quadratic(), fake, 0.3)
    torch.testing.assert_close(both, alone - 0.3 * Quadratic()(fake).mean())
