"""Reads any folder of images for classifiers: a folder for each class, as torchvision's ImageFolder expects.

The folder has one of two forms. In DIR/CLASS/*, a fraction of every class is set aside for evaluation; in
DIR/CLASS/SCENE/*, whole scenes are (data/scenes.py). In DIR/train/CLASS/*, the evaluation images are in DIR/val, or
another usual name (`split_folders`), in a folder for each class.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from advkd.data.archives.checked_archive import CheckedArchive
from advkd.data.archives.folder_archive import SYNTHETIC, FolderArchive, has_synthetic
from advkd.data.archives.members import is_hidden
from advkd.data.archives.record import open_folder
from advkd.data.images import IMAGE_SUFFIXES
from advkd.data.readers.labelled import Item, LabelledImages, label_files
from advkd.data.readers.photo_folder import image_names
from advkd.data.readers.split_folders import find_parts
from advkd.data.scenes import draw_held_out, scene_of
from advkd.errors import UserError

NamesByClass = dict[str, list[str]]


def read_class_folders(
    path: Path, held_out: float, seed: int, links: bool = False
) -> tuple[CheckedArchive, LabelledImages]:
    """Return the files of a folder and its labelled images, with classes and images sorted by name.

    Images are found in all subfolders of a class, by their suffix in upper or lower case, and turned as their EXIF tags
    say. Hidden files are left out.

    Args:
        path: the folder.
        held_out: the fraction of every class to evaluate on, at least one image. Only used if the folder is not split.
        seed: the seed for choosing these images.
        links: whether linked folders and links out of the folder are followed, or left out.

    Raises:
        UserError: `path` is not a folder; an image is outside the class folders; there are fewer than two classes; a
            class has no images, or none in one part of the split; a class that must be split has only one image.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{path} is not a folder of images")
    archive = open_folder(path, links)
    names = image_names(archive)
    parts = find_parts(_subfolders(path), names, path)
    if parts:
        train, valid = _read_split(path, names, *parts)
    else:
        train, valid = _draw_split(path, _group_by_class(path, names), held_out, seed)
    classes = sorted(train)
    labelled = label_files(archive, classes, _label(classes, train), _label(classes, valid), upright=True)
    return archive, replace(labelled, split_is_drawn=not parts)


def class_names(path: Path, links: bool = False) -> list[str]:
    """Return the sorted names of the classes of a folder that `read_class_folders` reads; no image is opened.

    Raises:
        UserError: as `read_class_folders`, but for what only a drawn split needs.
    """
    if not path.is_dir():
        raise UserError(f"{path} is not a folder of images")
    names = image_names(FolderArchive(path, quiet=True, links=links))
    if parts := find_parts(_subfolders(path), names, path):
        return sorted(_read_split(path, names, *parts)[0])
    names_by_class = _group_by_class(path, names)
    _check_two_classes(path, names_by_class)
    return sorted(names_by_class)


def _label(classes: Sequence[str], names_by_class: NamesByClass) -> list[Item]:
    items: list[Item] = []
    for label, name in enumerate(classes):
        items.extend(Item(image, label) for image in names_by_class[name])
    return items


def _subfolders(folder: Path) -> list[str]:
    found = {child.name for child in folder.iterdir() if child.is_dir() and not is_hidden(child.name)}
    return sorted(found - {SYNTHETIC} if has_synthetic(folder) else found)


def _read_split(path: Path, names: Sequence[str], training: str, evaluation: str) -> tuple[NamesByClass, NamesByClass]:
    """Return the training images and the evaluation images of a folder that is split."""
    for name in names:
        if not name.startswith((f"{training}/", f"{evaluation}/")):
            raise UserError(f"{path} holds {name!r} beside {training} and {evaluation}: move it out of the folder")
    train = _group_by_class(path / training, names, f"{training}/")
    valid = _group_by_class(path / evaluation, names, f"{evaluation}/")
    for name in sorted(train.keys() ^ valid.keys()):
        filled, empty = (training, evaluation) if name in train else (evaluation, training)
        raise UserError(f"{path}: the class {name!r} has images in {filled} but none in {empty}: both need some")
    _check_two_classes(path, train)
    return train, valid


def _draw_split(
    path: Path, names_by_class: NamesByClass, fraction: float, seed: int
) -> tuple[NamesByClass, NamesByClass]:
    """Draw a fraction of each class for evaluation; return the training images and the evaluation images."""
    _check_two_classes(path, names_by_class)
    for name, images in names_by_class.items():
        if len(images) < 2:
            raise UserError(f"{path}: the class {name!r} has one image: at least two are needed, to train and evaluate")
    scenes = {name: [scene_of(image) for image in images] for name, images in names_by_class.items()}
    held_out = draw_held_out(scenes, fraction, np.random.SeedSequence(seed))
    train: NamesByClass = {}
    valid: NamesByClass = {}
    for name, images in names_by_class.items():
        train[name] = [image for place, image in enumerate(images) if place not in held_out[name]]
        valid[name] = [image for place, image in enumerate(images) if place in held_out[name]]
    return train, valid


def _group_by_class(folder: Path, names: Sequence[str], prefix: str = "") -> NamesByClass:
    """Return the images in the class folders of `folder`, with the classes sorted.

    Args:
        folder: the folder of the class folders.
        names: the names of all images.
        prefix: what the names of the images in `folder` begin with.
    """
    names_by_class: NamesByClass = {}
    for name in names:
        if not name.startswith(prefix):
            continue
        top, slash, _ = name.removeprefix(prefix).partition("/")
        if not slash:
            raise UserError(f"{folder} holds {top!r} beside the folders of the classes: move it into one")
        names_by_class.setdefault(top, []).append(name)
    for name in _subfolders(folder):
        if name not in names_by_class:
            raise UserError(
                f"{folder}: the class {name!r} has no images ({', '.join(IMAGE_SUFFIXES)}; linked folders are "
                f"left out, unless `links` names the data set): add some, or remove the folder"
            )
    return dict(sorted(names_by_class.items()))


def _check_two_classes(path: Path, names_by_class: NamesByClass) -> None:
    if len(names_by_class) < 2:
        found = "".join(f"images of one class only, {name!r}" for name in names_by_class) or "no images in folders"
        raise UserError(
            f"{path} holds {found}; a classifier needs two classes, each in a folder of its own: CLASS/*.jpg, or"
            " train/CLASS/*.jpg beside val/CLASS/*.jpg"
        )
