"""Reads the files that list a data set's classes, images and split."""

from collections.abc import Iterator

from advkd.data.archives.archive import LARGEST_LIST, Archive
from advkd.data.readers.labelled import unofficial


class ListFiles:
    """Some files of an archive, read at once in the order in which they are fastest to read.

    Args:
        archive: the archive.
        names: the names of the files.
        most: the largest size of a file in bytes.

    Raises:
        UserError: a file is missing (then this is another data set's archive), damaged or too large.
    """

    def __init__(self, archive: Archive, *names: str, most: int = LARGEST_LIST) -> None:
        self.path = archive.path
        existing = frozenset(archive.names())
        for name in names:
            if name not in existing:
                raise unofficial(self.path, f"{name} is missing: this is another data set, or not all of it")
        self._data = {name: archive.read(name, most) for name in archive.order(names)}

    def __getitem__(self, name: str) -> bytes:
        return self._data[name]

    def rows(self, name: str, fields: int) -> Iterator[tuple[str, ...]]:
        """Yield the fields of each line of a text file; white space separates the fields.

        Empty lines are skipped. The last field may contain spaces. Bytes that are not UTF-8 become surrogates, as in
        the names of an archive's files.

        Raises:
            UserError: a line has fewer than `fields` fields.
        """
        lines = self[name].decode("utf-8-sig", "surrogateescape").splitlines()
        for number, line in enumerate(lines, 1):
            row = tuple(line.strip().split(None, fields - 1))
            if row and len(row) != fields:
                raise unofficial(self.path, f"line {number} of {name} does not have {fields} fields: {line[:80]!r}")
            if row:
                yield row

    def lines(self, name: str) -> list[str]:
        """Return the lines of a text file, stripped; empty lines are skipped."""
        return [row[0] for row in self.rows(name, 1)]

    def mapping(self, name: str) -> dict[str, str]:
        """Return a text file of two columns as a mapping, in the file's order.

        Raises:
            UserError: a line has only one field, or two lines have the same first field.
        """
        mapping: dict[str, str] = {}
        for key, value in self.rows(name, 2):
            if key in mapping:
                raise unofficial(self.path, f"{name} has two lines for {key[:80]!r}")
            mapping[key] = value
        return mapping
