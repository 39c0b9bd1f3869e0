"""Reads MIT Indoor Scenes (Quattoni and Torralba, CVPR 2009). Two lists name the training and evaluation images."""

from collections.abc import Sequence

from advkd.data.archives.archive import Archive
from advkd.data.readers.labelled import Item, LabelledImages, label_files, unofficial
from advkd.data.readers.lists import ListFiles

TRAIN, TEST = "TrainImages.txt", "TestImages.txt"


def read_mit67(archive: Archive) -> LabelledImages:
    """Return the data set: classes sorted by name, images in the order of TrainImages.txt and TestImages.txt.

    More than half of the archive's images are in neither list. They are not used.

    Raises:
        UserError: a list is missing or malformed, or most of the listed images do not exist.
    """
    lists = ListFiles(archive, TRAIN, TEST)
    train, valid = _read_list(lists, TRAIN), _read_list(lists, TEST)
    classes = sorted({scene for scene, _ in (*train, *valid)})
    return label_files(archive, classes, _label(classes, train), _label(classes, valid))


def _read_list(lists: ListFiles, name: str) -> list[tuple[str, str]]:
    """Return the class and the file of each image in a list."""
    images = []
    for line in lists.lines(name):
        scene, _, file = line.partition("/")
        if not scene or not file:
            raise unofficial(lists.path, f"{name} has the line {line[:80]!r}, which is not CLASS/FILE")
        images.append((scene, file))
    return images


def _label(classes: Sequence[str], images: Sequence[tuple[str, str]]) -> list[Item]:
    labels = {scene: label for label, scene in enumerate(classes)}
    return [Item(f"Images/{scene}/{file}", labels[scene]) for scene, file in images]
