"""What one forward of a frozen teacher shows, against hooks and forwards of the tests' own."""

import copy

import pytest
import torch
from classifiers import CLASSES, Deeper, Plain
from torch import nn

from advkd.methods import generator_losses
from advkd.methods.observed import Observed, Statistics
from advkd.models import classifiers
from advkd.models.settings import ReActNet18Settings, SmallResNet, WideResNetSettings

NETWORKS = [
    SmallResNet(model="resnet18", width=8, stem="cifar"),
    SmallResNet(model="resnet34", width=8, stem="cifar"),
    WideResNetSettings(model="wrn28_10", width=20, initialisation="he"),
    ReActNet18Settings(model="reactnet18", width=8, binary="all", shortcut="real"),
]


def build(settings):
    network = classifiers.build(settings, CLASSES)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.8, 1.2)
    return network


def by_hand(network, images):
    """In float64 and evaluation mode: logits, the head's input, and means and variances of batch norms' inputs."""
    network, moments, features = copy.deepcopy(network).double().eval(), [], []

    def look(module, inputs):
        values = inputs[0].detach().movedim(1, 0).flatten(1)
        moments.append((values.mean(1), (values - values.mean(1, keepdim=True)).square().mean(1), module))

    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(look)
    network_head = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    network_head.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0]))
    with torch.no_grad():
        return network(images.double()), features[0], moments


@pytest.mark.parametrize("settings", NETWORKS, ids=lambda settings: settings.model)
def test_one_forward_shows_what_hooks_of_our_own_see(settings):
    network, images = build(settings), torch.randn(5, 3, 8, 8)
    seen = Observed(network, "float32").observe(images, statistics=True)
    logits, features, moments = by_hand(network, images)
    close = {"rtol": 1e-3, "atol": 1e-3}
    torch.testing.assert_close(seen.logits.double(), logits, **close)
    torch.testing.assert_close(seen.features.double(), features, **close)
    assert seen.statistics.channels == [len(mean) for mean, _, _ in moments]
    for number, found in enumerate((seen.statistics.mean, seen.statistics.second)):
        torch.testing.assert_close(found.double(), torch.cat([moment[number] for moment in moments]), **close)


@pytest.mark.parametrize("settings", NETWORKS, ids=lambda settings: settings.model)
def test_kept_statistics_stand_in_the_order_of_the_forward(settings):
    network, images = build(settings), torch.randn(5, 3, 8, 8)
    kept = Observed(network, "float32").kept
    _, _, moments = by_hand(network, images)
    for found, name in ((kept.mean, "running_mean"), (kept.second, "running_var")):
        assert torch.equal(found, torch.cat([getattr(module, name) for _, _, module in moments]).float())
    assert kept.channels == [module.num_features for _, _, module in moments]


def test_the_distance_is_zero_where_the_statistics_are_those_of_the_batch():
    network, images = Deeper(), torch.randn(6, 3, 8, 8)
    with torch.no_grad():  # a layer's input depends on the statistics of those before it
        for norm in network.norms():
            _, _, moments = by_hand(network, images)
            number = network.norms().index(norm)
            norm.running_mean.copy_(moments[number][0])
            norm.running_var.copy_(moments[number][1])
    teacher = Observed(network, "float32")
    seen = teacher.observe(images, statistics=True)
    for reduction in ("mean", "sum"):
        for moment in ("variance", "deviation"):
            loss = generator_losses.batch_norm_statistics(seen.statistics, teacher.kept, reduction, moment)
            assert 0 <= float(loss) < 1e-10
    other = teacher.observe(images + 1, statistics=True)
    assert float(generator_losses.batch_norm_statistics(other.statistics, teacher.kept)) > 0.01


def test_statistics_and_logits_of_no_batch_norm_and_of_none_asked_for():
    images = torch.randn(5, 3, 8, 8)
    plain = Observed(Plain(), "float32")
    assert plain.kept is None and plain.observe(images, statistics=True).statistics is None
    teacher = Observed(Deeper(), "float32")
    asked, quiet = (teacher.observe(images, statistics=wanted) for wanted in (True, False))
    assert quiet.statistics is None
    assert torch.equal(asked.logits, quiet.logits) and torch.equal(asked.features, quiet.features)


