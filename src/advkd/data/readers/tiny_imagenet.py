"""Reads Tiny ImageNet (Le and Yang, 2015): a folder of training images for each class, a list of validation images.

The test images have no labels and are not used. Papers evaluate on the validation images.
"""

from advkd.data.archives.archive import Archive
from advkd.data.readers.labelled import Item, LabelledImages, label_files, unofficial
from advkd.data.readers.lists import ListFiles

WNIDS, ANNOTATIONS = "wnids.txt", "val/val_annotations.txt"


def read_tiny_imagenet(archive: Archive) -> LabelledImages:
    """Return the data set, whose classes are the sorted WordNet ids.

    The training images are ordered by class and name, as by torchvision's ImageFolder; the evaluation images are in the
    order of val_annotations.txt.

    Raises:
        UserError: a list is missing or malformed, a class has no images, or most images do not exist.
    """
    lists = ListFiles(archive, WNIDS, ANNOTATIONS)
    classes = sorted(lists.lines(WNIDS))
    labels = {wnid: label for label, wnid in enumerate(classes)}
    train = []
    for name in archive.names():
        match name.split("/"):
            case ["train", wnid, "images", _]:
                if wnid not in labels:
                    raise unofficial(archive.path, f"{name!r} is of a class that wnids.txt lacks")
                train.append(Item(name, labels[wnid]))
    valid = []
    for image, wnid, _ in lists.rows(ANNOTATIONS, 3):
        if wnid not in labels:
            raise unofficial(archive.path, f"{image[:80]!r} is of the class {wnid[:80]!r}, which wnids.txt lacks")
        valid.append(Item(f"val/images/{image}", labels[wnid]))
    return label_files(archive, classes, train, valid)
