import numpy as np
import pytest
from layouts import Memory, contents, edit, extract, read
from torchvision import datasets

from advkd.data.readers.tiny_imagenet import read_tiny_imagenet
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


def into_test(wnid, image):
    """As the script of tjmoon0104/pytorch-tiny-imagenet, which moves half of each class to the test images."""
    number = int(image.removeprefix("val_").removesuffix(".JPEG"))
    return f"{'val' if number % 2 else 'test'}/{wnid}/images/{image}"


ARRANGEMENTS = {
    "val/CLASS/images": lambda wnid, image: f"val/{wnid}/images/{image}",
    "val/images/CLASS": lambda wnid, image: f"val/images/{wnid}/{image}",
    "val/CLASS": lambda wnid, image: f"val/{wnid}/{image}",
    "half in test": into_test,
}


def rearranged(place, flat):
    """Return a data set's files with the validation images moved; where `flat`, the training images too."""
    files = contents("tiny_imagenet")
    for line in files[VAL].decode().splitlines():
        image, wnid = line.split("\t")[:2]
        files[place(wnid, image)] = files.pop(f"val/images/{image}")
    if flat:
        files = {name.replace("/images/", "/") if name.startswith("train/") else name: files[name] for name in files}
    return files


@pytest.mark.parametrize("annotated", [True, False])
@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("place", ARRANGEMENTS.values(), ids=ARRANGEMENTS)
def test_rearranged_folders_are_read_as_published(place, flat, annotated):
    files = rearranged(place, flat)
    if not annotated:
        del files[VAL]
    found, published = read_tiny_imagenet(Memory(files)), read("tiny_imagenet")
    assert found.classes == published.classes and not found.missing
    for ours, theirs in ((found.train, published.train), (found.valid, published.valid)):
        assert [item.label for item in ours] == [item.label for item in theirs]
        pairs = list(zip(ours, theirs, strict=True))
        for own, their in pairs[::5]:
            np.testing.assert_array_equal(found.decode(own.image)[0], published.decode(their.image)[0])


def test_a_validation_image_in_the_folder_of_another_class_is_refused():
    files = rearranged(ARRANGEMENTS["val/CLASS"], False)
    files["val/n10000000/val_0.JPEG"] = files.pop("val/n10007000/val_0.JPEG")
    with pytest.raises(UserError, match=r"val_0\.JPEG' is of the class n10007000, as val/val_annotations\.txt says"):
        read_tiny_imagenet(Memory(files))


def test_without_annotations_the_published_folder_says_no_classes():
    with pytest.raises(UserError, match=r"val/val_annotations\.txt is missing"):
        read("tiny_imagenet", **{VAL: None})
