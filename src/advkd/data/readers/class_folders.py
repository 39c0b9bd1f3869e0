"""Reads any folder of images for classifiers: a folder for each class, as torchvision's ImageFolder expects.

The folder has one of two forms. In DIR/CLASS/*, a fraction of every class is set aside for evaluation; in
DIR/CLASS/SCENE/*, whole scenes are (data/scenes.py). In DIR/train/CLASS/*, the evaluation images are in DIR/val,
DIR/valid or DIR/test, in a folder for each class.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from advkd.data.archives.checked_archive import CheckedArchive
from advkd.data.archives.record import open_folder
from advkd.data.readers.labelled import Item, LabelledImages, label_files
from advkd.data.readers.photo_folder import IMAGE_SUFFIXES, image_names
from advkd.data.scenes import draw_held_out, scene_of
from advkd.errors import UserError

TRAINING = "train"
EVALUATION = ("val", "valid", "test")
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
    evaluation_folders = [name for name in EVALUATION if (path / name).is_dir()]
    is_split = (path / TRAINING).is_dir() and bool(evaluation_folders)
    if is_split:
        train, valid = _read_split(path, names, evaluation_folders)
    else:
        train, valid = _draw_split(path, _group_by_class(path, names), held_out, seed)
    classes = sorted(train)
    labelled = label_files(archive, classes, _label(classes, train), _label(classes, valid), upright=True)
    return archive, replace(labelled, split_is_drawn=not is_split)


def _label(classes: Sequence[str], names_by_class: NamesByClass) -> list[Item]:
    items: list[Item] = []
    for label, name in enumerate(classes):
        items.extend(Item(image, label) for image in names_by_class[name])
    return items


def _read_split(
    path: Path, names: Sequence[str], evaluation_folders: Sequence[str]
) -> tuple[NamesByClass, NamesByClass]:
    """Return the training images and the evaluation images of a folder that is split."""
    evaluation = evaluation_folders[0]
    if len(evaluation_folders) > 1:
        raise UserError(
            f"{path} holds {' and '.join(evaluation_folders)} beside {TRAINING}: move all but one out of the folder"
        )
    for name in names:
        if not name.startswith((f"{TRAINING}/", f"{evaluation}/")):
            raise UserError(f"{path} holds {name!r} beside {TRAINING} and {evaluation}: move it out of the folder")
    train = _group_by_class(path / TRAINING, names, f"{TRAINING}/")
    valid = _group_by_class(path / evaluation, names, f"{evaluation}/")
    for name in sorted(train.keys() ^ valid.keys()):
        filled, empty = (TRAINING, evaluation) if name in train else (evaluation, TRAINING)
        raise UserError(f"{path}: the class {name!r} has images in {filled} but none in {empty}: both need some")
    return train, valid


def _draw_split(
    path: Path, names_by_class: NamesByClass, fraction: float, seed: int
) -> tuple[NamesByClass, NamesByClass]:
    """Draw a fraction of each class for evaluation; return the training images and the evaluation images."""
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
    for name in sorted(child.name for child in folder.iterdir() if child.is_dir()):
        if name not in names_by_class and not name.startswith((".", "__MACOSX")):
            raise UserError(
                f"{folder}: the class {name!r} has no images ({', '.join(IMAGE_SUFFIXES)}; linked folders are "
                f"left out, unless `links` names the data set): add some, or remove the folder"
            )
    if len(names_by_class) < 2:
        raise UserError(
            f"{folder} holds images of {len(names_by_class)} classes, one per folder: a classifier needs two"
        )
    return dict(sorted(names_by_class.items()))
