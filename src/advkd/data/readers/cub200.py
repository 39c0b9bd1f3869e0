"""Reading CUB-200-2011 (Wah et al., 2011): four lists that number images and classes."""

from advkd.data.archives.members import Archive
from advkd.data.readers.labelled import Item, Labelled, of_files, wrong
from advkd.data.readers.lists import Lists


def read(archive: Archive) -> Labelled:
    """Return the data set: classes by their number, images in the order of images.txt, the published split.

    Raises:
        UserError: a list is missing or malformed, the lists disagree, or name an image that is not there.
    """
    lists = Lists(archive, "classes.txt", "images.txt", "image_class_labels.txt", "train_test_split.txt")
    names, images = lists.table("classes.txt"), lists.table("images.txt")
    classes, split = lists.table("image_class_labels.txt"), lists.table("train_test_split.txt")
    for other, found in (("image_class_labels.txt", classes), ("train_test_split.txt", split)):
        if unpaired := sorted(images.keys() ^ found.keys()):
            raise wrong(archive.path, f"image {unpaired[0][:80]!r} is in only one of images.txt and {other}")
    if strange := sorted(set(split.values()) - {"0", "1"}):
        raise wrong(archive.path, f"train_test_split.txt says {strange[0][:80]!r} of an image, neither 0 nor 1")
    strange = [key for key in (*names, *classes.values()) if key not in names or not key.isdecimal()]
    if strange:
        raise wrong(archive.path, f"{strange[0][:80]!r} is no number of a class in classes.txt")
    numbers = sorted(names, key=int)
    labels = {number: label for label, number in enumerate(numbers)}
    parts: dict[str, list[Item]] = {"1": [], "0": []}
    for key, name in images.items():
        parts[split[key]].append(Item(f"images/{name}", labels[classes[key]]))
    return of_files(archive, (names[number] for number in numbers), parts["1"], parts["0"])
