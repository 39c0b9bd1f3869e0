"""An extracted folder, or a user's folder of images, as an archive.

Nobody can say where the links in a downloaded folder lead. So they are only followed out of the folder where the user
says so, as for images that a group keeps in one place.

Images that `advkd synthesize --into` drew into a folder are no photos: they are never among its files.
"""

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from advkd.data.archives.archive import Archive
from advkd.data.archives.members import is_hidden, refuse_missing
from advkd.errors import UserError
from advkd.opening import open_file
from advkd.progress import say

SYNTHETIC = (
    "synthetic"  # the folder of generated images in a folder of images; data/synthetic_folder.py says what it holds
)
DECLARATION = "generators.json"  # without this file in it, it is a folder as any other


class FolderArchive(Archive):
    """The files in a folder, which may be a link itself, and in its subfolders. Hidden files are left out.

    Pipes, sockets and devices are left out too, with a message. So are declared generated images, without one.

    Args:
        path: the folder.
        only: the names of the files to use; empty: all.
        quiet: whether to say nothing of what is left out.
        links: whether links to folders and out of the folder are followed; otherwise they are left out, with a message.

    Raises:
        UserError: one of `only` is missing, or a subfolder cannot be read.
    """

    kind = "folder"

    def __init__(self, path: Path, only: Collection[str] = (), quiet: bool = False, links: bool = False) -> None:
        super().__init__(path)
        if only:
            refuse_missing(path, [name for name in only if not (path / name).is_file()])
            self._names = sorted(only)
            return
        root = path.resolve()
        found = list(_walk(root, links, {SYNTHETIC} if has_synthetic(root) else set()))
        self._names = sorted(name for name, used in found if used)
        left_out = sum(not used and (root / name).is_symlink() for name, used in found)
        no_files = len(found) - len(self._names) - left_out
        if no_files and not quiet:
            say(f"{path}: {no_files} that are no files (pipes, sockets, devices) are left out")
        if left_out and not quiet:
            what = (
                "that lead nowhere, or back to a folder in which they are, are left out"
                if links
                else "to folders or out of the folder are left out; to follow them, name the data set in `links`"
            )
            say(f"{path}: {left_out} links {what}")

    def names(self) -> list[str]:
        """Return the sorted names of the files."""
        return list(self._names)

    def open(self, name: str) -> BinaryIO:
        """Open a file."""
        return open_file(self.path / name)


def has_synthetic(folder: Path) -> bool:
    """Tell whether a folder of images has declared generated images."""
    return (folder / SYNTHETIC / DECLARATION).is_file()


def _walk(root: Path, links: bool, without: Collection[str]) -> Iterator[tuple[str, bool]]:
    """Yield the name of whatever is below a folder but folders that are entered, and whether it is used."""
    pending = [("", frozenset([_identity(root)]))]
    while pending:
        prefix, above = pending.pop()
        try:
            names = [entry.name for entry in (root / prefix).iterdir()]
        except OSError as error:
            raise UserError(f"cannot read the folder {root / prefix} ({error.strerror}): correct or move it") from error
        for name in (prefix + entry for entry in names):
            path = root / name
            if is_hidden(name) or name in without:
                continue
            is_link = path.is_symlink()
            if path.is_dir():
                identity = _identity(path)
                if is_link and (not links or identity in above):
                    yield name, False
                else:
                    pending.append((f"{name}/", above | {identity}))
            elif is_link:
                # os.path.realpath, because Path.resolve fails on a link to itself.
                leads_inside = Path(os.path.realpath(path)).is_relative_to(root)
                yield name, (links or leads_inside) and path.is_file()
            else:
                yield name, path.is_file()


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
