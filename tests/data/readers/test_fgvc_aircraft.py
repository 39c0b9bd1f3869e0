import io

import numpy as np
import pytest
from layouts import edit, extract, read
from PIL import Image
from torchvision import datasets

from advkd.data.readers.fgvc_aircraft import without_banner
from advkd.errors import UserError


def test_classes_images_and_their_order_are_torchvisions(tmp_path):
    root = extract("fgvc_aircraft", tmp_path)
    labelled = read("fgvc_aircraft")
    for items, split in ((labelled.train, "trainval"), (labelled.valid, "test")):
        wanted = datasets.FGVCAircraft(root.parent, split=split)
        assert list(labelled.classes) == wanted.classes
        assert [str(root / item.image) for item in items] == wanted._image_files
        assert [item.label for item in items] == wanted._labels


@pytest.mark.parametrize(
    ("file", "pair", "message"),
    [
        ("variants", ("plain disc\n", ""), "images_variant_trainval.txt has '.*' of 'plain disc', which .* lacks"),
        ("variants", ("plain disc\n", "plain disc\nF/A-18\n"), "the class 'F/A-18' has no training image"),
        ("variants", ("plain disc\n", "plain disc\nplain disc\n"), "two classes are called 'plain disc'"),
        ("images_variant_test", ("plain disc", ""), "line 1 of data/images_variant_test.txt does not have 2 fields"),
        (
            "images_variant_test",
            ("1000032", "1000000"),
            "'data/images/1000000.jpg' is listed for training and for eval",
        ),
        ("images_variant_trainval", ("1000001", "1000000"), "'data/images/1000000.jpg' is listed twice"),
    ],
)
def test_wrong_lists_are_refused(file, pair, message):
    with pytest.raises(UserError, match=message):
        read("fgvc_aircraft", **edit("fgvc_aircraft", f"data/{file}.txt", pair))


def test_the_banner_is_kept_or_cut():
    kept = read("fgvc_aircraft")
    cut = without_banner(kept)
    assert (cut.classes, cut.train, cut.valid) == (kept.classes, kept.train, kept.valid)
    for item in kept.train[:5]:
        whole, rest = kept.decode(item.image), cut.decode(item.image)
        assert rest.pixels.shape == (whole.pixels.shape[0] - 20, *whole.pixels.shape[1:])
        np.testing.assert_array_equal(rest.pixels, whole.pixels[:-20])


def test_an_image_that_is_no_higher_than_the_banner_is_faulty():
    file = io.BytesIO()
    Image.new("RGB", (30, 20)).save(file, "JPEG")
    image = read("fgvc_aircraft").train[0].image
    with pytest.raises(UserError, match=r"jpg has 20 rows, and the banner at its bottom 20"):
        without_banner(read("fgvc_aircraft", **{image: file.getvalue()})).decode(image)
