"""Reads FGVC-Aircraft (Maji et al., arXiv:1306.5151).

Choices:
    - [aikd: Table 1] Printed: FGVC-Aircraft has 3,334 validation images. Here: 3,333. Why: the data set's own count.
    - [aikd] Open: FGVC-Aircraft's split. Here: trained on trainval, evaluated on test, 100 variants.
    - [aikd] Open: the lowest 20 rows of FGVC-Aircraft's images, a banner that credits the photographer. Here: kept
      (`banner`). Why: torchvision's loader keeps them; other users' code removes them.
"""

from dataclasses import replace

from advkd.data.archives.archive import Archive
from advkd.data.images import Decoded
from advkd.data.readers.labelled import Item, LabelledImages, label_files, unofficial
from advkd.data.readers.lists import ListFiles
from advkd.errors import UserError

VARIANTS = "data/variants.txt"
TRAIN = "data/images_variant_trainval.txt"
TEST = "data/images_variant_test.txt"
BANNER = 20  # rows of pixels


def read_fgvc_aircraft(archive: Archive) -> LabelledImages:
    """Return the data set: classes in the order of variants.txt, images in the order of the split's lists.

    Raises:
        UserError: a list is missing or malformed, or names an unknown variant, or most images do not exist.
    """
    lists = ListFiles(archive, VARIANTS, TRAIN, TEST)
    classes = lists.lines(VARIANTS)
    labels = {name: label for label, name in enumerate(classes)}
    return label_files(archive, classes, _read_items(lists, TRAIN, labels), _read_items(lists, TEST, labels))


def without_banner(images: LabelledImages) -> LabelledImages:
    """Return the data set with images that lack the banner at the bottom.

    Decoding an image raises a UserError if it has no rows beside the banner.
    """

    def decode(name: str) -> Decoded:
        decoded = images.decode(name)
        if len(decoded.pixels) <= BANNER:
            raise UserError(f"{name} has {len(decoded.pixels)} rows, and the banner at its bottom {BANNER}")
        return decoded._replace(pixels=decoded.pixels[:-BANNER])

    return replace(images, decode=decode)


def _read_items(lists: ListFiles, file: str, labels: dict[str, int]) -> list[Item]:
    items = []
    for image, variant in lists.rows(file, 2):
        if variant not in labels:
            raise unofficial(lists.path, f"{file} has {image[:80]!r} of {variant[:80]!r}, which {VARIANTS} lacks")
        items.append(Item(f"data/images/{image}.jpg", labels[variant]))
    return items
