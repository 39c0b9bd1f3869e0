import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from advkd.data import label_worth
from advkd.data.crops import Draw, Window
from advkd.data.photos import Box, Photo


def picture(seed, size=(120, 90)):
    """A smooth random picture."""
    noise = np.random.default_rng(seed).integers(0, 256, (12, 9, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(2))


def thumbnails(*images):
    return np.stack([label_worth.thumbnail(np.asarray(image)) for image in images])


def again(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def test_versions_of_one_photo_are_found_and_others_are_not():
    originals = [picture(seed) for seed in range(40)]
    versions = [
        again(originals[3], 40),
        originals[7].resize((61, 47)),
        originals[9].point(lambda value: value * 0.8),
        picture(99),
    ]
    assert label_worth.near_duplicates(thumbnails(*originals), thumbnails(*versions)) == [(3, 0), (7, 1), (9, 2)]


def test_more_images_than_are_compared_at_a_time(monkeypatch):
    monkeypatch.setattr(label_worth, "ROWS", 3)
    images = thumbnails(*(picture(seed) for seed in range(8)))
    assert label_worth.near_duplicates(images, images[[7, 2]]) == [(7, 0), (2, 1)]


def test_images_of_one_colour_are_no_duplicates():
    plain = thumbnails(Image.new("RGB", (20, 20), (9, 9, 9)), Image.new("RGB", (20, 20), (200, 9, 9)))
    assert label_worth.near_duplicates(plain, plain) == []
    assert label_worth.near_duplicates(plain, plain[:0]) == []


BOTH, FIRST = Box(0, 0, 90, 90, (0, 1)), Box(0, 0, 50, 50, (0,))


@pytest.mark.parametrize(
    ("draws", "several", "overlapping"),
    [
        ([Draw(0, BOTH, Window(0, 0, 10), 0), Draw(0, BOTH, Window(9, 9, 10), 1)], 2, 2),
        ([Draw(0, BOTH, Window(0, 0, 10), 0), Draw(0, FIRST, Window(10, 0, 10), 1)], 1, 0),
        ([Draw(0, FIRST, Window(0, 0, 10), 0), Draw(0, FIRST, Window(0, 0, 10), 0)], 0, 0),
        ([Draw(0, FIRST, Window(0, 0, 10), 0), Draw(1, FIRST, Window(0, 0, 10), 1)], 0, 0),
    ],
)
def test_crops_that_share_tags_or_pixels_are_counted(draws, several, overlapping):
    photos = [Photo("a", (90, 90), (BOTH, FIRST)), Photo("b", (90, 90), (FIRST,))]
    described = label_worth.describe_crops(photos, draws, ("crack", "rust"))
    assert described == {"several_tags": several, "overlapping": overlapping, "same_boxes": []}


def test_classes_of_the_same_boxes_are_named():
    photos = [Photo("a", (90, 90), (BOTH,)), Photo("b", (90, 90), (Box(0, 0, 9, 9, (0, 1)), Box(0, 0, 9, 9, (2,))))]
    classes = ("crack", "rust", "bars", "never")
    assert label_worth.describe_crops(photos, [], classes)["same_boxes"] == [["crack", "rust"]]
