"""An archive whose files are compared with their checksums whenever they are read."""

import hashlib
import io
from collections.abc import Iterable, Mapping
from typing import BinaryIO

from advkd.data.archives.archive import LARGEST_FILE, Archive
from advkd.errors import UserError

GONE, OTHER = "gone", "not what was verified"
MOST_NAMED = 3  # files named in a message


class CheckedArchive(Archive):
    """The files of another archive. Every one is read whole, and compared with its SHA-256 whenever it is read.

    Args:
        inner: the archive.
        checksums: the SHA-256 of every file that it must hold, by name; None: of each file, whatever it has when it is
            read first.
        remedy: what to do about a file that has changed, for messages.

    Raises:
        UserError: `inner` holds other files than `checksums` names.
    """

    def __init__(self, inner: Archive, checksums: Mapping[str, str] | None, remedy: str) -> None:
        super().__init__(inner.path)
        self.kind, self._inner, self._remedy = inner.kind, inner, remedy
        self._checksums = dict(checksums or {})
        self._changed: dict[str, str] = {}  # how, by name
        self._names = inner.names()
        if checksums is not None:
            differing = sorted(checksums.keys() ^ set(self._names))
            if differing:
                raise self._refusal(differing)

    def names(self) -> list[str]:
        """Return the sorted names of the files."""
        return list(self._names)

    def order(self, names: Iterable[str]) -> list[str]:
        """Return `names` in the order in which they are fastest to read."""
        return self._inner.order(names)

    def open(self, name: str) -> BinaryIO:
        """Read a file whole, compare it, and open what was read."""
        return io.BytesIO(self.read(name))

    def read(self, name: str, most: int = LARGEST_FILE) -> bytes:
        """Return the bytes of a file.

        Raises:
            UserError: as `Archive.read`, or the file has changed or is gone.
        """
        try:
            data = self._inner.read(name, most)
        except UserError as error:
            if isinstance(error.__cause__, FileNotFoundError):  # it was there when the names were read
                self._changed[name] = GONE
                raise self._refusal([name], GONE) from error
            raise
        checksum = hashlib.sha256(data).hexdigest()
        if self._checksums.setdefault(name, checksum) != checksum:
            self._changed[name] = OTHER
            raise self._refusal([name])
        return data

    def sha256(self, name: str) -> str:
        """Return the SHA-256 that a file must have. A file without one is read."""
        if name not in self._checksums:
            self._checksums[name] = self._inner.sha256(name)
        return self._checksums[name]

    def confirm(self) -> None:
        """Raise a UserError if a file that was read had changed or was gone; a caller may have gone on without it."""
        if self._changed:
            raise self._refusal(list(self._changed), " or ".join(sorted(set(self._changed.values()))))

    def _refusal(self, names: list[str], how: str = OTHER) -> UserError:
        shown = ", ".join(repr(name[:200]) for name in names[:MOST_NAMED])
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        verb = "is" if len(names) == 1 else "are"
        return UserError(f"{self.path} has changed: {shown}{more} {verb} {how}: {self._remedy}")
