import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import cached

from advkd.models.spectral import with_spectral_norm, without_power_iteration


def rows(weight, transposed):
    """The matrix with one row an output channel."""
    return (weight.transpose(0, 1) if transposed else weight).flatten(1)


def vectors(layer):
    norm = layer.parametrizations.weight[0]
    return norm._u.clone(), norm._v.clone()


@pytest.mark.parametrize("transposed", [False, True])
def test_largest_singular_value_becomes_one_with_output_channels_as_rows(transposed):
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    layer = with_spectral_norm(kind(3, 5, 4))
    for _ in range(200):
        weight = layer.weight
    assert torch.linalg.matrix_norm(rows(weight, transposed).detach(), 2).item() == pytest.approx(1, abs=1e-4)


def test_disabled_leaves_the_layer_as_it_is():
    layer = nn.Conv2d(3, 5, 4)
    assert with_spectral_norm(layer, False) is layer
    assert set(layer.state_dict()) == {"weight", "bias"}


def test_gradient_is_that_of_w_over_sigma_with_fixed_vectors():
    torch.set_default_dtype(torch.float64)
    layer, factor = with_spectral_norm(nn.Conv2d(2, 3, 4)), torch.randn(3, 2, 4, 4)
    (layer.weight * factor).sum().backward()
    (u, v), weight = vectors(layer), layer.parametrizations.weight.original.detach().clone().requires_grad_()
    (weight / (u @ weight.flatten(1) @ v) * factor).sum().backward()
    torch.testing.assert_close(layer.parametrizations.weight.original.grad, weight.grad)


def test_without_power_iteration_keeps_vectors_and_every_other_mode():
    network = nn.Sequential(with_spectral_norm(nn.Conv2d(3, 4, 3)), nn.BatchNorm2d(4))
    before = vectors(network[0])
    with pytest.raises(KeyError), without_power_iteration(network):
        network(torch.randn(2, 3, 8, 8))
        assert network[1].training and network[0].training
        raise KeyError
    assert network[1].num_batches_tracked == 1
    torch.testing.assert_close(vectors(network[0]), before, rtol=0, atol=0)
    network(torch.randn(2, 3, 8, 8))
    assert not torch.equal(vectors(network[0])[0], before[0])


def test_nested_and_evaluating_networks_stay_suspended():
    layer = with_spectral_norm(nn.Conv2d(3, 4, 3)).eval()
    with without_power_iteration(layer):
        pass
    before = vectors(layer)
    layer(torch.randn(2, 3, 8, 8))
    torch.testing.assert_close(vectors(layer), before, rtol=0, atol=0)


def test_cached_forwards_iterate_once_and_share_the_gradient():
    layer = with_spectral_norm(nn.Conv2d(3, 4, 3))
    _, v = vectors(layer)
    matrix = layer.parametrizations.weight.original.detach().flatten(1)
    with cached():
        first, second = layer(torch.ones(1, 3, 4, 4)), layer(torch.ones(1, 3, 4, 4))
        assert layer.weight is layer.weight
    torch.testing.assert_close(vectors(layer)[0], nn.functional.normalize(matrix @ v, dim=0))
    (first.sum() + second.sum()).backward()
    both = layer.parametrizations.weight.original.grad.clone()
    layer.zero_grad()
    with without_power_iteration(layer):
        layer(torch.ones(1, 3, 4, 4)).sum().backward()
    torch.testing.assert_close(both, 2 * layer.parametrizations.weight.original.grad)
