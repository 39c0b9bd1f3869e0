"""An extracted folder as an archive."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from advkd.data.archives.archive import Archive
from advkd.data.archives.members import is_hidden, refuse_missing
from advkd.progress import say


class FolderArchive(Archive):
    """The files in a folder and its subfolders.

    Linked folders and links that lead out of the folder are left out, with a message. Hidden files are left out.

    Args:
        path: the folder.
        only: the names of the files to use; empty: all.
        quiet: whether to say nothing of what is left out.

    Raises:
        UserError: one of `only` is missing.
    """

    kind = "folder"

    def __init__(self, path: Path, only: Collection[str] = (), quiet: bool = False) -> None:
        super().__init__(path)
        if only:
            refuse_missing(path, [name for name in only if not (path / name).is_file()])
            self._names = sorted(only)
            return
        root = path.resolve()
        names: list[str] = []
        left_out = 0
        for parent, folders, files in os.walk(root):
            left_out += sum(Path(parent, folder).is_symlink() for folder in folders)
            for file_name in files:
                file = Path(parent, file_name)
                name = file.relative_to(root).as_posix()
                if is_hidden(name):
                    continue
                # os.path.realpath, because Path.resolve fails on a link to itself.
                if file.is_symlink() and not Path(os.path.realpath(file)).is_relative_to(root):
                    left_out += 1
                elif file.is_file():
                    names.append(name)
        self._names = sorted(names)
        if left_out and not quiet:
            say(f"{path}: {left_out} links to folders or out of the folder are left out")

    def names(self) -> list[str]:
        """Return the sorted names of the files."""
        return list(self._names)

    def open(self, name: str) -> BinaryIO:
        """Open a file."""
        return (self.path / name).open("rb")
