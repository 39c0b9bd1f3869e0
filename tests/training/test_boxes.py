import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import RandomResizedCrop

from advkd.training import boxes

DRAWS = 3000
SIZES = [(64, 64), (500, 375), (180, 420), (640, 160)]  # of the last, an eighth of the boxes is the fallback


def draw(width, height, seed=0, draws=DRAWS):
    """Boxes in pixels of the original: left, top, width, height."""
    sizes = torch.tensor([[width, height]], dtype=torch.int32).expand(draws, 2)
    left, top, right, bottom = boxes.random_resized(sizes, torch.Generator().manual_seed(seed)).numpy().T
    return np.stack([left * width, top * height, (right - left) * width, (bottom - top) * height], 1)


def reference(width, height, draws=DRAWS):
    """The same of torchvision."""
    torch.manual_seed(7)
    image, crop = torch.empty(1, height, width), RandomResizedCrop(224)
    found = np.array([crop.get_params(image, crop.scale, crop.ratio) for _ in range(draws)])
    return found[:, [1, 0, 3, 2]]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_law_is_torchvisions(size):
    ours, theirs = draw(*size), reference(*size)
    fallback = theirs[:, 2:].max(0)
    for function in (
        lambda b: b[:, 2] * b[:, 3],  # area
        lambda b: np.log(b[:, 2] / b[:, 3]),  # shape
        lambda b: b[:, 0],
        lambda b: b[:, 1],
        lambda b: b[:, 0] + b[:, 2],
        lambda b: b[:, 1] + b[:, 3],
        lambda b: b[:, 0] / (size[0] - b[:, 2] + 1) + b[:, 1] / (size[1] - b[:, 3] + 1),  # both places together
    ):
        assert stats.ks_2samp(function(ours), function(theirs)).pvalue > 1e-3
    largest = [np.all(b[:, 2:].round() == fallback, axis=1).mean() for b in (ours, theirs)]
    assert largest[0] == pytest.approx(largest[1], abs=0.03)


@pytest.mark.parametrize("size", [(1000, 50), (33, 700), (700, 31), (101, 1999)], ids=str)
def test_boxes_that_never_fit_fall_back_to_torchvisions_centre(size):
    np.testing.assert_allclose(draw(*size, draws=5), reference(*size, draws=5))


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (1, 40), (2000, 3), (500, 375)], ids=str)
def test_boxes_are_whole_pixels_of_the_original_and_inside_it(size):
    found = draw(*size)
    np.testing.assert_allclose(found, found.round(), atol=1e-9)
    assert found.min() >= 0 and found[:, 2:].min() > 0.5
    assert np.all(found[:, :2] + found[:, 2:] <= np.array(size) + 1e-9)


def test_every_image_gets_a_box_of_its_own_size():
    sizes = torch.tensor([[640, 160], [100, 100], [160, 640]]).repeat(500, 1)
    found = boxes.random_resized(sizes, torch.Generator().manual_seed(0))
    side = (found[:, 2:] - found[:, :2]) * sizes
    ratio = side[:, 0] / side[:, 1]
    assert ratio.min() > 0.7 and ratio.max() < 1.43, "3/4 to 4/3, but for rounding to pixels"
    assert len(torch.unique(found, dim=0)) > 1200


def test_centre_is_square_in_the_original():
    found = boxes.centre(torch.tensor([[400, 300], [256, 256]]), 0.875)
    pixels = found * torch.tensor([[400, 300, 400, 300], [256] * 4])
    expected = [[68.75, 18.75, 331.25, 281.25], [16, 16, 240, 240]]
    torch.testing.assert_close(pixels, torch.tensor(expected, dtype=torch.float64))


def test_whole():
    assert boxes.whole(2).tolist() == [[0, 0, 1, 1]] * 2
