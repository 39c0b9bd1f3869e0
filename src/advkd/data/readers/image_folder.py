"""Any folder of images as a data set for classification: a folder a class, as torchvision's ImageFolder has it.

Either DIR/CLASS/*, of which a part of every class is set aside to evaluate on, or DIR/train/CLASS/* and one of
DIR/val, DIR/valid and DIR/test beside it.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from advkd.data.archives.members import Archive, FolderArchive
from advkd.data.readers.folder import SUFFIXES
from advkd.data.readers.labelled import Item, Labelled, of_files
from advkd.errors import UserError

TRAINING, EVALUATION = "train", ("val", "valid", "test")


def read(path: Path, held_out: float, seed: int) -> tuple[Archive, Labelled]:
    """Return the files of the folder `path` and its images: classes by name, the images of a class by name.

    Images are found in all folders below a class, by their suffix in any case; hidden files, linked folders and links
    out of the folder are left out.

    Args:
        path: the folder.
        held_out: the part of every class to evaluate on, at least one image; without meaning where the folder is split.
        seed: of the draw of that part.

    Raises:
        UserError: no folder; images outside class folders; fewer than two classes; a class without images, in either
            part of a split; a class of one image that should be split.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{path} is not a folder of images")
    archive = FolderArchive(path)
    names = [name for name in archive.names() if PurePosixPath(name).suffix.lower() in SUFFIXES]
    others = [name for name in EVALUATION if (path / name).is_dir()]
    if (path / TRAINING).is_dir() and others:
        train, valid = _split(path, names, others)
    else:
        train, valid = _drawn(path, _by_class(path, names), held_out, seed)
    labels = {name: label for label, name in enumerate(sorted(train))}
    parts = ([Item(image, labels[name]) for name in labels for image in part[name]] for part in (train, valid))
    return archive, of_files(archive, labels, *parts)


def _split(path: Path, names: Sequence[str], others: Sequence[str]) -> tuple[dict, dict]:
    evaluation = others[0]
    if len(others) > 1:
        raise UserError(f"{path} holds {' and '.join(others)} beside {TRAINING}: move all but one out of the folder")
    if stray := next((name for name in names if not name.startswith((f"{TRAINING}/", f"{evaluation}/"))), None):
        raise UserError(f"{path} holds {stray!r} beside {TRAINING} and {evaluation}: move it out of the folder")
    train, valid = (_by_class(path / part, names, part) for part in (TRAINING, evaluation))
    for name in sorted(train.keys() ^ valid.keys()):
        there, missing = (TRAINING, evaluation) if name in train else (evaluation, TRAINING)
        raise UserError(f"{path}: the class {name!r} has images in {there} but none in {missing}: both need some")
    return train, valid


def _drawn(path: Path, classes: dict[str, list[str]], fraction: float, seed: int) -> tuple[dict, dict]:
    rng = np.random.Generator(np.random.PCG64(seed))
    train, valid = {}, {}
    for name, images in classes.items():
        if len(images) < 2:
            raise UserError(f"{path}: the class {name!r} has one image: at least two are needed, to train and evaluate")
        count = min(max(round(fraction * len(images)), 1), len(images) - 1)
        aside = set(rng.permutation(len(images))[:count].tolist())
        train[name] = [image for place, image in enumerate(images) if place not in aside]
        valid[name] = [image for place, image in enumerate(images) if place in aside]
    return train, valid


def _by_class(folder: Path, names: Sequence[str], part: str = "") -> dict[str, list[str]]:
    """Return the images of the class folders in `folder`, which is `part` of the data set, by class, classes sorted."""
    found: dict[str, list[str]] = defaultdict(list)
    prefix = f"{part}/" if part else ""
    for name in names:
        if name.startswith(prefix):
            top, slash, _ = name.removeprefix(prefix).partition("/")
            if not slash:
                raise UserError(f"{folder} holds {top!r} beside the folders of the classes: move it into one")
            found[top].append(name)
    empty = [place.name for place in folder.iterdir() if place.is_dir() and place.name not in found]
    if empty := sorted(name for name in empty if not name.startswith((".", "__MACOSX"))):
        raise UserError(
            f"{folder}: the class {empty[0]!r} has no images ({', '.join(SUFFIXES)}; linked folders are left out): "
            f"add some, or remove the folder"
        )
    if len(found) < 2:
        raise UserError(f"{folder} holds images of {len(found)} classes, one a folder: a classifier needs two")
    return dict(sorted(found.items()))
