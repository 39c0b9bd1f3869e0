from pathlib import Path

import pytest

from advkd.data.archives.folder_archive import FolderArchive
from advkd.data.readers.labelled import Item, check_items, label_files
from advkd.errors import UserError

TRAIN = [Item("a", 0), Item("b", 1), Item("c", 1)]
VALID = [Item("d", 1), Item("e", 0)]


def checked(classes=("cat", "dog"), train=TRAIN, valid=VALID):
    check_items(Path("set.zip"), classes, train, valid)


def test_consistent_lists_pass():
    checked()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"classes": ("cat",)}, "a classifier needs two classes, here are 1"),
        ({"classes": ("cat", "cat")}, "two classes are called 'cat'"),
        ({"classes": ("cat", "dog", "owl")}, "the class 'owl' has no training image"),
        ({"valid": VALID[:1]}, "the class 'cat' has no evaluation image"),
        ({"train": [*TRAIN, Item("f", 2)]}, "there are 2 classes, but an image has the label 2, from 0"),
        ({"train": [*TRAIN, Item("f", -1)]}, "there are 2 classes, but an image has the label -1"),
        ({"train": [*TRAIN, Item("a", 1)]}, "'a' is listed twice"),
        ({"valid": [*VALID, Item("c", 1)]}, "'c' is listed for training and for evaluation"),
    ],
)
def test_what_is_inconsistent_is_named(changed, message):
    with pytest.raises(UserError, match=f"^set.zip: {message}.*: get the data set's official files, or correct these$"):
        checked(**changed)


def test_missing_images_are_listed_unless_they_are_most(tmp_path):
    for name in "abce":
        (tmp_path / name).touch()
    assert label_files(FolderArchive(tmp_path), ("cat", "dog"), TRAIN, VALID).missing == {"d"}
    for name in "ab":
        (tmp_path / name).unlink()
    with pytest.raises(UserError, match="3 of 5 listed images are not there, the first is 'a'"):
        label_files(FolderArchive(tmp_path), ("cat", "dog"), TRAIN, VALID)
