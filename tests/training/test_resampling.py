import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import functional as transforms

from advkd.training import boxes, resampling
from advkd.training.resampling import resample, resample_one_by_one
from torch_state import _torch_state  # noqa: F401  (a fixture)

STAY = torch.zeros(1, dtype=torch.bool)


def noise(height, width, count=1):
    return torch.randint(256, (count, height, width, 3), dtype=torch.uint8)


def fractions(left, top, right, bottom, width, height):
    return torch.tensor([[left / width, top / height, right / width, bottom / height]], dtype=torch.float64)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(
    ("sides", "box", "size"),
    [
        ((64, 64), (0, 0, 64, 64), 32),
        ((64, 64), (3, 10, 60, 53), 32),
        ((64, 64), (20, 7, 38, 30), 32),
        ((49, 81), (4, 1, 80, 48), 17),
        ((40, 40), (2, 2, 40, 33), 64),
        ((40, 40), (5, 6, 7, 7), 32),
        ((40, 40), (8, 4, 40, 36), 32),
    ],
)
def test_boxes_of_whole_pixels_equal_torchvisions_crop_and_resize(sides, box, size, flip):
    images, (left, top, right, bottom) = noise(*sides), box
    expected = transforms.resized_crop(
        images.permute(0, 3, 1, 2).double(), top, left, bottom - top, right - left, [size, size], antialias=True
    )
    expected = transforms.hflip(expected) if flip else expected
    found = resample(images, fractions(*box, sides[1], sides[0]), torch.tensor([flip]), size)
    torch.testing.assert_close(found.permute(0, 3, 1, 2).double(), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("box", "size"), [((3.3, 10.7, 60.1, 52.9), 32), ((20.25, 7.5, 38.4, 30.6), 32), ((0.4, 0.6, 63.9, 63.2), 20)]
)
def test_boxes_between_pixels_equal_pillows_inside(box, size):
    image = noise(64, 64)
    found = resample(image, fractions(*box, 64, 64), STAY, size)[0]
    for channel in range(3):
        plane = Image.fromarray(image[0, :, :, channel].float().numpy())
        expected = np.asarray(plane.resize((size, size), Image.Resampling.BILINEAR, box=box))
        inside = slice(2, -2)  # at the border Pillow also takes pixels from outside the box
        np.testing.assert_allclose(found[inside, inside, channel], expected[inside, inside], atol=1e-3)


@settings(max_examples=50, deadline=None)
@given(
    st.tuples(*[st.floats(0, 0.98)] * 2), st.tuples(*[st.floats(0.001, 1)] * 2), st.integers(3, 70), st.integers(1, 40)
)
def test_any_box_of_one_colour_keeps_it_and_none_reads_outside(corner, extent, side, size):
    box = torch.tensor([*corner, *(min(1, low + more) for low, more in zip(corner, extent, strict=True))])[
        None
    ].double()
    first = [int(np.floor(low * side + 1e-6)) for low in corner]
    last = [int(np.ceil(high * side - 1e-6)) for high in box[0, 2:].tolist()]
    images = torch.full((1, side, side, 3), 255, dtype=torch.uint8)
    images[:, first[1] : last[1], first[0] : last[0]] = 77
    found = resample(images, box, STAY, size)
    torch.testing.assert_close(found, torch.full_like(found, 77.0))


@pytest.mark.parametrize("at_a_time", [1, 2, 9])
def test_a_batch_equals_its_images_one_by_one(monkeypatch, at_a_time):
    monkeypatch.setattr(resampling, "PIXELS", at_a_time * 20 * 30)
    images, flip = noise(20, 30, 9), torch.rand(9) < 0.5
    corner = torch.rand(9, 2, dtype=torch.float64) / 2
    boxes = torch.cat([corner, corner + 0.5], 1)
    expected = [resample(*(part[None] for part in image), 12) for image in zip(images, boxes, flip, strict=True)]
    torch.testing.assert_close(resample(images, boxes, flip, 12), torch.cat(expected), rtol=0, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 90), st.integers(2, 90), st.sampled_from([1, 7, 16, 40, 100]))
def test_one_by_one_has_the_bits_of_the_batch_for_any_boxes(seed, height, width, size):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (6, height, width, 3), dtype=torch.uint8, generator=generator)
    index = torch.randint(6, (9,), generator=generator)
    ends = torch.rand(9, 4, dtype=torch.float64, generator=generator).sort(1).values  # left < right, top < bottom
    places = ends[:, [0, 1, 3, 2]] if seed % 2 else ends[:, [1, 0, 2, 3]]
    places[0] = torch.tensor([0.0, 0.0, 1.0, 1.0])
    flip = torch.rand(9, generator=generator) < 0.5
    found = resample_one_by_one(images.numpy(), index, places, flip, size)
    assert torch.equal(found, resample(images[index], places, flip, size))


@pytest.mark.parametrize(("side", "size"), [(512, 224), (256, 224)])
def test_one_by_one_has_the_bits_of_the_batch_for_random_views(side, size):
    generator = torch.Generator().manual_seed(side)
    images, index, flip = noise(side, side, 20), torch.arange(20).flip(0), torch.rand(20) < 0.5
    places = boxes.random_resized(torch.tensor([[500, 375]] * 20), generator)
    places[:4] = boxes.centre(torch.tensor([[500, 375]] * 4), 0.875)
    found = resample_one_by_one(images.numpy(), index, places, flip, size)
    assert torch.equal(found, resample(images[index], places, flip, size))
