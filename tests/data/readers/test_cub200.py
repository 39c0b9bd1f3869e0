import io

import pandas as pd
import pytest
from layouts import contents, edit, read

from advkd.errors import UserError


def frame(name, *columns):
    return pd.read_csv(io.BytesIO(contents("cub200")[name]), sep=" ", names=["key", *columns], index_col="key")


def test_items_are_the_lists_joined_by_number():
    images = frame("images.txt", "image").join(frame("image_class_labels.txt", "number"))
    images = images.join(frame("train_test_split.txt", "training"))
    classes = frame("classes.txt", "name").sort_index().name
    labelled = read("cub200")
    assert labelled.classes == tuple(classes)
    for items, training in ((labelled.train, 1), (labelled.valid, 0)):
        wanted = images[images.training == training]
        assert [item.image for item in items] == ["images/" + name for name in wanted.image]
        assert [item.label + 1 for item in items] == wanted.number.tolist()


def test_classes_are_in_the_order_of_their_numbers():
    lines = contents("cub200")["classes.txt"].splitlines(keepends=True)
    assert read("cub200", **{"classes.txt": b"".join(reversed(lines))}).classes == read("cub200").classes
    ten = {"classes.txt": contents("cub200")["classes.txt"].replace(b"2 002", b"10 002")}
    ten["image_class_labels.txt"] = contents("cub200")["image_class_labels.txt"].replace(b" 2\n", b" 10\n")
    assert read("cub200", **ten).classes[-1].startswith("002")


@pytest.mark.parametrize(
    ("file", "pair", "message"),
    [
        ("classes", ("3 003", "9 003"), "'3' is not a number of a class in classes.txt"),
        ("classes", ("3 003", "x 003"), "'x' is not a number of a class in classes.txt"),
        ("classes", ("3 003", "9 009.owl\n3 003"), "the class '009.owl' has no training image"),
        ("classes", ("3 003", "2 003"), "classes.txt has two lines for '2'"),
        ("image_class_labels", ("5 1", "5 99"), "'99' is not a number of a class"),
        ("image_class_labels", ("5 1\n", ""), "image '5' is in only one of images.txt and image_class_labels.txt"),
        ("train_test_split", ("5 1\n", ""), "image '5' is in only one of images.txt and train_test_split.txt"),
        ("train_test_split", ("64 ", "65 "), "image '64' is in only one of"),
        ("train_test_split", ("1 1", "1 2"), "train_test_split.txt says '2' of an image, neither 0 nor 1"),
        ("images", ("_0002.jpg", "_0001.jpg"), "0001.jpg' is listed for training and for evaluation"),
        ("images", ("_0003.jpg", "_0001.jpg"), "0001.jpg' is listed twice"),
        ("images", ("1 001", "1001"), "line 1 of images.txt does not have 2 fields"),
    ],
)
def test_wrong_lists_are_refused(file, pair, message):
    with pytest.raises(UserError, match=message):
        read("cub200", **edit("cub200", f"{file}.txt", pair))
