import importlib
import sys

import pytest
import torch
from torch import nn

from advkd.models import classifiers
from advkd.models.settings import ImageNetDenseNet121, ImageNetResNet18, Network, PreActResNet18Settings, SmallDenseNet

NETWORKS = {
    "preact_resnet18": PreActResNet18Settings(model="preact_resnet18", width=8, preact="lineage"),
    "densenet121_cifar": SmallDenseNet(model="densenet121_cifar", width=8, initialisation="torch"),
    "resnet18": ImageNetResNet18(model="resnet18", width=8),
    "densenet121": ImageNetDenseNet121(model="densenet121", width=8),
}
NAMES = list(NETWORKS)


def build(model, classes=5):
    return classifiers.build(NETWORKS[model], classes)


@pytest.mark.parametrize("model", NAMES)
def test_head_makes_logits_from_features_in_the_same_graph(model):
    network, images = build(model), torch.randn(4, 3, 32, 32)
    logits, features = classifiers.logits_and_features(network, images)
    head = classifiers.head(network)
    assert isinstance(head, nn.Linear)
    assert (logits.shape, features.shape) == ((4, 5), (4, head.in_features))
    torch.testing.assert_close(logits, features @ head.weight.T + head.bias)
    (gradient,) = torch.autograd.grad(logits.sum(), features, retain_graph=True)
    torch.testing.assert_close(gradient, head.weight.sum(0).expand(4, -1))
    (features.square().sum() + logits.sum()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
    assert not head._forward_pre_hooks


@pytest.mark.parametrize("model", NAMES)
def test_features_under_autocast_without_graph(model):
    network, images = build(model).eval(), torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        expected = classifiers.logits_and_features(network, images)
        with torch.autocast("cpu", torch.bfloat16):
            found = classifiers.logits_and_features(network, images)
    for ours, exact in zip(found, expected, strict=True):
        assert not ours.requires_grad
        assert (ours.float() - exact).norm() < 0.05 * exact.norm()


@pytest.mark.parametrize("model", NAMES)
def test_weights_follow_the_global_seed(model):
    networks = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        networks.append(torch.cat([parameter.flatten() for parameter in build(model).parameters()]))
    assert torch.equal(networks[0], networks[1])
    assert not torch.equal(networks[0], networks[2])


def test_hook_goes_when_the_forward_fails():
    network = build("preact_resnet18")
    with pytest.raises(RuntimeError):
        classifiers.logits_and_features(network, torch.zeros(1, 4, 32, 32))
    assert not classifiers.head(network)._forward_pre_hooks


def test_no_network_needs_torchvision(monkeypatch):
    """A trained network is loaded and used without it."""
    for name in ("torchvision", "torchvision.models", "torchvision.models.resnet"):
        monkeypatch.setitem(sys.modules, name, None)
    assert all(build(model) for model in NAMES)


def test_every_network_s_settings_name_the_function_that_builds_it():
    groups = Network.__subclasses__()
    assert len(groups) >= 8
    for group in groups:
        module, _, name = group.implementation.partition(":")
        assert callable(getattr(importlib.import_module(module), name)), group
