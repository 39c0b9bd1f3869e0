"""The registry of data sets and weights, config/datasets.yaml, as frozen values."""

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from advkd.errors import UserError
from advkd.files import read_yaml

TARS = (".tar", ".tar.gz", ".tgz")


@dataclass(frozen=True)
class RemoteFile:
    """A published file: its name, address, checksum ("md5:…", "sha256:…", None: none published), size in bytes.

    `files`: the files of an archive that are read, by their names in the official folder, with their checksums; empty:
    all in the folder.
    """

    file: str
    url: str
    checksum: str | None
    size: int | None
    about: str | None = None
    files: dict[str, str | None] = field(default_factory=dict)

    @property
    def is_archive(self) -> bool:
        """Whether the file is an archive of others."""
        return self.file.endswith((".zip", *TARS))

    @property
    def stem(self) -> str:
        """The name without the suffix of an archive."""
        return next((self.file.removesuffix(end) for end in (".zip", *TARS) if self.file.endswith(end)), self.file)

    @property
    def size_text(self) -> str:
        """The size for people."""
        return self.about or (f"{self.size / 1e6:,.1f} MB" if self.size else "size not published")


@dataclass(frozen=True)
class DataSet:
    """One data set, or one set of weights (which has no folder, no expected files and no split).

    `folder` is the official folder in the first archive; the files of others lie at their top. `expect` counts files
    by lower-case suffix, and the folders in a folder, whose name ends in `/`. `official` holds classes, train and valid
    of the publisher's split, or None.
    """

    name: str
    title: str
    licence: str
    citation: str
    homepage: str
    archives: tuple[RemoteFile, ...]
    folder: str | None
    expect: dict[str, int]
    official: dict[str, int] | None
    notes: str | None

    def folder_of(self, remote: RemoteFile) -> str | None:
        """Return the official folder in one of the archives; None: its files lie at its top."""
        return self.folder if remote == self.archives[0] else None

    def notice(self) -> str:
        """Return what a user should read before a download: title, size, licence, citation, homepage."""
        files = ", ".join(f"{archive.file} ({archive.size_text})" for archive in self.archives)
        lines = [f"{self.title}: {files}", f"licence: {self.licence}", f"cite: {self.citation}", f"see {self.homepage}"]
        return "\n".join(lines)


class Registry(dict[str, DataSet]):
    """Data sets by name; an unknown name is a UserError that lists the known ones."""

    def __missing__(self, name: str) -> DataSet:
        raise UserError(f"no data set is called {name!r}; known are {', '.join(self)}")


def load(path: Path) -> Registry:
    """Return the data sets of the registry file `path` by name.

    Raises:
        UserError: the file cannot be read or an entry lacks a field.
    """
    entries = _read(path)
    return Registry({name: _entry(path, name, entry) for name, entry in entries.items() if name != "weights"})


def weights(path: Path) -> Registry:
    """Return the published network weights of the registry file `path` by name."""
    return Registry({name: _entry(path, name, entry) for name, entry in _read(path).get("weights", {}).items()})


def _read(path: Path) -> dict:
    try:
        entries = read_yaml(path)
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"cannot read the registry of data sets {path}: {' '.join(str(error).split())}") from error
    if not isinstance(entries, dict):
        raise UserError(f"the registry of data sets {path} is not a mapping of names to entries")
    return entries


def _entry(path: Path, name: str, entry: dict) -> DataSet:
    try:
        return DataSet(
            name=name,
            title=entry["title"],
            licence=entry["licence"],
            citation=entry["citation"],
            homepage=entry["homepage"],
            archives=tuple(_remote(archive) for archive in entry["archives"]),
            folder=entry.get("folder"),
            expect=dict(entry.get("expect") or {}),
            official=entry.get("official"),
            notes=entry.get("notes"),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: the entry {name!r} lacks {error} or is malformed") from error


def _remote(entry: dict) -> RemoteFile:
    kind = next((kind for kind in ("sha256", "md5") if entry.get(kind)), None)
    checksum = f"{kind}:{entry[kind]}" if kind else None
    files = {name: f"md5:{md5}" if md5 else None for name, md5 in (entry.get("files") or {}).items()}
    return RemoteFile(entry["file"], entry["url"], checksum, entry["size"], entry.get("about"), files)
