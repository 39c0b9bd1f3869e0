"""The labelled images of a classification data set, as every reader for classifiers returns them, and their checks."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from advkd.data.archives.archive import Archive
from advkd.data.images import Decoded, decode_image
from advkd.errors import UserError


class Item(NamedTuple):
    """One image: its name and the index of its class."""

    image: str
    label: int


@dataclass(frozen=True)
class LabelledImages:
    """A data set for classification, whose images are not yet decoded.

    Attributes:
        classes: the names of the classes; the label of an item is an index into them.
        train: the training images, in the official order.
        valid: the images that papers evaluate on, in the official order.
        decode: takes an image's name and decodes it. The EXIF orientation is only applied to a user's own photos;
            torchvision's loaders do not apply it.
        order: takes names of images; returns them in the order in which they are fastest to decode.
        missing: the names of images that are listed, but do not exist.
        split_is_drawn: whether the split was drawn here, and is neither official nor the user's.
    """

    classes: tuple[str, ...]
    train: tuple[Item, ...]
    valid: tuple[Item, ...]
    decode: Callable[[str], Decoded]
    order: Callable[[Sequence[str]], list[str]]
    missing: frozenset[str] = frozenset()
    split_is_drawn: bool = False


def label_files(
    archive: Archive, classes: Iterable[str], train: Iterable[Item], valid: Iterable[Item], *, upright: bool = False
) -> LabelledImages:
    """Return the data set whose images are files of `archive`; with `upright`, turned as their EXIF tags say.

    Raises:
        UserError: `check_items` finds a fault, or most of the images do not exist.
    """
    classes, train, valid = tuple(classes), tuple(train), tuple(valid)
    check_items(archive.path, classes, train, valid)
    files = frozenset(archive.names())
    missing = [item.image for item in (*train, *valid) if item.image not in files]
    listed = len(train) + len(valid)
    if 2 * len(missing) > listed:
        raise unofficial(
            archive.path, f"{len(missing)} of {listed} listed images are not there, the first is {missing[0][:200]!r}"
        )
    decode = partial(decode_image, archive, upright=upright)
    return LabelledImages(classes, train, valid, decode, archive.order, frozenset(missing))


def check_items(path: Path, classes: Sequence[str], train: Sequence[Item], valid: Sequence[Item]) -> None:
    """Check that the classes and images of a data set are consistent.

    Args:
        path: the data set, for messages.
        classes: the names of the classes.
        train: the training images.
        valid: the evaluation images.

    Raises:
        UserError: there are fewer than two classes, or two with the same name; a class has no training or no evaluation
            image; a label has no class; an image is listed twice.
    """
    if len(classes) < 2:
        raise unofficial(path, f"a classifier needs two classes, here are {len(classes)}")
    if repeated := _first_repeated(classes):
        raise unofficial(path, f"two classes are called {repeated!r}")
    for split, items in (("training", train), ("evaluation", valid)):
        labels = {item.label for item in items}
        if unknown := labels - set(range(len(classes))):
            raise unofficial(
                path, f"there are {len(classes)} classes, but an image has the label {min(unknown)}, from 0"
            )
        for label, name in enumerate(classes):
            if label not in labels:
                raise unofficial(path, f"the class {name!r} has no {split} image")
    listed = [item.image for item in (*train, *valid)]
    if repeated := _first_repeated(listed):
        in_both = {item.image for item in train} & {item.image for item in valid}
        manner = "for training and for evaluation" if repeated in in_both else "twice"
        raise unofficial(path, f"{repeated!r} is listed {manner}")


def unofficial(path: Path, fault: str) -> UserError:
    """Return the error that the data set in `path` is not as published."""
    return UserError(f"{path}: {fault}: get the data set's official files, or correct these")


def _first_repeated(names: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
