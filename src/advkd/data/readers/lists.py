"""The files that list a data set's classes, images and split."""

from collections.abc import Iterator

from advkd.data.archives.members import LONGEST_LIST, Archive
from advkd.data.readers.labelled import wrong


class Lists:
    """Some files of an archive, each of at most `most` bytes, read in the order in which they are cheapest to read.

    Raises:
        UserError: one is missing, which tells that the archive is another data set's, damaged, or too large.
    """

    def __init__(self, archive: Archive, *names: str, most: int = LONGEST_LIST) -> None:
        self.path, there = archive.path, frozenset(archive.names())
        for name in names:
            if name not in there:
                raise wrong(self.path, f"{name} is missing: this is another data set, or not all of it")
        self._data = {name: archive.read(name, most) for name in archive.order(names)}

    def __getitem__(self, name: str) -> bytes:
        return self._data[name]

    def rows(self, name: str, fields: int) -> Iterator[tuple[str, ...]]:
        """Yield the lines of a text file, split at white space into `fields` parts; the last part may hold spaces.

        Empty lines are left out. Bytes that are no UTF-8 become surrogates, as in the names of an archive's files.

        Raises:
            UserError: a line has fewer parts.
        """
        for number, line in enumerate(self[name].decode("utf-8-sig", "surrogateescape").splitlines(), 1):
            parts = tuple(line.strip().split(None, fields - 1))
            if parts and len(parts) != fields:
                raise wrong(self.path, f"line {number} of {name} has not {fields} fields: {line[:80]!r}")
            if parts:
                yield parts

    def table(self, name: str) -> dict[str, str]:
        """Return a text file of two columns as a mapping, in its order.

        Raises:
            UserError: a line has one part only, or two lines begin alike.
        """
        found: dict[str, str] = {}
        for key, value in self.rows(name, 2):
            if key in found:
                raise wrong(self.path, f"{name} has two lines for {key[:80]!r}")
            found[key] = value
        return found
