"""Reading FGVC-Aircraft (Maji et al., arXiv:1306.5151).

Choices:
    - [aikd: Table 1] Printed: FGVC-Aircraft has 3,334 validation images. Here: 3,333. Why: the data set's own count.
    - [aikd] Open: FGVC-Aircraft's split. Here: trained on trainval, evaluated on test, 100 variants.
"""

from advkd.data.archives.members import Archive
from advkd.data.readers.labelled import Item, Labelled, of_files, wrong
from advkd.data.readers.lists import Lists


def read(archive: Archive) -> Labelled:
    """Return the data set: classes in the order of variants.txt, images in the order of the split's lists.

    Raises:
        UserError: a list is missing or malformed, or names a variant or an image that is not there.
    """
    variants, train, test = (
        f"data/{name}.txt" for name in ("variants", "images_variant_trainval", "images_variant_test")
    )
    lists = Lists(archive, variants, train, test)
    classes = [name for (name,) in lists.rows(variants, 1)]
    labels = {name: label for label, name in enumerate(classes)}

    def part(name: str) -> list[Item]:
        items = []
        for image, variant in lists.rows(name, 2):
            if variant not in labels:
                raise wrong(archive.path, f"{name} has {image[:80]!r} of {variant[:80]!r}, which {variants} lacks")
            items.append(Item(f"data/images/{image}.jpg", labels[variant]))
        return items

    return of_files(archive, classes, part(train), part(test))
