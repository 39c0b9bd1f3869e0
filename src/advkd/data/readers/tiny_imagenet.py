"""Reads Tiny ImageNet (Le and Yang, 2015): a folder of training images for each class, a list of validation images.

The test images have no labels and are not used. Papers evaluate on the validation images.

Many users rearrange the extracted folder, because loaders such as torchvision's ImageFolder need a folder for each
class: the validation images lie in val/CLASS/images, val/images/CLASS or val/CLASS, and the training images in
train/CLASS. One widespread script moves half of the validation images to test/CLASS/images. All of this is read as it
was published. Where val_annotations.txt is gone, the folders say the classes, and the numbers in the names the order.
"""

from collections.abc import Mapping
from typing import NamedTuple

from advkd.data.archives.archive import Archive
from advkd.data.readers.labelled import Item, LabelledImages, label_files, unofficial
from advkd.data.readers.lists import ListFiles

WNIDS, ANNOTATIONS = "wnids.txt", "val/val_annotations.txt"


class _Place(NamedTuple):
    """Where a validation image lies, and the class whose folder this is; None in the published folder."""

    name: str
    wnid: str | None


def read_tiny_imagenet(archive: Archive) -> LabelledImages:
    """Return the data set, whose classes are the sorted WordNet ids.

    The training images are ordered by class and name, as by torchvision's ImageFolder; the evaluation images are in the
    order of val_annotations.txt.

    Raises:
        UserError: a list is missing or malformed, a class has no images, most images do not exist, or a validation
            image lies in the folder of another class.
    """
    places = _find_validation(archive)
    annotated = ANNOTATIONS in archive.names() or not any(place.wnid for place in places.values())
    lists = ListFiles(archive, WNIDS, *([ANNOTATIONS] if annotated else []))
    classes = sorted(lists.lines(WNIDS))
    labels = {wnid: label for label, wnid in enumerate(classes)}
    train = []
    for name in archive.names():
        match name.split("/"):
            case ["train", wnid, "images", _]:
                pass
            case ["train", wnid, image] if image.endswith(".JPEG"):
                pass
            case _:
                continue
        if wnid not in labels:
            raise unofficial(archive.path, f"{name!r} is of a class that wnids.txt lacks")
        train.append(Item(name, labels[wnid]))
    wnids = _listed(lists) if annotated else _sorted_by_number(places)
    valid = []
    for image, wnid in wnids:
        if wnid not in labels:
            raise unofficial(archive.path, f"{image[:80]!r} is of the class {wnid[:80]!r}, which wnids.txt lacks")
        place = places.get(image, _Place(f"val/images/{image}", None))
        if place.wnid not in (None, wnid):
            raise unofficial(archive.path, f"{place.name!r} is of the class {wnid}, as {ANNOTATIONS} says")
        valid.append(Item(place.name, labels[wnid]))
    return label_files(archive, classes, train, valid)


def _find_validation(archive: Archive) -> dict[str, _Place]:
    """Return where the validation images lie, by their published names."""
    places: dict[str, _Place] = {}
    for name in archive.names():
        match name.split("/"):
            case ["val", "images", image]:
                places[image] = _Place(name, None)
            case ["val" | "test", wnid, "images", image] | ["val", "images", wnid, image] | ["val", wnid, image]:
                if image.startswith("val_"):
                    places.setdefault(image, _Place(name, wnid))
    return places


def _listed(lists: ListFiles) -> list[tuple[str, str]]:
    """Return the image and the class of each line of val_annotations.txt."""
    return [(image, wnid) for image, wnid, _ in lists.rows(ANNOTATIONS, 3)]


def _sorted_by_number(places: Mapping[str, _Place]) -> list[tuple[str, str]]:
    """Return the images and their classes in the published order, that of the numbers in their names."""
    return [(image, places[image].wnid or "") for image in sorted(places, key=lambda image: (len(image), image))]
