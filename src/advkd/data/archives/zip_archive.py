"""Reading the members of a zip archive in place, including archives whose offsets were cut to 32 bits."""

import itertools
import stat
import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import BinaryIO, cast

from advkd.data.archives.archive import DAMAGED, LARGEST_TOTAL, Archive
from advkd.data.archives.members import refuse_unsafe, select_members, untrusted
from advkd.errors import UserError
from advkd.opening import open_file

WRAP = 1 << 32  # bytes; an offset cut to 32 bits differs from the true one by a multiple of this


class ZipArchive(Archive):
    """The files in one folder of a zip archive. ZIP64 and offsets cut to 32 bits are supported.

    Args:
        path: the archive.
        folder: the official folder, see `select_members`.
        only: the names of the wanted files, see `select_members`.

    Raises:
        UserError: `path` is not a readable zip archive, holds unsafe members, or lacks `folder` or one of `only`.
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
                    raise untrusted(path, f"an encrypted file, {info.orig_filename!r}")
            if len({info.filename for info in infos}) != len(infos):
                raise untrusted(path, "two members of the same name")
            if path.stat().st_size > WRAP:
                infos = _restore_offsets(path, infos)
        except DAMAGED as error:
            raise UserError(f"{path} is not a complete zip archive ({error}): delete it and get it again") from error
        files = {info.filename: info for info in infos if not info.is_dir()}
        self._infos = select_members(path, files, folder, only)
        if sum(info.file_size for info in self._infos.values()) > LARGEST_TOTAL:
            raise untrusted(path, f"more than {LARGEST_TOTAL >> 30} GiB of files")

    def names(self) -> list[str]:
        """Return the sorted names of the members."""
        return sorted(self._infos)

    def order(self, names: Iterable[str]) -> list[str]:
        """Return `names` in the order of their places in the archive."""
        return sorted(names, key=lambda name: self._infos[name].header_offset)

    def open(self, name: str) -> BinaryIO:
        """Open a member. Reading to its end compares its CRC-32 with the archive's directory."""
        return cast(BinaryIO, self._zip.open(self._infos[name]))


def _restore_offsets(path: Path, infos: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Return `infos` with the true offsets of the members of an archive of more than 4 GiB.

    The archiver of macOS does not write ZIP64: it writes the lower 32 bits of every offset. zipfile then misplaces the
    first or the last members by a multiple of 4 GiB. The true offset of a member is where its local header, with its
    name, is found.
    """
    restored = []
    with open_file(path) as file:
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
            # A copy, because the original also holds the end of the member, which zipfile computed from wrong offsets.
            copy = zipfile.ZipInfo(info.orig_filename, info.date_time)
            for key in ("compress_type", "flag_bits", "CRC", "compress_size", "file_size", "external_attr"):
                setattr(copy, key, getattr(info, key))
            copy.header_offset = offset
            restored.append(copy)
    restored.sort(key=lambda info: info.header_offset)
    for first, second in itertools.pairwise(restored):
        if first.header_offset + 30 + first.compress_size > second.header_offset:
            raise zipfile.BadZipFile(f"{first.filename} and {second.filename} overlap")
    return restored
