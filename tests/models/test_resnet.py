import pytest
import torch
import torchvision

from advkd.models.resnet import resnet18

COUNTS = {67: 11_210_883, 100: 11_227_812, 120: 11_238_072, 200: 11_279_112}


def test_parameters():
    for classes, expected in COUNTS.items():
        with torch.device("meta"):
            network = resnet18(classes)
        assert sum(parameter.numel() for parameter in network.parameters()) == expected


@pytest.mark.parametrize("training", [True, False])
def test_is_torchvisions_down_to_the_initial_weights(training):
    torch.manual_seed(1)
    ours = resnet18(7).train(training)
    torch.manual_seed(1)
    theirs = torchvision.models.resnet18(num_classes=7).train(training)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(ours(images), theirs(images))
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)


@pytest.mark.parametrize(("size", "last"), [(32, 1), (224, 7)])
def test_sizes_and_widths(size, last):
    network = resnet18(5, 8).eval()
    *trunk, _, _, _ = network
    assert torch.nn.Sequential(*trunk)(torch.zeros(1, 3, size, size)).shape == (1, 64, last, last)
    assert network(torch.zeros(2, 3, size, size)).shape == (2, 5)
    assert [getattr(network, f"layer{n}")[1].conv2.out_channels for n in range(1, 5)] == [8, 16, 32, 64]
