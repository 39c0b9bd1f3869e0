"""Reads the registry of data sets and network weights, config/datasets.yaml."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from advkd.errors import UserError
from advkd.files import read_yaml
from advkd.places import find
from advkd.suggestions import did_you_mean

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")
ARCHIVE_SUFFIXES = (".zip", *TAR_SUFFIXES)


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes:
        file: its name.
        url: its address.
        checksum: "md5:HEX" or "sha256:HEX"; None: none is published.
        size: bytes; None: not published.
        about: the size in words, where it is not published.
        files: the files of an archive that are read, by their names in the official folder, with their checksums;
            empty: all files in the folder.
    """

    file: str
    url: str
    checksum: str | None
    size: int | None
    about: str | None = None
    files: dict[str, str | None] = field(default_factory=dict)

    @property
    def is_archive(self) -> bool:
        """Whether the file is a zip or tar archive."""
        return self.file.endswith(ARCHIVE_SUFFIXES)

    @property
    def stem(self) -> str:
        """The name without the suffix of an archive."""
        for suffix in ARCHIVE_SUFFIXES:
            if self.file.endswith(suffix):
                return self.file.removesuffix(suffix)
        return self.file

    @property
    def size_text(self) -> str:
        """The size in words, such as "169.0 MB"."""
        if self.about:
            return self.about
        return f"{self.size / 1e6:,.1f} MB" if self.size else "size not published"


@dataclass(frozen=True)
class DataSet:
    """One data set, or one set of weights (which has no folder, no expected files and no split).

    Attributes:
        name: the key in the registry.
        title: the full name.
        licence: the licence, or "not stated".
        use: whether one may use it, in plain words.
        citation: what to cite.
        homepage: where the data set is described.
        archives: the published files.
        folder: the official folder in the first archive; the files of the other archives lie at their top.
        expect: expected numbers of files by lower-case suffix, and of folders in a folder whose name ends in `/`.
        official: "classes", "train" (images) and "valid" (images) of the publisher's split; None: no such split.
        notes: what else to know.
    """

    name: str
    title: str
    licence: str
    use: str
    citation: str
    homepage: str
    archives: tuple[RemoteFile, ...]
    folder: str | None
    expect: dict[str, int]
    official: dict[str, int] | None
    notes: str | None

    def folder_of(self, remote: RemoteFile) -> str | None:
        """Return the official folder in one of the archives; None: the files lie at the top of the archive."""
        return self.folder if remote == self.archives[0] else None

    def notice(self) -> str:
        """Return what a user should read before a download: title, sizes, licence and use, citation and homepage."""
        files = ", ".join(f"{archive.file} ({archive.size_text})" for archive in self.archives)
        lines = [f"{self.title}: {files}", f"licence: {self.licence}", f"may you use it: {self.use}"]
        return "\n".join([*lines, f"cite: {self.citation}", f"see {self.homepage}"])


class Registry(dict[str, DataSet]):
    """Data sets by name. Looking up an unknown name raises a UserError that lists the known ones."""

    def __missing__(self, name: str) -> DataSet:
        there = did_you_mean(name, self) or f"; known are {', '.join(self)}"
        raise UserError(f"no data set is called {name!r}{there}")


def load(path: Path) -> Registry:
    """Return the data sets of the registry file `path` by name.

    Raises:
        UserError: the file cannot be read or an entry lacks a field.
    """
    entries = _read_entries(path)
    return Registry({name: _parse_entry(path, name, entry) for name, entry in entries.items() if name != "weights"})


def load_weights(path: Path) -> Registry:
    """Return the published network weights of the registry file `path` by name."""
    entries = _read_entries(path).get("weights", {})
    return Registry({name: _parse_entry(path, name, entry) for name, entry in entries.items()})


def _read_entries(path: Path) -> dict[str, Any]:
    try:
        entries = read_yaml(find(path))
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"cannot read the registry of data sets {path}: {' '.join(str(error).split())}") from error
    if not isinstance(entries, dict):
        raise UserError(f"the registry of data sets {path} is not a mapping of names to entries")
    return entries


def _parse_entry(path: Path, name: str, entry: dict[str, Any]) -> DataSet:
    try:
        return DataSet(
            name=name,
            title=entry["title"],
            licence=entry["licence"],
            use=entry["use"],
            citation=entry["citation"],
            homepage=entry["homepage"],
            archives=tuple(_parse_file(archive) for archive in entry["archives"]),
            folder=entry.get("folder"),
            expect=dict(entry.get("expect") or {}),
            official=entry.get("official"),
            notes=entry.get("notes"),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: the entry {name!r} lacks {error} or is malformed") from error


def _parse_file(entry: dict[str, Any]) -> RemoteFile:
    checksum = None
    for algorithm in ("sha256", "md5"):
        if checksum is None and entry.get(algorithm):
            checksum = f"{algorithm}:{entry[algorithm]}"
    files = {name: f"md5:{md5}" if md5 else None for name, md5 in (entry.get("files") or {}).items()}
    return RemoteFile(entry["file"], entry["url"], checksum, entry["size"], entry.get("about"), files)
