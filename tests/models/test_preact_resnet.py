import pytest
import torch
from torch import nn
from torch.nn import functional as F

from advkd.models.preact_resnet import PreActResNet18

COUNTS = {
    "lineage": {10: 11_171_274, 100: 11_217_444, 200: 11_268_744},
    "textbook": {10: 11_171_146, 100: 11_217_316, 200: 11_268_616},
}


@pytest.mark.parametrize("variant", COUNTS)
def test_parameters(variant):
    for classes, expected in COUNTS[variant].items():
        with torch.device("meta"):
            network = PreActResNet18(classes, 64, variant)
        assert sum(parameter.numel() for parameter in network.parameters()) == expected


def literal(weights, images, lineage):
    """The forward in training mode, block by block, from weights in the order in which the network lists them."""
    left = iter(weights)

    def norm(x):
        gamma, beta = next(left), next(left)
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, unbiased=False)
        return (x - mean) / (var + 1e-5).sqrt() * gamma[:, None, None] + beta[:, None, None]

    x = F.conv2d(images, next(left), padding=1)
    if lineage:
        x = norm(x).clamp(min=0)
    for number in range(8):
        stride = 2 if number in (2, 4, 6) else 1
        a = norm(x).clamp(min=0)
        main = norm(F.conv2d(a, next(left), stride=stride, padding=1)).clamp(min=0)
        main = F.conv2d(main, next(left), padding=1)
        around = a if lineage else x
        x = main + (F.conv2d(a, next(left), stride=2) if stride == 2 else around)
    x = x.flatten(2).sum(2) / (x.shape[2] * x.shape[3])
    return x @ next(left).T + next(left)


def in_order_of_use(network):
    """The parameters as `literal` wants them: norm before its convolution."""
    yield from network.stem.parameters()
    for block in network.stages:
        yield from (*block.norm1.parameters(), block.conv1.weight, *block.norm2.parameters(), block.conv2.weight)
        yield from block.shortcut.parameters()
    yield from network.head.parameters()


@pytest.mark.parametrize("variant", COUNTS)
@pytest.mark.parametrize("size", [8, 32, 48])
def test_equals_a_literal_forward_and_leaves_its_input_alone(variant, size):
    torch.set_default_dtype(torch.float64)
    network, images = PreActResNet18(5, 8, variant), torch.randn(3, 3, size, size)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
    before = images.clone()
    expected = literal(in_order_of_use(network), images, variant == "lineage")
    torch.testing.assert_close(network(images), expected)
    assert torch.equal(images, before)


def test_variants_differ_by_more_than_the_stem():
    networks = [PreActResNet18(5, 8, variant).stages for variant in COUNTS]
    networks[1].load_state_dict(networks[0].state_dict())
    x = torch.randn(2, 8, 8, 8)
    assert not torch.allclose(networks[0](x), networks[1](x))


@pytest.mark.parametrize("width", [8, 16])
def test_width_scales_every_map(width):
    network = PreActResNet18(5, width)
    outputs = [block.conv2.out_channels for block in network.stages]
    assert outputs == [n * width for n in (1, 1, 2, 2, 4, 4, 8, 8)]
    assert network.stages(network.stem(torch.zeros(2, 3, 32, 32))).shape == (2, 8 * width, 4, 4)
