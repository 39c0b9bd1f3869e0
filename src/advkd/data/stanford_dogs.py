"""Reading Stanford Dogs (Khosla et al., 2011): two MATLAB files list the images and the numbers of their breeds."""

import io

import numpy as np

from advkd.data.labelled import Item, Labelled, of_files, wrong
from advkd.data.lists import Lists
from advkd.data.members import Archive


def read(archive: Archive) -> Labelled:
    """Return the data set: classes by their number in the lists, named by their folder; images in the lists' order.

    Raises:
        UserError: a list is missing or malformed, a number has two folders, or an image is listed that is not there.
    """
    lists = Lists(archive, "train_list.mat", "test_list.mat")
    train, valid = (_part(lists, name) for name in ("train_list.mat", "test_list.mat"))
    folders: dict[int, str] = {}
    for file, number in (*train, *valid):
        folder = file.partition("/")[0]
        if folders.setdefault(number, folder) != folder:
            raise wrong(archive.path, f"breed {number} is both {folders[number][:80]!r} and {folder[:80]!r}")
    numbers = sorted(folders)
    labels = {number: label for label, number in enumerate(numbers)}
    parts = ([Item(f"Images/{file}", labels[number]) for file, number in part] for part in (train, valid))
    return of_files(archive, (folders[number] for number in numbers), *parts)


def _part(lists: Lists, name: str) -> list[tuple[str, int]]:
    from scipy.io import loadmat  # slow to import, and no other data set needs it

    try:
        found = loadmat(io.BytesIO(lists[name]), variable_names=("file_list", "labels"))
        files = [str(cell.item()) for cell in found["file_list"].ravel()]
        numbers = found["labels"].ravel()
    except Exception as error:  # scipy raises whatever a damaged file leads it to
        raise wrong(lists.path, f"{name} is no MATLAB file with file_list and labels") from error
    whole = numbers.dtype.kind in "uif" and np.isfinite(numbers).all() and not (numbers % 1).any()
    if len(files) != len(numbers) or not whole or (numbers < 1).any():
        raise wrong(lists.path, f"the labels of {name} are not one whole number from 1 for each of its files")
    return list(zip(files, numbers.astype(int).tolist(), strict=True))
