"""Any folder of images as a data set: every subfolder a class, or the whole folder one class."""

from pathlib import Path, PurePosixPath

from advkd.data import images
from advkd.data.archives.members import Archive, FolderArchive
from advkd.data.photos import Box, Photo
from advkd.errors import UserError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def read(path: Path) -> tuple[Archive, list[Photo], tuple[str, ...]]:
    """Return the files of the folder `path`, its images as photos of one box each, and the class names.

    Images are found in all folders below, by their suffix in any case; hidden files, linked folders and links out of
    the folder are left out. The class is the first folder below `path`, classes sorted by name; images that lie in
    `path` itself are one class, named like the folder.

    Raises:
        UserError: no folder, no image in it, images both beside and in subfolders, or an image that cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{path} is not a folder of images")
    archive = FolderArchive(path)
    names = [name for name in archive.names() if PurePosixPath(name).suffix.lower() in SUFFIXES]
    if not names:
        raise UserError(f"{path} holds no images (none of {', '.join(SUFFIXES)})")
    folders = sorted({PurePosixPath(name).parts[0] if "/" in name else "" for name in names})
    if "" in folders and len(folders) > 1:
        loose = next(name for name in names if "/" not in name)
        raise UserError(f"{path} holds images in subfolders, which are classes, and beside them ({loose}): move these")
    labels = {name: label for label, name in enumerate(folders)}
    photos = []
    for name in names:
        label = labels[PurePosixPath(name).parts[0]] if folders != [""] else 0
        width, height = images.size(archive, name)
        photos.append(Photo(name, (width, height), (Box(0, 0, width, height, (label,)),)))
    classes = (path.resolve().name,) if folders == [""] else tuple(folders)
    return archive, photos, classes
