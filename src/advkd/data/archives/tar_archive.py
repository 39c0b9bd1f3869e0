"""Reading the members of a tar archive in place, whether plain or compressed by gzip."""

import gzip
import io
import tarfile
import weakref
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from advkd.data.archives.archive import CHUNK, DAMAGED, LARGEST_FILE, LARGEST_TOTAL, Archive, sha256_of
from advkd.data.archives.members import refuse_unsafe, select_members, untrusted
from advkd.errors import UserError
from advkd.opening import open_file

GZIP = b"\x1f\x8b"  # the first bytes of a gzip file
# No data set comes near this limit.
LARGEST_HEADERS = 1 << 28  # bytes of all headers, which tarfile keeps; enough for half a million short names


class Member(NamedTuple):
    """A regular file in a tar archive: its place, and its SHA-256 when the archive was opened."""

    info: tarfile.TarInfo
    sha256: str


class _Reader(io.BufferedReader):
    """The bytes of a tar archive; one call of `read` may ask for at most `most` bytes.

    tarfile would read the header of a long name into memory as a whole, whatever length the header claims.
    """

    most = CHUNK

    def read(self, size: int | None = -1) -> bytes:
        """Return the next `size` bytes."""
        if size is not None and size > self.most:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return super().read(size)


class _Info(tarfile.TarInfo):
    """A member that does not read the map of a sparse file, since the map can have any length.

    `_read_members` refuses sparse files. The methods replace private methods of tarfile.
    """

    def _proc_sparse(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        file = cast(_Reader, archive.fileobj)
        self.offset_data = archive.offset = file.tell()
        self.sparse = []  # type: ignore[assignment]  # tarfile keeps a list; typeshed says bytes
        return self

    def _proc_gnusparse_10(self, member: tarfile.TarInfo, *_: object) -> None:
        member.sparse = []  # type: ignore[assignment]  # as above


class TarArchive(Archive):
    """The files in one folder of a tar archive.

    A tar archive has no directory and no checksums of its files. Opening it therefore reads it once from start to end,
    which finds the names, places and checksums and notices an archive that is cut short. Reading the files in the order
    of `order` reads a compressed archive once more; in any other order, every step back starts again from the
    beginning.

    Args:
        path: the archive.
        folder: the official folder, see `select_members`.
        only: the names of the wanted files, see `select_members`.

    Raises:
        UserError: `path` is not a complete tar archive, holds unsafe members, or lacks `folder` or one of `only`.
    """

    kind = "tar"

    def __init__(self, path: Path, folder: str | None, only: Collection[str] = ()) -> None:
        super().__init__(path)
        try:
            file = _open_uncompressed(self.path)
            weakref.finalize(self, file.close)
            self._tar = tarfile.TarFile(fileobj=file, tarinfo=_Info)
            members = _read_members(self.path, file, self._tar)
            file.most = LARGEST_FILE
        except DAMAGED as error:
            raise UserError(f"{path} is not a complete tar archive ({error}): delete it and get it again") from error
        self._members = select_members(self.path, members, folder, only)

    def names(self) -> list[str]:
        """Return the sorted names of the members."""
        return sorted(self._members)

    def order(self, names: Iterable[str]) -> list[str]:
        """Return `names` in the order of their places in the archive."""
        return sorted(names, key=lambda name: self._members[name].info.offset)

    def open(self, name: str) -> BinaryIO:
        """Open a member."""
        return _open_member(self._tar, self._members[name].info)

    def sha256(self, name: str) -> str:
        """Return the SHA-256 that a member had when the archive was opened."""
        return self._members[name].sha256


def _open_uncompressed(path: Path) -> _Reader:
    with open_file(path) as file:
        compressed = file.read(len(GZIP)) == GZIP
    # tarfile sometimes steps back a little. Without a buffer, each such step would read a gzip file from its beginning.
    raw = gzip.GzipFile(path) if compressed else path.open("rb", buffering=0)
    return _Reader(cast(io.RawIOBase, raw), CHUNK)


def _open_member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> BinaryIO:
    return cast(BinaryIO, tar.extractfile(info))  # None only for a member that is not a file


def _read_members(path: Path, file: _Reader, tar: tarfile.TarFile) -> dict[str, Member]:
    """Return the regular files of `tar`, which reads `file`, by their names without a leading `./`."""
    members: dict[str, Member] = {}
    end = headers = 0
    for info in tar:
        refuse_unsafe(path, info.name, special=not (info.isdir() or info.isreg()) or info.issparse())
        if not 0 <= info.size <= LARGEST_FILE:
            raise untrusted(path, f"a file larger than {LARGEST_FILE >> 20} MiB, {info.name!r}")
        blocks = -(-info.size // tarfile.BLOCKSIZE)  # rounded up
        end = info.offset_data + blocks * tarfile.BLOCKSIZE
        headers += info.offset_data - info.offset
        if end > LARGEST_TOTAL or headers > LARGEST_HEADERS:
            raise untrusted(
                path, f"more than {LARGEST_TOTAL >> 30} GiB of files or {LARGEST_HEADERS >> 20} MiB of names"
            )
        if info.isdir():
            continue
        name = "/".join(part for part in info.name.split("/") if part not in ("", "."))
        if name in members:
            raise untrusted(path, "two members of the same name")
        members[name] = Member(info, sha256_of(_open_member(tar, info)))
    # The end of an archive is a block of zeros. tarfile also takes a damaged header for the end.
    file.seek(end)
    if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("a damaged header, or no end")
    while file.read(CHUNK):  # gzip compares its checksum at the end of the file
        if file.tell() > LARGEST_TOTAL:
            raise untrusted(path, f"more than {LARGEST_TOTAL >> 30} GiB")
    return members
