import numpy as np
import pytest
from layouts import contents, edit, extract, read
from torchvision import datasets

from advkd.errors import UserError


def test_training_images_and_their_order_are_those_of_an_image_folder(tmp_path):
    root = extract("tiny_imagenet", tmp_path)
    labelled, wanted = read("tiny_imagenet"), datasets.ImageFolder(root / "train")
    assert list(labelled.classes) == wanted.classes != (root / "wnids.txt").read_text().split()
    assert [(str(root / item.image), item.label) for item in labelled.train] == wanted.samples
    for item, (pixels, _) in zip(labelled.train[::3], [wanted[i] for i in range(0, len(wanted), 3)], strict=True):
        np.testing.assert_array_equal(labelled.decode(item.image)[0], np.asarray(pixels))


def test_evaluation_images_are_the_annotated_ones_in_their_order():
    labelled = read("tiny_imagenet")
    lines = [line.split("\t") for line in contents("tiny_imagenet")["val/val_annotations.txt"].decode().splitlines()]
    assert [(item.image, labelled.classes[item.label]) for item in labelled.valid] == [
        (f"val/images/{line[0]}", line[1]) for line in lines
    ]


VAL = "val/val_annotations.txt"


@pytest.mark.parametrize(
    ("file", "pair", "message"),
    [
        (
            "wnids.txt",
            ("n10000000\n", ""),
            "'train/n10000000/images/n10000000_0.JPEG' is of a class that wnids.txt lacks",
        ),
        ("wnids.txt", ("n10000000\n", "n10000000\nn10000001\n"), "the class 'n10000001' has no training image"),
        ("wnids.txt", ("n10000000\n", "n10000000\nn10000000\n"), "two classes are called 'n10000000'"),
        (VAL, ("val_0.JPEG\tn10007000", "val_0.JPEG\tn20000000"), "'val_0.JPEG' is of the class 'n20000000', which"),
        (VAL, ("val_0.JPEG", "val_1.JPEG"), "'val/images/val_1.JPEG' is listed twice"),
        (
            VAL,
            ("val_0.JPEG\tn10007000\t0\t0\t63\t63", "val_0.JPEG"),
            "line 1 of .* does not have 3 fields: 'val_0.JPEG'",
        ),
    ],
)
def test_wrong_lists_are_refused(file, pair, message):
    with pytest.raises(UserError, match=message):
        read("tiny_imagenet", **edit("tiny_imagenet", file, pair))


def test_a_missing_class_is_named():
    missing = [name for name in contents("tiny_imagenet") if name.startswith("train/n10003000/")]
    with pytest.raises(UserError, match="the class 'n10003000' has no training image"):
        read("tiny_imagenet", **dict.fromkeys(missing))
