"""Reading the files of a zip archive or of an extracted folder in place, by the same names.

Names are relative to the official folder (`original_dataset` for CODEBRIM), so that an archive and its extraction
look alike. Hidden files and `__MACOSX` are no part of a data set: macOS adds them when it packs and unpacks.
"""

import abc
import hashlib
import io
import itertools
import os
import re
import stat
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import BinaryIO, NamedTuple

from advkd.errors import UserError
from advkd.progress import say

WRAP = 1 << 32
LARGEST = 1 << 29  # bytes of one member; no photo comes near, and a crafted archive could claim anything
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError)


class Entry(NamedTuple):
    """One regular file: its size in bytes and its CRC-32."""

    size: int
    crc: int


class Archive(abc.ABC):
    """Files by name; `ZipArchive` and `FolderArchive` say where they lie.

    `kind` is "zip" or "folder".
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

    def read(self, name: str) -> bytes:
        """Return the bytes of one file.

        Raises:
            UserError: the file is damaged, or larger than `LARGEST`.
        """
        try:
            with self.open(name) as file:
                data = file.read(LARGEST + 1)
        except DAMAGED as error:
            raise UserError(f"{name} in {self.path} is damaged ({error}): get the archive again") from error
        if len(data) > LARGEST:
            raise UserError(f"{name} in {self.path} is larger than {LARGEST >> 20} MiB: not a file of this data set")
        return data

    def digest(self) -> str:
        """Return the SHA-256 over the sorted lines "name, size, CRC-32" of the files, tab-separated.

        For a zip archive the CRC-32 come from its directory (reading a file later checks them against the bytes), for
        a folder from the bytes, so that an archive and its extraction have the same digest.
        """
        tree = hashlib.sha256()
        for name in self.names():
            entry = self.entry(name)
            tree.update(f"{name}\t{entry.size}\t{entry.crc:08x}\n".encode())
        return tree.hexdigest()

    def suffixes(self) -> Counter[str]:
        """Return how many files have each suffix, in lower case and without its dot."""
        return Counter(name.rpartition(".")[2].lower() for name in self.names() if "." in name.rpartition("/")[2])


class ZipArchive(Archive):
    """The files below `folder` in the zip archive `path`, read in place; ZIP64 and offsets cut to 32 bits included.

    Raises:
        UserError: no readable zip archive, unsafe members, or no folder `folder` in it.
    """

    kind = "zip"

    def __init__(self, path: Path, folder: str) -> None:
        super().__init__(path)
        try:
            self._zip = zipfile.ZipFile(path)
            infos = self._zip.infolist()
            for info in infos:
                _refuse_unsafe(path, info)
            if len({info.filename for info in infos}) != len(infos):
                raise UserError(f"{path} holds two members of the same name: not an archive to be trusted")
            if path.stat().st_size > WRAP:
                infos = _undo_wrap(path, infos)
        except DAMAGED as error:
            raise UserError(f"{path} is no complete zip archive ({error}): delete it and get it again") from error
        prefix = _official(path, [info.filename for info in infos if not info.is_dir()], folder)
        inside = {info.filename.removeprefix(prefix): info for info in infos if info.filename.startswith(prefix)}
        self._infos = {name: info for name, info in inside.items() if not info.is_dir() and not _is_hidden(name)}

    def names(self) -> list[str]:
        """Return the sorted names of the members."""
        return sorted(self._infos)

    def open(self, name: str) -> BinaryIO:
        """Open a member."""
        return self._zip.open(self._infos[name])

    def entry(self, name: str) -> Entry:
        """Return what the archive's directory says of a member."""
        info = self._infos[name]
        return Entry(info.file_size, info.CRC)


class FolderArchive(Archive):
    """The files of the folder `path` and the folders in it.

    Links that lead out of the folder, and linked folders, are left out, which `say` tells.
    """

    kind = "folder"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        root, self._names, left_out = path.resolve(), [], 0
        for place, folders, files in os.walk(root):
            left_out += sum(Path(place, name).is_symlink() for name in folders)
            for file in (Path(place, name) for name in files):
                name = file.relative_to(root).as_posix()
                if _is_hidden(name):
                    continue
                if file.is_symlink() and not file.resolve().is_relative_to(root):
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
        size = crc = 0
        try:
            with self.open(name) as file:
                while chunk := file.read(io.DEFAULT_BUFFER_SIZE * 64):
                    size, crc = size + len(chunk), zlib.crc32(chunk, crc)
        except OSError as error:
            raise UserError(f"cannot read {self.path / name}: {error.strerror}") from error
        return Entry(size, crc)


def open_archive(path: Path, folder: str) -> Archive:
    """Return the files of the zip archive `path` below its folder `folder`, or of the extracted folder `path`."""
    path = Path(path)
    return FolderArchive(path) if path.is_dir() else ZipArchive(path, folder)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _refuse_unsafe(path: Path, info: zipfile.ZipInfo) -> None:
    name = info.orig_filename
    mode = stat.S_IFMT(info.external_attr >> 16)
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or "\\" in name or "\0" in name:
        fault = "an absolute or foreign path"
    elif ".." in name.split("/"):
        fault = "a path that leads out of the archive"
    elif mode not in (0, stat.S_IFREG, stat.S_IFDIR):
        fault = "a link or a device"
    elif info.flag_bits & 1:
        fault = "an encrypted file"
    else:
        return
    raise UserError(f"{path} holds {fault}, {name!r}: not an archive to be trusted")


def _official(path: Path, names: list[str], folder: str) -> str:
    """Return the prefix, ending in `/`, under which the official folder lies; the one nearest the top."""
    prefixes = set()
    for name in names:
        parts = name.split("/")[:-1]
        if folder in parts and "__MACOSX" not in parts:
            prefixes.add(tuple(parts[: parts.index(folder) + 1]))
    if not prefixes:
        raise UserError(f"{path} holds no folder {folder!r}: not the official archive")
    return "/".join(min(prefixes, key=lambda parts: (len(parts), parts))) + "/"


def _undo_wrap(path: Path, infos: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Return `infos` with the places of the members in an archive of more than 4 GiB found again.

    The archiver of macOS writes no ZIP64 but the lower 32 bits of every offset; zipfile then misplaces the first or
    the last members by a multiple of 4 GiB. A member lies where its local header, with its name, is found.
    """
    found = []
    with path.open("rb") as file:
        size = path.stat().st_size
        for info in infos:
            utf8 = info.flag_bits & 0x800
            name = info.orig_filename.encode("utf-8" if utf8 else "cp437")
            for offset in range(info.header_offset % WRAP, size, WRAP):
                file.seek(offset)
                header = file.read(30 + len(name))
                if header.startswith(b"PK\3\4") and header[30:] == name:
                    break
            else:
                raise zipfile.BadZipFile(f"no header of {info.filename}")
            placed = zipfile.ZipInfo(info.orig_filename, info.date_time)
            for key in ("compress_type", "flag_bits", "CRC", "compress_size", "file_size", "external_attr"):
                setattr(placed, key, getattr(info, key))
            placed.header_offset = offset
            found.append(placed)
    found.sort(key=lambda info: info.header_offset)
    for first, second in itertools.pairwise(found):
        if first.header_offset + 30 + first.compress_size > second.header_offset:
            raise zipfile.BadZipFile(f"{first.filename} and {second.filename} overlap")
    return found
