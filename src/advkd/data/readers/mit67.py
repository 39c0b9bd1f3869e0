"""Reading MIT Indoor Scenes (Quattoni and Torralba, CVPR 2009): two lists of the images that are used."""

from advkd.data.archives.members import Archive
from advkd.data.readers.labelled import Item, Labelled, of_files, wrong
from advkd.data.readers.lists import Lists


def read(archive: Archive) -> Labelled:
    """Return the data set: classes by name, images in the order of TrainImages.txt and TestImages.txt.

    The archive's other images, more than half of it, belong to neither part.

    Raises:
        UserError: a list is missing or malformed, or names an image that is not there.
    """
    lists = Lists(archive, "TrainImages.txt", "TestImages.txt")
    train, valid = (_part(lists, name) for name in ("TrainImages.txt", "TestImages.txt"))
    classes = sorted({scene for scene, _ in (*train, *valid)})
    labels = {scene: label for label, scene in enumerate(classes)}
    parts = ([Item(f"Images/{scene}/{file}", labels[scene]) for scene, file in part] for part in (train, valid))
    return of_files(archive, classes, *parts)


def _part(lists: Lists, name: str) -> list[tuple[str, str]]:
    found = []
    for (line,) in lists.rows(name, 1):
        scene, _, file = line.partition("/")
        if not scene or not file:
            raise wrong(lists.path, f"{name} has the line {line[:80]!r}, which is not CLASS/FILE")
        found.append((scene, file))
    return found
