"""Several archives, extracted folders or loose files as one archive."""

from collections.abc import Iterable, Sequence
from typing import BinaryIO

from advkd.data.archives.members import LARGEST, Archive, Entry
from advkd.errors import UserError


class JoinedArchive(Archive):
    """The files of several parts by common names.

    Args:
        parts: pairs of what goes before the names of a part, such as `Images/`, and the part.

    Raises:
        UserError: two parts hold files of the same name.
    """

    kind = "joined"

    def __init__(self, parts: Sequence[tuple[str, Archive]]) -> None:
        super().__init__(parts[0][1].path)
        self._parts = tuple(archive for _, archive in parts)
        self._places: dict[str, tuple[Archive, str]] = {}
        for prefix, archive in parts:
            for inner in archive.names():
                if (name := prefix + inner) in self._places:
                    raise UserError(f"{archive.path} and {self._places[name][0].path} both hold {name}: remove one")
                self._places[name] = archive, inner

    def names(self) -> list[str]:
        """Return the sorted names of the files of all parts."""
        return sorted(self._places)

    def order(self, names: Iterable[str]) -> list[str]:
        """Return `names` part by part, each as that part orders them."""
        inside: dict[Archive, dict[str, str]] = {archive: {} for archive in self._parts}
        for name in names:
            archive, inner = self._places[name]
            inside[archive][inner] = name
        return [found[inner] for archive, found in inside.items() for inner in archive.order(found)]

    def open(self, name: str) -> BinaryIO:
        """Open a file."""
        archive, inner = self._places[name]
        return archive.open(inner)

    def read(self, name: str, most: int = LARGEST) -> bytes:
        """Return the bytes of a file; what is wrong with it is told of its part. See `Archive.read`."""
        archive, inner = self._places[name]
        return archive.read(inner, most)

    def entry(self, name: str) -> Entry:
        """Return size and CRC-32 of a file."""
        archive, inner = self._places[name]
        return archive.entry(inner)
