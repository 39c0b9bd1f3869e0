"""Reading the members of a zip archive in place, also where an archiver cut its offsets to 32 bits."""

import itertools
import stat
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from advkd.data.archives.members import DAMAGED, Archive, Entry, below, distrust, refuse_unsafe
from advkd.errors import UserError

WRAP = 1 << 32


class ZipArchive(Archive):
    """The files below `folder` in the zip archive `path`, read in place; ZIP64 and offsets cut to 32 bits included.

    See `below` for `folder` and `only`.

    Raises:
        UserError: no readable zip archive, unsafe members, no folder `folder` in it, or one of `only` missing.
    """

    kind = "zip"

    def __init__(self, path: Path, folder: str | None, only: Collection[str] = ()) -> None:
        super().__init__(path)
        try:
            self._zip = zipfile.ZipFile(path)
            infos = self._zip.infolist()
            for info in infos:
                mode = stat.S_IFMT(info.external_attr >> 16)
                refuse_unsafe(path, info.orig_filename, special=mode not in (0, stat.S_IFREG, stat.S_IFDIR))
                if info.flag_bits & 1:
                    raise distrust(path, f"an encrypted file, {info.orig_filename!r}")
            if len({info.filename for info in infos}) != len(infos):
                raise distrust(path, "two members of the same name")
            if path.stat().st_size > WRAP:
                infos = _undo_wrap(path, infos)
        except DAMAGED as error:
            raise UserError(f"{path} is no complete zip archive ({error}): delete it and get it again") from error
        self._infos = below(path, {info.filename: info for info in infos if not info.is_dir()}, folder, only)

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
