"""What every reader of a classification data set returns: named images and their classes, in two parts."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from advkd.data import images
from advkd.data.archives.members import Archive
from advkd.errors import UserError


class Item(NamedTuple):
    """One image: its name and the index of its class."""

    image: str
    label: int


@dataclass(frozen=True)
class Labelled:
    """A data set for classification, its images not decoded yet.

    Attributes:
        classes: the names of the classes; an item's label is an index into them.
        train: the training images, in the official order.
        valid: the images that papers evaluate on, in the official order.
        decode: from an image's name to its pixels, uint8 (height, width, 3), and the mode it was stored in. They are
            as stored: no EXIF orientation is applied, as torchvision's loaders apply none.
        order: from names to the same names in the order in which they are cheapest to decode.
    """

    classes: tuple[str, ...]
    train: tuple[Item, ...]
    valid: tuple[Item, ...]
    decode: Callable[[str], tuple[np.ndarray, str]]
    order: Callable[[Sequence[str]], list[str]]


def of_files(archive: Archive, classes: Iterable[str], train: Iterable[Item], valid: Iterable[Item]) -> Labelled:
    """Return the data set whose images are files of `archive`.

    Raises:
        UserError: it fails `check`.
    """
    classes, train, valid = tuple(classes), tuple(train), tuple(valid)
    check(archive.path, classes, train, valid, frozenset(archive.names()))
    return Labelled(classes, train, valid, partial(images.decode, archive), archive.order)


def check(
    path: Path, classes: Sequence[str], train: Sequence[Item], valid: Sequence[Item], there: Collection[str]
) -> None:
    """Check that the lists of the data set in `path` make sense; `there` are the names of its files.

    Raises:
        UserError: fewer than two classes, two of one name, or one without an image in either part; a label without a
            class; an image that is missing, or listed twice.
    """
    if len(classes) < 2:
        raise wrong(path, f"a classifier needs two classes, here are {len(classes)}")
    if twice := _repeated(classes):
        raise wrong(path, f"two classes are called {twice!r}")
    for part, items in (("training", train), ("evaluation", valid)):
        labels = {item.label for item in items}
        if strange := labels - set(range(len(classes))):
            raise wrong(path, f"there are {len(classes)} classes, but an image has the label {min(strange)}, from 0")
        for label, name in enumerate(classes):
            if label not in labels:
                raise wrong(path, f"the class {name!r} has no {part} image")
    listed = [item.image for item in (*train, *valid)]
    if missing := next((name for name in listed if name not in there), None):
        raise wrong(path, f"{missing[:200]!r} is listed, but is not there")
    if twice := _repeated(listed):
        both = {item.image for item in train} & {item.image for item in valid}
        raise wrong(path, f"{twice!r} is listed {'for training and for evaluation' if twice in both else 'twice'}")


def wrong(path: Path, what: str) -> UserError:
    """Return the error that the data set in `path` is not as published."""
    return UserError(f"{path}: {what}: get the data set's official files, or correct these")


def _repeated(names: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
