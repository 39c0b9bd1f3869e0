"""Normalisation and the way back, against torchvision."""

import pytest
import torch
from torchvision.transforms import functional

from advkd.models.normalisation import NORMALISATIONS, normalise, to_pixels


@pytest.mark.parametrize("name", NORMALISATIONS)
def test_normalised_equals_torchvision_s(name):
    images = torch.rand(4, 3, 5, 6)
    torch.testing.assert_close(normalise(images, name), functional.normalize(images, *NORMALISATIONS[name]))


@pytest.mark.parametrize("name", NORMALISATIONS)
def test_every_pixel_value_comes_back(name):
    values = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(2, 3, -1, -1)
    back = to_pixels(normalise(values / 255, name), name)
    assert back.dtype == torch.uint8 and torch.equal(back, values.permute(0, 2, 3, 1))


def test_what_lies_beyond_black_and_white_is_clipped():
    found = to_pixels(torch.tensor([-100.0, 0, 100]).view(1, 1, 1, 3).expand(1, 3, 2, 3), "cifar10")
    assert found.shape == (1, 2, 3, 3)
    assert found[0, 0, 0].tolist() == [0, 0, 0] and found[0, 0, 2].tolist() == [255, 255, 255]
    assert found[0, 0, 1].tolist() == [round(255 * mean) for mean in NORMALISATIONS["cifar10"][0]]


def test_published_values():
    """Spec of the three: DAFL and CS-KD, "BNN - BN = ?", torchvision."""
    assert NORMALISATIONS["cifar10"] == ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
    assert NORMALISATIONS["cifar100"] == ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))
    assert NORMALISATIONS["imagenet"] == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
