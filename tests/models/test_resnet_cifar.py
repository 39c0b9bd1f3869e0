"""The CIFAR ResNets against torchvision's, whose stem is exchanged."""

import math

import pytest
import torch
from torch import nn
from torchvision.models import resnet as reference

from advkd.models.resnet_cifar import Block, ResNet

COUNTS = {(18, 10): 11_173_962, (18, 100): 11_220_132, (34, 10): 21_282_122, (34, 100): 21_328_292}
NORMS = {18: (20, 4_800), 34: (36, 8_512)}  # batch norms, and the channels of all


def take_over(ours, theirs):
    """Copy weights and statistics in the order in which both list them, after changing those that start alike."""
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.running_var):
                nn.init.uniform_(tensor, 0.5, 2)
            for tensor in (module.bias, module.running_mean):
                nn.init.normal_(tensor)
    values = theirs.state_dict().values()
    ours.load_state_dict(dict(zip(ours.state_dict(), values, strict=True)))


@pytest.mark.parametrize(("depth", "classes"), COUNTS)
def test_parameters(depth, classes):
    with torch.device("meta"):
        network = ResNet(depth, classes)
    assert sum(parameter.numel() for parameter in network.parameters()) == COUNTS[depth, classes]
    norms = [module.num_features for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert (len(norms), sum(norms)) == NORMS[depth]


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(6, 6, 1), (6, 12, 2), (6, 12, 1), (6, 6, 2)])
def test_block_equals_torchvision_s(inputs, outputs, stride, train):
    torch.set_default_dtype(torch.float64)
    projection = None
    if (inputs, stride) != (outputs, 1):
        projection = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    theirs, ours = reference.BasicBlock(inputs, outputs, stride, projection), Block(inputs, outputs, stride)
    take_over(ours, theirs)
    x = torch.randn(3, inputs, 7, 7)
    results = []
    for block in (ours, theirs):
        images = x.clone().requires_grad_()
        out = block.train(train)(images)
        gradients = torch.autograd.grad((out**2).sum(), [images, *block.parameters()])
        results.append([out, *gradients, *block.buffers()])
    assert torch.equal(x, images.detach()), "the input is left alone"
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("depth", NORMS)
def test_network_equals_torchvision_s_with_another_stem(depth):
    theirs = reference.ResNet(reference.BasicBlock, {18: [2, 2, 2, 2], 34: [3, 4, 6, 3]}[depth], num_classes=7)
    theirs.conv1, theirs.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    ours = ResNet(depth, 7)
    take_over(ours, theirs)
    for side in (8, 20):
        images = torch.randn(2, 3, side, side)
        with torch.no_grad():
            expected = theirs.eval()(images)
            assert (ours.eval()(images) - expected).norm() < 1e-5 * expected.norm()


@pytest.mark.parametrize("depth", NORMS)
def test_maps(depth):
    """Four stages at full, half, quarter and eighth size, each twice as wide as the one before."""
    network, shapes = ResNet(depth, 5, 8), []
    for block in network.stages:
        block.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 5)
    assert list(dict.fromkeys(shapes)) == [(8, 32, 32), (16, 16, 16), (32, 8, 8), (64, 4, 4)]
    assert network.head.in_features == 64


def test_initial_weights_are_pytorch_s():
    """Uniform within 1 / sqrt(fan in), not He's normal law as in torchvision's networks."""
    for module in ResNet(18, 100, 32).modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            bound = 1 / math.sqrt(module.weight[0].numel())
            assert 0.95 * bound < module.weight.abs().max() <= bound
            assert module.weight.detach().std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)
