"""Reads Stanford Dogs (Khosla et al., 2011), whose two MATLAB files list the images and the numbers of their breeds."""

from collections.abc import Mapping, Sequence

from advkd.data.archives.archive import Archive
from advkd.data.readers.labelled import Item, LabelledImages, label_files, unofficial
from advkd.data.readers.lists import ListFiles
from advkd.data.readers.matlab import load_variables

TRAIN, TEST = "train_list.mat", "test_list.mat"


def read_stanford_dogs(archive: Archive) -> LabelledImages:
    """Return the data set: classes in the order of their numbers, named like their folders; images in the lists' order.

    Raises:
        UserError: a list is missing or malformed, a number has two folders, or most images do not exist.
    """
    lists = ListFiles(archive, TRAIN, TEST)
    train, valid = _read_list(lists, TRAIN), _read_list(lists, TEST)
    folders: dict[int, str] = {}
    for file, number in (*train, *valid):
        folder = file.partition("/")[0]
        if folders.setdefault(number, folder) != folder:
            raise unofficial(archive.path, f"breed {number} is both {folders[number][:80]!r} and {folder[:80]!r}")
    numbers = sorted(folders)
    labels = {number: label for label, number in enumerate(numbers)}
    classes = [folders[number] for number in numbers]
    return label_files(archive, classes, _label(labels, train), _label(labels, valid))


def _read_list(lists: ListFiles, name: str) -> list[tuple[str, int]]:
    """Return the file and the number of the breed of each image in a list."""
    try:
        files, numbers = load_variables(lists[name], ("file_list", "labels"))
    except ValueError as error:
        raise unofficial(lists.path, f"{name} is {error}") from error
    whole = all(isinstance(number, int | float) and number >= 1 and number % 1 == 0 for number in numbers)
    if len(files) != len(numbers) or not whole or not all(isinstance(file, str) for file in files):
        raise unofficial(lists.path, f"the labels of {name} are not one whole number from 1 for each of its files")
    return list(zip(files, map(int, numbers), strict=True))


def _label(labels: Mapping[int, int], images: Sequence[tuple[str, int]]) -> list[Item]:
    return [Item(f"Images/{file}", labels[number]) for file, number in images]
