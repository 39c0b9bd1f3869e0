"""Reads CUB-200-2011 (Wah et al., 2011). Four lists give the images, the classes and the split by number."""

from advkd.data.archives.archive import Archive
from advkd.data.readers.labelled import Item, LabelledImages, label_files, unofficial
from advkd.data.readers.lists import ListFiles


def read_cub200(archive: Archive) -> LabelledImages:
    """Return the data set: classes in the order of their numbers, images in the order of images.txt, official split.

    Raises:
        UserError: a list is missing or malformed, the lists disagree, or most of the images do not exist.
    """
    lists = ListFiles(archive, "classes.txt", "images.txt", "image_class_labels.txt", "train_test_split.txt")
    class_names, images = lists.mapping("classes.txt"), lists.mapping("images.txt")
    image_classes, split = lists.mapping("image_class_labels.txt"), lists.mapping("train_test_split.txt")
    for file, mapping in (("image_class_labels.txt", image_classes), ("train_test_split.txt", split)):
        if unpaired := sorted(images.keys() ^ mapping.keys()):
            raise unofficial(archive.path, f"image {unpaired[0][:80]!r} is in only one of images.txt and {file}")
    if unknown := sorted(set(split.values()) - {"0", "1"}):
        raise unofficial(archive.path, f"train_test_split.txt says {unknown[0][:80]!r} of an image, neither 0 nor 1")
    for number in (*class_names, *image_classes.values()):
        if number not in class_names or not number.isdecimal():
            raise unofficial(archive.path, f"{number[:80]!r} is not a number of a class in classes.txt")
    numbers = sorted(class_names, key=int)
    labels = {number: label for label, number in enumerate(numbers)}
    train: list[Item] = []
    valid: list[Item] = []
    for key, name in images.items():
        items = train if split[key] == "1" else valid
        items.append(Item(f"images/{name}", labels[image_classes[key]]))
    return label_files(archive, [class_names[number] for number in numbers], train, valid)
