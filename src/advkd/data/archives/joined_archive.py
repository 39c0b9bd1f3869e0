"""Several archives, extracted folders or loose files as one archive."""

from collections.abc import Iterable, Sequence
from typing import BinaryIO

from advkd.data.archives.archive import LARGEST_FILE, Archive
from advkd.errors import UserError


class JoinedArchive(Archive):
    """The files of several archives under common names.

    Args:
        parts: pairs of a prefix for the names of an archive's files, such as `Images/`, and the archive.

    Raises:
        UserError: two archives hold files of the same name.
    """

    kind = "joined"

    def __init__(self, parts: Sequence[tuple[str, Archive]]) -> None:
        super().__init__(parts[0][1].path)
        self._archives = tuple(archive for _, archive in parts)
        self._places: dict[str, tuple[Archive, str]] = {}
        for prefix, archive in parts:
            for inner in archive.names():
                name = prefix + inner
                if name in self._places:
                    other = self._places[name][0]
                    raise UserError(f"{archive.path} and {other.path} both hold {name}: remove one")
                self._places[name] = archive, inner

    def names(self) -> list[str]:
        """Return the sorted names of the files of all archives."""
        return sorted(self._places)

    def order(self, names: Iterable[str]) -> list[str]:
        """Return `names` archive by archive, each in that archive's own order."""
        names_by_inner: dict[Archive, dict[str, str]] = {archive: {} for archive in self._archives}
        for name in names:
            archive, inner = self._places[name]
            names_by_inner[archive][inner] = name
        ordered = []
        for archive, common in names_by_inner.items():
            for inner in archive.order(common):
                ordered.append(common[inner])
        return ordered

    def open(self, name: str) -> BinaryIO:
        """Open a file."""
        archive, inner = self._places[name]
        return archive.open(inner)

    def read(self, name: str, most: int = LARGEST_FILE) -> bytes:
        """Return the bytes of a file. Error messages name the archive that holds it. See `Archive.read`."""
        archive, inner = self._places[name]
        return archive.read(inner, most)

    def sha256(self, name: str) -> str:
        """Return the SHA-256 of a file. See `Archive.sha256`."""
        archive, inner = self._places[name]
        return archive.sha256(inner)
