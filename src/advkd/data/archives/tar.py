"""Reading the members of a tar archive, plain or compressed by gzip, in place."""

import gzip
import io
import tarfile
import weakref
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from advkd.data.archives.members import CHUNK, DAMAGED, LARGEST, Archive, Entry, below, distrust, measure, refuse_unsafe
from advkd.errors import UserError

GZIP = b"\x1f\x8b"  # how a gzip file begins
# What a compressed archive can grow to, a thousand times its size; no data set comes near.
TOTAL = 1 << 36  # bytes
HEADERS = 1 << 28  # bytes of names and the like, all of which tarfile keeps; half a million members with short names


class Member(NamedTuple):
    """A regular file in a tar archive: where it lies, and what it was when the archive was opened."""

    info: tarfile.TarInfo
    entry: Entry


class _Reader(io.BufferedReader):
    """The bytes of a tar archive; `most` is what one `read` may ask for.

    tarfile reads the headers of long names into memory whole, whatever length they claim.
    """

    most = CHUNK

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes."""
        if size > self.most:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return super().read(size)


class _Info(tarfile.TarInfo):
    """A member, told to be sparse without its map, of which tarfile would read any length; `_scan` refuses it."""

    def _proc_sparse(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        self.offset_data = archive.offset = archive.fileobj.tell()
        self.sparse = []
        return self

    def _proc_gnusparse_10(self, member: tarfile.TarInfo, *_: object) -> None:
        member.sparse = []


class TarArchive(Archive):
    """The files below `folder` in the tar archive `path`, read in place.

    Opening it reads it once from its start to its end: a tar archive has no directory and no checksums of its files,
    so this gives names, places and CRC-32 at once, and finds an archive that is cut short. Reading files as `order`
    has them goes through a compressed archive once more; any other order starts over at every step back.
    See `below` for `folder` and `only`.

    Raises:
        UserError: no complete tar archive, unsafe members, no folder `folder` in it, or one of `only` missing.
    """

    kind = "tar"

    def __init__(self, path: Path, folder: str | None, only: Collection[str] = ()) -> None:
        super().__init__(path)
        try:
            file = _uncompressed(self.path)
            weakref.finalize(self, file.close)
            self._tar = tarfile.TarFile(fileobj=file, tarinfo=_Info)
            members = _scan(self.path, file, self._tar)
            file.most = LARGEST
        except DAMAGED as error:
            raise UserError(f"{path} is no complete tar archive ({error}): delete it and get it again") from error
        self._members = below(self.path, members, folder, only)

    def names(self) -> list[str]:
        """Return the sorted names of the members."""
        return sorted(self._members)

    def order(self, names: Iterable[str]) -> list[str]:
        """Return `names` in the order in which they lie in the archive."""
        return sorted(names, key=lambda name: self._members[name].info.offset)

    def open(self, name: str) -> BinaryIO:
        """Open a member."""
        return self._tar.extractfile(self._members[name].info)

    def entry(self, name: str) -> Entry:
        """Return what a member was when the archive was opened."""
        return self._members[name].entry


def _uncompressed(path: Path) -> _Reader:
    with path.open("rb") as file:
        compressed = file.read(len(GZIP)) == GZIP
    # tarfile takes small steps back, which in gzip mean starting over unless they stay in the buffer
    return _Reader(gzip.GzipFile(path), CHUNK) if compressed else _Reader(path.open("rb", buffering=0), CHUNK)


def _scan(path: Path, file: _Reader, tar: tarfile.TarFile) -> dict[str, Member]:
    """Return the regular files of `tar`, which reads `file`, by their names without a leading `./`."""
    members: dict[str, Member] = {}
    end = headers = 0
    for info in tar:
        refuse_unsafe(path, info.name, special=not (info.isdir() or info.isreg()) or info.issparse())
        if not 0 <= info.size <= LARGEST:
            raise distrust(path, f"a file larger than {LARGEST >> 20} MiB, {info.name!r}")
        end = info.offset_data + -(-info.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        headers += info.offset_data - info.offset
        if end > TOTAL or headers > HEADERS:
            raise distrust(path, f"more than {TOTAL >> 30} GiB of files or {HEADERS >> 20} MiB of names")
        if info.isdir():
            continue
        name = "/".join(part for part in info.name.split("/") if part not in ("", "."))
        if name in members:
            raise distrust(path, "two members of the same name")
        members[name] = Member(info, measure(tar.extractfile(info)))
    # tarfile takes a damaged header for the end of the archive, which is a block of zeros
    file.seek(end)
    if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("a damaged header, or no end")
    while file.read(CHUNK):  # gzip compares its checksum at the end
        if file.tell() > TOTAL:
            raise distrust(path, f"more than {TOTAL >> 30} GiB")
    return members
