"""Reading Tiny-ImageNet (Le and Yang, 2015): a folder a class to train on, a list of the validation images.

The test images have no labels and are not used; the validation images are what papers evaluate on.
"""

from advkd.data.archives.members import Archive
from advkd.data.readers.labelled import Item, Labelled, of_files, wrong
from advkd.data.readers.lists import Lists


def read(archive: Archive) -> Labelled:
    """Return the data set: classes are the sorted WordNet ids.

    Training images come by class and name, which is the order of torchvision's ImageFolder; evaluation images in the
    order of val_annotations.txt.

    Raises:
        UserError: a list is missing or malformed, a class has no images, or an image is listed that is not there.
    """
    lists = Lists(archive, "wnids.txt", "val/val_annotations.txt")
    classes = sorted(wnid for (wnid,) in lists.rows("wnids.txt", 1))
    labels = {wnid: label for label, wnid in enumerate(classes)}
    train = []
    for name in archive.names():
        match name.split("/"):
            case ["train", wnid, "images", _]:
                if wnid not in labels:
                    raise wrong(archive.path, f"{name!r} is of a class that wnids.txt lacks")
                train.append(Item(name, labels[wnid]))
    valid = []
    for image, wnid, _ in lists.rows("val/val_annotations.txt", 3):
        if wnid not in labels:
            raise wrong(archive.path, f"{image[:80]!r} is of the class {wnid[:80]!r}, which wnids.txt lacks")
        valid.append(Item(f"val/images/{image}", labels[wnid]))
    return of_files(archive, classes, train, valid)