def test_the_teacher_does_not_move_and_gradients_pass_to_the_images_alone():
    network = Deeper().train()
    before = copy.deepcopy(network.state_dict())
    teacher, images = Observed(network, "float32"), torch.randn(5, 3, 8, 8, requires_grad=True)
    for module in teacher.modules():
        assert not module.training or module is teacher
    seen = teacher.observe(images, statistics=True)
    for part in (seen.logits, seen.features, seen.statistics.mean, seen.statistics.second):
        (gradient,) = torch.autograd.grad(part.square().sum(), images, retain_graph=True)
        assert gradient.isfinite().all() and gradient.any()
    seen.logits.sum().backward()
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in teacher.parameters())
    for name, value in teacher.network.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert network.training and all(parameter.requires_grad for parameter in network.parameters())


def test_the_gradient_of_the_distance_is_that_of_a_literal_forward():
    """Through three layers and their statistics, in float64."""
    network, images = Deeper(), torch.randn(4, 3, 8, 8)
    teacher, ours = Observed(network, "float32"), images.clone().requires_grad_()
    seen = teacher.observe(ours, statistics=True)
    generator_losses.batch_norm_statistics(seen.statistics, teacher.kept).backward()
    literal, theirs, losses = copy.deepcopy(network).double(), images.double().requires_grad_(), []
    x = theirs
    for module in literal.body:
        if isinstance(module, nn.BatchNorm2d):
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
            losses.append(((mean - module.running_mean) ** 2 + (var - module.running_var) ** 2).mean())
            scale = module.weight / (module.running_var + 1e-5).sqrt()
            x = (x - module.running_mean[:, None, None]) * scale[:, None, None] + module.bias[:, None, None]
        else:
            x = x.relu() if isinstance(module, nn.ReLU) else module(x)
    sum(losses).div(len(losses)).backward()
    torch.testing.assert_close(ours.grad.double(), theirs.grad, rtol=1e-4, atol=1e-7)


def test_one_observation_leaves_nothing_to_the_next():
    teacher, batches = Observed(Deeper(), "float32"), [torch.randn(n, 3, 8, 8) for n in (5, 2)]
    alone = [teacher.observe(images, statistics=True) for images in batches]
    teacher(batches[0])  # a plain forward between
    again = teacher.observe(batches[1], statistics=True)
    assert torch.equal(again.logits, alone[1].logits) and torch.equal(again.features, alone[1].features)
    assert torch.equal(again.statistics.mean, alone[1].statistics.mean)


def test_a_forward_that_failed_leaves_nothing_to_the_next():
    network, images = Deeper(), torch.randn(2, 3, 8, 8)
    teacher = Observed(network, "float32")
    expected = teacher.observe(images, statistics=True).statistics
    teacher.network.fc.weight = nn.Parameter(torch.zeros(CLASSES, 3))
    with pytest.raises(RuntimeError):
        teacher.observe(images, statistics=True)
    teacher.network.fc.weight = network.fc.weight
    found = teacher.observe(images, statistics=True).statistics
    assert found.channels == expected.channels and torch.equal(found.mean, expected.mean)


def test_bfloat16_is_close_and_leaves_statistics_and_logits_in_float32():
    network, images = Deeper(), torch.randn(6, 3, 8, 8)
    exact, rough = (Observed(network, precision).observe(images, True) for precision in ("float32", "bfloat16"))
    for ours, theirs in (
        (rough.logits, exact.logits),
        (rough.features, exact.features),
        (rough.statistics.mean, exact.statistics.mean),
        (rough.statistics.second, exact.statistics.second),
    ):
        assert ours.dtype == torch.float32 and (ours - theirs).norm() < 0.02 * theirs.norm()


def test_other_second_moments_beside_the_same_means():
    one = Statistics(torch.zeros(2), torch.ones(2), [2])
    other = one.with_second(torch.full((2,), 4.0))
    assert (one.second.tolist(), other.second.tolist()) == ([1, 1], [4, 4]) and other.mean is one.mean
