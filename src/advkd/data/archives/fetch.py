"""Finding or downloading the published files of a data set, and the record of what was found."""

from collections.abc import Sequence
from pathlib import Path

from advkd import files
from advkd.data.archives.download import download
from advkd.data.archives.members import Archive
from advkd.data.archives.parts import Part, join, locate, open_parts
from advkd.data.archives.verification import verify
from advkd.data.registry import DataSet, RemoteFile
from advkd.errors import UserError
from advkd.progress import say


def fetch(dataset: DataSet, *, mirror: Path | None, root: Path, accept: str | None) -> dict:
    """Return the record of a data set's verified files, downloading them if need be.

    They are looked for in `mirror` if it is given, else in `root`/archives, else downloaded there.

    Args:
        dataset: an entry of the registry.
        mirror: a folder that holds the archives by their official names or what was extracted from them, the extracted
            official folder, or the only archive; see `parts.locate`.
        root: the folder of all data; checksums.json and archives/ lie in it.
        accept: "sha256:HEX" of the only archive or "content:HEX", which lets data pass that fail verification.

    Returns:
        The record: name; kind ("folder" if a part was extracted, else "archive"); parts, each with file (its official
        name), path, kind (see `Part`) and sha256 (None for a folder); folder (the official folder); sha256 (of the only
        archive, else None); content (`Archive.digest`); files (their number); verified: "published checksum",
        "structure; checksum as first used" or "accepted by the user".

    Raises:
        UserError: not found in the mirror, not to be downloaded, damaged, or not what was expected.
    """
    if mirror is not None:
        return _verify(dataset, locate(dataset, Path(mirror)), root, accept)
    if not all((root / "archives" / remote.file).exists() for remote in dataset.archives):
        say(dataset.notice())
    paths = [obtain(remote, mirror=None, root=root) for remote in dataset.archives]
    return _verify(dataset, paths, root, accept)


def obtain(remote: RemoteFile, *, mirror: Path | None, root: Path, notice: str | None = None) -> Path:
    """Return a published file: from the folder `mirror` if one is given, else from `root`/archives, else downloaded.

    `notice` is said before a download. What lies in the two folders is not verified here.

    Raises:
        UserError: the mirror lacks it, or it cannot be downloaded.
    """
    if mirror is not None:
        if not (mirror / remote.file).is_file():
            raise UserError(f"the mirror {mirror} does not hold {remote.file}, which is published at {remote.url}")
        return mirror / remote.file
    target = root / "archives" / remote.file
    if not target.exists():
        if notice:
            say(notice)
        download(remote.url, target, remote.checksum, remote.size)
    return target


def describe(dataset: DataSet, folder: Path) -> dict:
    """Return the record, as of `fetch`, of files drawn into `folder` in the official layout ("drawn on the spot")."""
    parts = open_parts(dataset, locate(dataset, folder))
    return {**_record(dataset, parts, join(dataset, parts)), "verified": "drawn on the spot"}


def open_record(record: dict, dataset: DataSet) -> Archive:
    """Return the files that the record of a `fetch` or `describe` speaks of, by their official names.

    Raises:
        UserError: the record is none of `dataset`, or its files are gone or damaged.
    """
    expected = [remote.file for remote in dataset.archives]
    if [part["file"] for part in record.get("parts", [])] != expected:
        raise UserError(f"this is no record of {dataset.name} ({', '.join(expected)}): delete it and fetch again")
    return join(dataset, open_parts(dataset, [Path(part["path"]) for part in record["parts"]]))


def _verify(dataset: DataSet, paths: Sequence[Path], root: Path, accept: str | None) -> dict:
    say(f"reading {', '.join(map(str, paths))} to verify {dataset.title}")
    parts = open_parts(dataset, paths)
    archive = join(dataset, parts)
    record = _record(dataset, parts, archive)
    return {**record, "verified": verify(dataset, parts, archive, record, root=root, accept=accept)}


def _record(dataset: DataSet, parts: Sequence[Part], archive: Archive) -> dict:
    described = [
        {
            "file": part.remote.file,
            "path": str(part.path),
            "kind": part.kind,
            "sha256": files.sha256(part.path) if part.path.is_file() else None,
        }
        for part in parts
    ]
    return {
        "name": dataset.name,
        "kind": "folder" if any(part.kind == "folder" for part in parts) else "archive",
        "parts": described,
        "folder": dataset.folder,
        "sha256": described[0]["sha256"] if len(parts) == 1 else None,
        "content": archive.digest(),
        "files": len(archive.names()),
    }
