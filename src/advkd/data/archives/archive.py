"""The interface for reading the files of a data set in place, whether they are packed or extracted.

File names are relative to the data set's official folder (`original_dataset` for CODEBRIM), so an archive and its
extracted folder contain the same names.
"""

import abc
import contextlib
import hashlib
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from advkd.errors import UserError

# Upper limits in bytes, because a crafted archive can claim any size. No photo comes near the first one.
LARGEST_FILE = 1 << 29
# Lists and annotations take many times their size in memory once they are parsed.
LARGEST_LIST = 1 << 24
# A compressed archive can grow to a thousand times its size. No data set comes near this size of all files.
LARGEST_TOTAL = 1 << 36
CHUNK = 1 << 20  # bytes read at a time
# What the readers of archives raise when the bytes are damaged.
DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError,
    OSError,
)  # fmt: skip


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

    def sha256(self, name: str) -> str:
        """Return the SHA-256 of the bytes of one file as 64 hexadecimal digits.

        Raises:
            UserError: the file is damaged or cannot be read.
        """
        with self._reading(name), self.open(name) as file:
            return sha256_of(file)

    def order(self, names: Iterable[str]) -> list[str]:
        """Return `names` in the order in which they are fastest to read; by default unchanged."""
        return list(names)

    def read(self, name: str, most: int = LARGEST_FILE) -> bytes:
        """Return the bytes of one file.

        Raises:
            UserError: the file is damaged, or larger than `most` bytes.
        """
        with self._reading(name), self.open(name) as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise UserError(f"{name} in {self.path} is larger than {most >> 20} MiB: not a file of this data set")
        return data

    def digest(self) -> str:
        """Return the content digest, see `content_digest`. An archive and its extracted folder have the same one."""
        return content_digest(self.checksums())

    def checksums(self) -> dict[str, str]:
        """Return the SHA-256 of every file by its name. All files are read, in the order in which that is fastest."""
        return {name: self.sha256(name) for name in self.order(self.names())}

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        """Turn what damaged bytes raise into a UserError that names the file."""
        try:
            yield
        except DAMAGED as error:
            if isinstance(error, OSError) and error.errno:
                raise UserError(f"cannot read {name} in {self.path}: {error.strerror}") from error
            raise UserError(f"{name} in {self.path} is damaged ({error}): get the archive again") from error

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


def content_digest(checksums: Mapping[str, str]) -> str:
    """Return the SHA-256 over the names and the SHA-256 of files, which names and bytes alone determine.

    It is taken over `name NUL sha256 LF` for each file, sorted by name. No name contains NUL.
    """
    tree = hashlib.sha256()
    for name in sorted(checksums):
        # Python represents the bytes of a name that is not UTF-8 as surrogates.
        tree.update(f"{name}\0{checksums[name]}\n".encode(errors="surrogateescape"))
    return tree.hexdigest()


def sha256_of(file: BinaryIO) -> str:
    """Return the SHA-256 of the remaining bytes of `file`."""
    checksum = hashlib.sha256()
    while chunk := file.read(CHUNK):
        checksum.update(chunk)
    return checksum.hexdigest()
