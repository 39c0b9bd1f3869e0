"""The interface for reading the files of a data set in place, whether they are packed or extracted.

File names are relative to the data set's official folder (`original_dataset` for CODEBRIM), so an archive and its
extracted folder contain the same names.
"""

import abc
import hashlib
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from advkd.errors import UserError

# Upper limits in bytes, because a crafted archive can claim any size. No photo comes near the first one.
LARGEST_FILE = 1 << 29
# Lists and annotations take many times their size in memory once they are parsed.
LARGEST_LIST = 1 << 24
CHUNK = 1 << 20  # bytes read at a time
# What the readers of archives raise when the bytes are damaged.
DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError,
    OSError,
)  # fmt: skip


class Entry(NamedTuple):
    """The size in bytes and the CRC-32 of one file."""

    size: int
    crc: int


class Archive(abc.ABC):
    """Base class for a set of files that are read by name.

    Attributes:
        kind: "zip", "tar", "folder" or "joined".
        path: the archive or folder; of joined archives the first one.
    """

    kind: str

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @abc.abstractmethod
    def names(self) -> list[str]:
        """Return the sorted names of the regular files, with `/` between folders."""

    @abc.abstractmethod
    def open(self, name: str) -> BinaryIO:
        """Open one file for reading. Damaged bytes raise an error only when they are read."""

    @abc.abstractmethod
    def entry(self, name: str) -> Entry:
        """Return the size and the CRC-32 of one file."""

    def order(self, names: Iterable[str]) -> list[str]:
        """Return `names` in the order in which they are fastest to read; by default unchanged."""
        return list(names)

    def read(self, name: str, most: int = LARGEST_FILE) -> bytes:
        """Return the bytes of one file.

        Raises:
            UserError: the file is damaged, or larger than `most` bytes.
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

        An archive and its extracted folder have the same digest. The CRC-32 of a zip archive are taken from its
        directory (reading a file checks them later); otherwise they are computed from the bytes.
        """
        tree = hashlib.sha256()
        for name in self.names():
            entry = self.entry(name)
            # Python represents the bytes of a name that is not UTF-8 as surrogates.
            tree.update(f"{name}\t{entry.size}\t{entry.crc:08x}\n".encode(errors="surrogateescape"))
        return tree.hexdigest()

    def suffixes(self) -> Counter[str]:
        """Return the number of files of each suffix, in lower case and without the dot."""
        counts: Counter[str] = Counter()
        for name in self.names():
            file = name.rpartition("/")[2]
            if "." in file:
                counts[file.rpartition(".")[2].lower()] += 1
        return counts

    def folders(self, parent: str) -> set[str]:
        """Return the names of the folders directly in `parent` (which ends in `/`) that contain files."""
        below = (name.removeprefix(parent) for name in self.names() if name.startswith(parent))
        return {name.partition("/")[0] for name in below if "/" in name}


def measure(file: BinaryIO) -> Entry:
    """Return the size and the CRC-32 of the remaining bytes of `file`."""
    size = crc = 0
    while chunk := file.read(CHUNK):
        size, crc = size + len(chunk), zlib.crc32(chunk, crc)
    return Entry(size, crc)
