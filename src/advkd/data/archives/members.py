"""The files of an archive or of an extracted folder, read in place by the same names.

Names are relative to the official folder (`original_dataset` for CODEBRIM), so that an archive and its extraction
look alike. Hidden files and `__MACOSX` are no part of a data set: macOS adds them when it packs and unpacks.
"""

import abc
import hashlib
import lzma
import os
import re
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

from advkd.errors import UserError
from advkd.progress import say

T = TypeVar("T")
LARGEST = 1 << 29  # bytes of one member; no photo comes near, and a crafted archive could claim anything
LONGEST_LIST = 1 << 24  # bytes of a list or an annotation, which take many times their size once they are parsed
CHUNK = 1 << 20
DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError,
    OSError,
)  # fmt: skip


class Entry(NamedTuple):
    """One regular file: its size in bytes and its CRC-32."""

    size: int
    crc: int


class Archive(abc.ABC):
    """Files by name; the subclasses say where they lie.

    `kind` is "zip", "tar", "folder" or "joined"; `path` is the archive or folder, of joined ones the first.
    """

    kind: str

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @abc.abstractmethod
    def names(self) -> list[str]:
        """Return the names of the regular files, sorted, with `/` between folders."""

    @abc.abstractmethod
    def open(self, name: str) -> BinaryIO:
        """Open one file for reading; what is wrong with its bytes shows while it is read."""

    @abc.abstractmethod
    def entry(self, name: str) -> Entry:
        """Return size and CRC-32 of one file."""

    def order(self, names: Iterable[str]) -> list[str]:
        """Return `names` in the order in which they are cheapest to read; here, as given."""
        return list(names)

    def read(self, name: str, most: int = LARGEST) -> bytes:
        """Return the bytes of one file.

        Raises:
            UserError: the file is damaged, or larger than `most`.
        """
        try:
            with self.open(name) as file:
                data = file.read(most + 1)
        except DAMAGED as error:
            raise UserError(f"{name} in {self.path} is damaged ({error}): get the archive again") from error
        if len(data) > most:
            raise UserError(f"{name} in {self.path} is larger than {most >> 20} MiB: not a file of this data set")
        return data

    def digest(self) -> str:
        """Return the SHA-256 over the sorted lines "name, size, CRC-32" of the files, tab-separated.

        For a zip archive the CRC-32 come from its directory (reading a file later checks them against the bytes),
        otherwise from the bytes, so that an archive and its extraction have the same digest.
        """
        tree = hashlib.sha256()
        for name in self.names():
            entry = self.entry(name)
            # names that are no UTF-8 are surrogates here, as Python reads them from folders and from tars
            tree.update(f"{name}\t{entry.size}\t{entry.crc:08x}\n".encode(errors="surrogateescape"))
        return tree.hexdigest()

    def suffixes(self) -> Counter[str]:
        """Return how many files have each suffix, in lower case and without its dot."""
        return Counter(name.rpartition(".")[2].lower() for name in self.names() if "." in name.rpartition("/")[2])

    def folders(self, parent: str) -> set[str]:
        """Return the names of the folders with files in them, right below the folder `parent`, which ends in `/`."""
        below = (name.removeprefix(parent) for name in self.names() if name.startswith(parent))
        return {name.partition("/")[0] for name in below if "/" in name}


class FolderArchive(Archive):
    """The files of the folder `path` and the folders in it, or, if `only` names some, only these.

    Links that lead out of the folder, and linked folders, are left out, which `say` tells.

    Raises:
        UserError: one of `only` is missing.
    """

    kind = "folder"

    def __init__(self, path: Path, only: Collection[str] = ()) -> None:
        super().__init__(path)
        if only:
            refuse_missing(path, [name for name in only if not (path / name).is_file()])
            self._names = sorted(only)
            return
        root, self._names, left_out = path.resolve(), [], 0
        for place, folders, files in os.walk(root):
            left_out += sum(Path(place, name).is_symlink() for name in folders)
            for file in (Path(place, name) for name in files):
                name = file.relative_to(root).as_posix()
                if is_hidden(name):
                    continue
                # realpath: Path.resolve fails at a link to itself
                if file.is_symlink() and not Path(os.path.realpath(file)).is_relative_to(root):
                    left_out += 1
                elif file.is_file():
                    self._names.append(name)
        self._names.sort()
        if left_out:
            say(f"{path}: {left_out} links to folders or out of the folder are left out")

    def names(self) -> list[str]:
        """Return the sorted names of the files."""
        return list(self._names)

    def open(self, name: str) -> BinaryIO:
        """Open a file."""
        return (self.path / name).open("rb")

    def entry(self, name: str) -> Entry:
        """Read a file for its size and CRC-32.

        Raises:
            UserError: it cannot be read.
        """
        try:
            with self.open(name) as file:
                return measure(file)
        except OSError as error:
            raise UserError(f"cannot read {self.path / name}: {error.strerror}") from error


def measure(file: BinaryIO) -> Entry:
    """Return size and CRC-32 of the bytes that are left in `file`."""
    size = crc = 0
    while chunk := file.read(CHUNK):
        size, crc = size + len(chunk), zlib.crc32(chunk, crc)
    return Entry(size, crc)


def below(path: Path, members: Mapping[str, T], folder: str | None, only: Collection[str]) -> dict[str, T]:
    """Return the members of the archive `path` that belong to the data set, by their names in the official folder.

    Args:
        path: for messages.
        members: the regular files of the archive by their names in it.
        folder: the official folder, wherever in the archive it lies (the one nearest the top); None: the top itself.
        only: the names of the files that are wanted, or empty: all that are not hidden.

    Raises:
        UserError: the folder, or one of `only`, is missing.
    """
    prefix = _prefix(path, members, folder) if folder else ""
    inside = {name.removeprefix(prefix): member for name, member in members.items() if name.startswith(prefix)}
    if only:
        refuse_missing(path, [name for name in only if name not in inside])
        return {name: inside[name] for name in only}
    return {name: member for name, member in inside.items() if not is_hidden(name)}


def is_hidden(name: str) -> bool:
    """Return whether a file is none of the data set's: hidden, or what macOS adds."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def refuse_missing(path: Path, names: Collection[str]) -> None:
    """Raise a UserError if there are `names`, which `path` should hold."""
    if names:
        raise UserError(f"{path} lacks {', '.join(names)}: not the official data, or not all of them")


def refuse_unsafe(path: Path, name: str, special: bool) -> None:
    """Raise a UserError if an archive's member could do harm when extracted: by its name, or as it is `special`."""
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or "\\" in name or "\0" in name:
        fault = "an absolute or foreign path"
    elif ".." in name.split("/"):
        fault = "a path that leads out of the archive"
    elif special:
        fault = "a link or a device"
    else:
        return
    raise distrust(path, f"{fault}, {name!r}")


def distrust(path: Path, fault: str) -> UserError:
    """Return the error of an archive that holds a `fault` which no official one has."""
    return UserError(f"{path} holds {fault}: not an archive to be trusted")


def _prefix(path: Path, names: Iterable[str], folder: str) -> str:
    prefixes = set()
    for name in names:
        parts = name.split("/")[:-1]
        if folder in parts and "__MACOSX" not in parts:
            prefixes.add(tuple(parts[: parts.index(folder) + 1]))
    if not prefixes:
        raise UserError(f"{path} holds no folder {folder!r}: not the official archive")
    return "/".join(min(prefixes, key=lambda parts: (len(parts), parts))) + "/"
