"""Reading Stanford Dogs (Khosla et al., 2011): two MATLAB files list the images and the numbers of their breeds."""

from advkd.data.archives.members import Archive
from advkd.data.readers import matlab
from advkd.data.readers.labelled import Item, Labelled, of_files, wrong
from advkd.data.readers.lists import Lists


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
    try:
        files, numbers = matlab.load(lists[name], ("file_list", "labels"))
    except ValueError as error:
        raise wrong(lists.path, f"{name} is {error}") from error
    whole = all(isinstance(number, int | float) and number >= 1 and number % 1 == 0 for number in numbers)
    if len(files) != len(numbers) or not whole or not all(isinstance(file, str) for file in files):
        raise wrong(lists.path, f"the labels of {name} are not one whole number from 1 for each of its files")
    return list(zip(files, map(int, numbers), strict=True))
