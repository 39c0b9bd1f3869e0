"""Finds the images that a user names: files, folders and patterns."""

import glob
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from advkd.data.archives.folder_archive import FolderArchive
from advkd.data.images import IMAGE_SUFFIXES
from advkd.data.readers.photo_folder import image_names
from advkd.data.readers.split_folders import find_parts
from advkd.errors import UserError
from advkd.progress import say

MOST_NAMED = 5  # names in a message


def find_images(words: Iterable[str]) -> list[Path]:
    """Return the images that words name, each once, in the order of the words and by name within a folder.

    Args:
        words: files; folders, of which all images are taken that are called like images, also in subfolders; and
            patterns such as "photos/**/*.jpg".

    Raises:
        UserError: a word names nothing, or no word names an image.
    """
    words = list(words)
    found = list(dict.fromkeys(path for word in words for path in _named(word)))
    if not found:
        raise UserError(f"{' '.join(words)}: no images in there ({', '.join(IMAGE_SUFFIXES)})")
    return found


def _named(word: str) -> Iterator[Path]:
    path = Path(word)
    if path.is_dir():
        yield from _images_in(path)
    elif path.exists():
        yield path
    else:
        matches = [Path(match) for match in sorted(glob.glob(word, recursive=True))]  # noqa: PTH207  # any path
        if not matches:
            raise UserError(f"{word} is missing, and matches no file as a pattern")
        for match in matches:
            yield from _images_in(match) if match.is_dir() else [match]


def _images_in(folder: Path) -> list[Path]:
    return [folder / name for name in image_names(FolderArchive(folder))]


def find_labelled_images(folder: Path, classes: Sequence[str]) -> tuple[list[Path], list[int]]:
    """Return the images in a folder's class folders, and the number of each one's class.

    Args:
        folder: holds CLASS/*.jpg, or has an evaluation part that does, as val/CLASS/*.jpg beside train.
        classes: the names of the classes. Some may have no folder.

    Raises:
        UserError: `folder` is not a folder, holds no images, images outside class folders, or folders that are no
            classes.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder of images")
    names = image_names(FolderArchive(folder))
    if not names:
        raise UserError(f"{folder} holds no images ({', '.join(IMAGE_SUFFIXES)})")
    if any("/" in name for name in names) and not {name.split("/")[0] for name in names} & set(classes):
        parts = find_parts({name.split("/")[0] for name in names if "/" in name}, names, folder)
        if parts:
            say(f"{folder}: the evaluation part {parts[1]} is taken")
            return find_labelled_images(folder / parts[1], classes)
    loose = [name for name in names if "/" not in name]
    if loose:
        raise UserError(f"{folder} holds {loose[0]!r} outside the folders of the classes: move it into one")
    strange = sorted({name.split("/")[0] for name in names} - set(classes))
    if strange:
        raise UserError(
            f"{folder} holds images of {_listed(strange)}, which the classifier does not know: its classes are"
            f" {_listed(classes)}"
        )
    return [folder / name for name in names], [classes.index(name.split("/")[0]) for name in names]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(map(repr, names[:MOST_NAMED])) + more
