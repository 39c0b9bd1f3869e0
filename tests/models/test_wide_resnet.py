"""WRN-28-10 against a literal forward."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from advkd.models import classifiers
from advkd.models.wide_resnet import WideResNet


@pytest.mark.parametrize(("classes", "expected"), [(10, 36_479_194), (100, 36_536_884)])
def test_parameters(classes, expected):
    with torch.device("meta"):
        network = WideResNet(classes)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected
    norms = [module.num_features for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert (len(norms), sum(norms)) == (25, 8_976)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert sum(module.kernel_size == (3, 3) for module in convolutions) + 1 + 2 == 28, "with the head, and as counted"
    assert sum(module.kernel_size == (1, 1) for module in convolutions) == 3
    assert network.stem.out_channels == 16 and network.head.in_features == 640
    assert not any(isinstance(module, nn.Dropout) for module in network.modules())


@pytest.mark.parametrize(("initialisation", "factor"), [("torch", 1 / 3), ("he", 2)])
def test_initial_weights(initialisation, factor):
    """Zagoruyko and Komodakis draw a weight with variance 2/f, with f inputs of a filter; PyTorch's is 1/(3 f)."""
    torch.manual_seed(0)
    network = WideResNet(10, 40, initialisation)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            assert module.weight.var().item() == pytest.approx(factor / module.weight[0].numel(), rel=0.3)
    assert network.head.bias.any().item() == (initialisation == "torch")


def literal(network, images):
    """The forward in training mode, from the parameters alone: 3 stages of 4 blocks, BN-ReLU-conv twice."""
    weights = dict(network.named_parameters())

    def norm(x, name):
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, unbiased=False)
        gamma, beta = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return (x - mean) / (var + 1e-5).sqrt() * gamma[:, None, None] + beta[:, None, None]

    x = F.conv2d(images, weights["stem.weight"], padding=1)
    for number in range(12):
        block, first = f"stages.{number}", number % 4 == 0
        stride = 2 if number in (4, 8) else 1
        a = norm(x, f"{block}.norm1").clamp(min=0)
        main = F.conv2d(a, weights[f"{block}.conv1.weight"], stride=stride, padding=1)
        main = norm(main, f"{block}.norm2").clamp(min=0)
        main = F.conv2d(main, weights[f"{block}.conv2.weight"], padding=1)
        x = main + (F.conv2d(a, weights[f"{block}.shortcut.weight"], stride=stride) if first else x)
    x = norm(x, "norm").clamp(min=0)
    return x.flatten(2).sum(2) / (x.shape[2] * x.shape[3]) @ weights["head.weight"].T + weights["head.bias"]


@pytest.mark.parametrize("side", [4, 10, 16])
def test_equals_a_literal_forward_and_leaves_its_input_alone(side):
    torch.set_default_dtype(torch.float64)
    network, images = WideResNet(5, 20), torch.randn(3, 3, side, side)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0, 0.3)
    kept = images.clone()
    expected = literal(network, images)
    found, features = classifiers.logits_and_features(network, images)
    torch.testing.assert_close(found, expected)
    assert features.shape == (3, 80) and torch.equal(images, kept)
    gradients = [torch.autograd.grad((out**2).sum(), network.parameters()) for out in (found, expected)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)
