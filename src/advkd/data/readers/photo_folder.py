"""Reads any folder of images for GANs: every subfolder is a class, or the whole folder is one class."""

from pathlib import Path, PurePosixPath

from advkd.data.archives.archive import Archive
from advkd.data.archives.checked_archive import CheckedArchive
from advkd.data.archives.record import open_folder
from advkd.data.faults import Faults
from advkd.data.images import IMAGE_SUFFIXES, read_header
from advkd.data.photos import Box, Photo
from advkd.data.readers.split_folders import find_parts
from advkd.data.scenes import scene_of
from advkd.errors import UserError
from advkd.progress import say

MOST_KINDS = 8  # suffixes named in a message


def read_photo_folder(
    path: Path, faults: Faults, links: bool = False
) -> tuple[CheckedArchive, list[Photo], tuple[str, ...]]:
    """Return the files of a folder, its images as photos with one box each, and the names of the classes.

    Images are found in all subfolders, by their suffix in upper or lower case. Hidden files are left out. With `links`,
    linked folders and links out of the folder are followed, otherwise they are left out. The class of an image is the
    first folder below `path`; classes are sorted by name. Images directly in `path` are one class, named like the
    folder.

    Sizes are those of the photos as their EXIF tags turn them. An image that cannot be read is added to `faults` and
    has no box; every image is noted there.

    Raises:
        UserError: `path` is not a folder, holds no images, holds images both directly and in subfolders, or
            holds the parts of a split.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{path} is not a folder of images")
    archive = open_folder(path, links)
    names = image_names(archive)
    if not names:
        raise UserError(f"{path} holds no images (none of {', '.join(IMAGE_SUFFIXES)})")
    loose = [name for name in names if "/" not in name]
    if loose and len(loose) < len(names):
        raise UserError(
            f"{path} holds images in subfolders, which are classes, and beside them ({loose[0]}): move these"
        )
    if not loose and find_parts({name.split("/")[0] for name in names}, names, path):
        raise UserError(f"{path} holds the parts of a split, not classes: name one of them in `folders`")
    folders = [path.resolve().name] if loose else sorted({PurePosixPath(name).parts[0] for name in names})
    labels = {folder: label for label, folder in enumerate(folders)}
    photos = []
    for name in names:
        label = 0 if loose else labels[PurePosixPath(name).parts[0]]
        faults.see([name])
        try:
            width, height = read_header(archive, name).upright
        except UserError as error:
            faults.add(name, str(error))
            photos.append(Photo(name, None))
            continue
        photos.append(Photo(name, (width, height), (Box(0, 0, width, height, (label,)),), scene_of(name)))
    return archive, photos, tuple(folders)


def image_names(archive: Archive) -> list[str]:
    """Return the sorted names of the files with a suffix of images."""
    return [name for name in archive.names() if PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES]


def count_unread(archive: Archive) -> dict[str, int]:
    """Return how many files of a user's folder are not read, by their suffix ("" for none), and say so if there are."""
    unread: dict[str, list[str]] = {}
    for name in archive.names():
        suffix = PurePosixPath(name).suffix.lower()
        if suffix not in IMAGE_SUFFIXES:
            unread.setdefault(suffix, []).append(name)
    if unread:
        kinds = [f"{len(of)} {suffix or 'without a suffix'} ({of[0]!r})" for suffix, of in sorted(unread.items())]
        more = f" and {len(kinds) - MOST_KINDS} other suffixes" if len(kinds) > MOST_KINDS else ""
        say(
            f"{archive.path}: files that are not called like images are left out: {', '.join(kinds[:MOST_KINDS])}{more}"
            f"; images are {', '.join(IMAGE_SUFFIXES)}"
        )
    return {suffix: len(of) for suffix, of in sorted(unread.items())}
