import pytest
import torch
import torchvision
from torch import nn

from advkd.models.densenet import densenet121, densenet121_cifar

COUNTS = [
    (densenet121, {67: 7_022_531, 100: 7_056_356, 120: 7_076_856, 200: 7_158_856}),
    (densenet121_cifar, {10: 6_956_298, 100: 7_048_548, 200: 7_151_048}),
]


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("build", "counts"), COUNTS)
def test_parameters(build, counts):
    with torch.device("meta"):
        network = build(10)
    features = count(network) - count(network.classifier)
    assert {classes: features + 1025 * classes for classes in counts} == counts
    assert network.classifier.in_features == 1024


@pytest.mark.parametrize("training", [True, False])
def test_large_network_is_torchvisions_down_to_the_initial_weights(training):
    torch.manual_seed(1)
    ours = densenet121(7).train(training)
    torch.manual_seed(1)
    theirs = torchvision.models.densenet121(num_classes=7).train(training)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(ours(images), theirs(images))
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)


def test_small_network_differs_in_its_stem_alone():
    small, large = densenet121_cifar(7), densenet121(7)
    assert list(dict(small.features.named_children()))[:2] == ["conv0", "denseblock1"]
    left = {name for name in large.state_dict() if not name.startswith(("features.conv0", "features.norm0"))}
    assert left | {"features.conv0.weight"} == set(small.state_dict())
    small.load_state_dict({name: large.state_dict()[name] for name in left}, strict=False)
    stem = small.features.conv0
    assert (stem.kernel_size, stem.stride, stem.padding, stem.bias) == ((3, 3), (1, 1), (1, 1), None)
    large.features.conv0 = stem
    for name in ("norm0", "relu0", "pool0"):
        setattr(large.features, name, nn.Identity())
    images = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(small.eval()(images), large.eval()(images))


@pytest.mark.parametrize(("initialisation", "factor"), [("torch", 1 / 3), ("he", 2)])
def test_initial_weights_of_the_small_network(initialisation, factor):
    """A weight's variance is 1/(3 f) by PyTorch's default, and 2/f in torchvision's network, with f inputs of a filter.

    CS-KD's and PS-KD's network initialises nothing itself, which is PyTorch's default: uniform up to 1/sqrt(f).
    """
    torch.manual_seed(0)
    network = densenet121_cifar(100, initialisation=initialisation)
    convolutions = [module.weight for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert len(convolutions) == 120
    for weight in convolutions:
        inputs = weight[0].numel()
        assert weight.var().item() == pytest.approx(factor / inputs, rel=0.15)
        assert (weight.abs().max().item() <= inputs**-0.5) == (initialisation == "torch")
    assert network.classifier.bias.any().item() == (initialisation == "torch")


@pytest.mark.parametrize(
    ("build", "size", "last"), [(densenet121_cifar, 32, 4), (densenet121, 32, 1), (densenet121, 224, 7)]
)
@pytest.mark.parametrize("width", [8, 12])
def test_sizes_and_widths(build, size, last, width):
    network = build(5, width).eval()
    assert network.features(torch.zeros(1, 3, size, size)).shape == (1, 16 * width, last, last)
    assert network.features.denseblock1.denselayer1.conv2.out_channels == width // 2
    assert network(torch.zeros(2, 3, size, size)).shape == (2, 5)
