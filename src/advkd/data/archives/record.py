"""The record of a data set's files: where they are, their checksums, and how they were verified.

`advkd fetch` and `advkd draw` write a record; `advkd prepare` opens the files that it names.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

from advkd import files
from advkd.data.archives.archive import Archive, content_digest
from advkd.data.archives.checked_archive import CheckedArchive
from advkd.data.archives.folder_archive import FolderArchive
from advkd.data.archives.parts import Part, join_parts, locate_parts, open_parts
from advkd.data.registry import DataSet
from advkd.errors import UserError

# The values of `verified` for files that are not verified to be the published ones.
ACCEPTED = "accepted by the user"
DRAWN = "drawn on the spot"
OWN_IMAGES = "the user's own images"


class PartRecord(TypedDict):
    """The record of one published file."""

    file: str  # its official name
    path: str  # where it or its extracted folder is
    kind: str  # see `Part.kind`
    sha256: str | None  # None for an extracted folder


class UnverifiedRecord(TypedDict):
    """The record of a data set's files before they are verified."""

    name: str  # the data set
    kind: str  # "folder" if a part is extracted, else "archive"
    parts: list[PartRecord]
    folder: str | None  # the official folder
    sha256: str | None  # of the archive, if there is only one part; else None
    content: str  # see `content_digest`
    files: dict[str, str]  # the SHA-256 of every file, by its official name
    links: NotRequired[bool]  # whether links in extracted folders are followed


class Record(UnverifiedRecord):
    """The record of a data set's files."""

    verified: str  # a result of `verify_parts`, or "drawn on the spot"


def describe_parts(dataset: DataSet, parts: Sequence[Part], archive: Archive) -> UnverifiedRecord:
    """Return the record of opened parts; `archive` holds the files of all of them."""
    part_records: list[PartRecord] = []
    for part in parts:
        sha256 = files.sha256(part.path) if part.path.is_file() else None
        part_records.append({"file": part.remote.file, "path": str(part.path), "kind": part.kind, "sha256": sha256})
    checksums = archive.checksums()
    return {
        "name": dataset.name,
        "kind": "folder" if any(part.kind == "folder" for part in parts) else "archive",
        "parts": part_records,
        "folder": dataset.folder,
        "sha256": part_records[0]["sha256"] if len(parts) == 1 else None,
        "content": content_digest(checksums),
        "files": checksums,
    }


def describe_drawn(dataset: DataSet, folder: Path) -> Record:
    """Return the record of files that were drawn into `folder` in the official layout."""
    parts = open_parts(dataset, locate_parts(dataset, folder))
    return {**describe_parts(dataset, parts, join_parts(dataset, parts)), "verified": DRAWN}


def write_record(path: Path, record: Record) -> None:
    """Write a record to a file, with a digest of its content."""
    files.write_json(path, files.with_digest(record))


def read_record(path: Path) -> Record:
    """Return the record in a file; raises UserError where it is not a record, or is not what was written."""
    try:
        content = files.read_json(path)
        if not path.is_file() or not _is_record(content) or not files.fits_digest(content, demanded=False):
            raise ValueError("not a record")
        record: Record = files.without_digest(content)  # type: ignore[assignment]
        return record
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "damaged or no record"
        raise UserError(f"{path} cannot be read ({reason}): delete it and start again") from error


def _is_record(record: Record) -> bool:
    """Tell whether content has what a record has; raises KeyError or TypeError where something is missing."""
    texts = [record["verified"], record["content"], record["kind"], record["name"]]
    parts = record["parts"]
    for part in parts:
        texts += [part["file"], part["path"]]
    return bool(parts) and isinstance(parts, list) and all(isinstance(text, str) for text in texts)


def origin_of_record(record: Record, archive: CheckedArchive) -> dict[str, str | None]:
    """Return what a store's meta.json says about its source, for a source with a record.

    Args:
        record: the record.
        archive: the files, as `open_record` returned them, after they were read.

    Raises:
        UserError: a file that was read is not what the record says.
    """
    archive.confirm()
    return {
        "content": record["content"],
        "kind": record["kind"],
        "sha256": record["sha256"],
        "verified": record["verified"],
    }


def origin_of_folder(archive: CheckedArchive) -> dict[str, str | None]:
    """Return what a store's meta.json says about its source, for a user's folder of images, after they were read.

    Raises:
        UserError: a file was read twice and changed in between.
    """
    archive.confirm()
    return {"content": archive.digest(), "kind": "images", "sha256": None, "verified": OWN_IMAGES}


def open_record(record: Record, dataset: DataSet) -> CheckedArchive:
    """Open the files that a record names, by their official names. Reading one compares it with the record.

    Raises:
        UserError: the record is not one of `dataset`, is damaged or of an earlier version; or its files are missing,
            damaged or others than those that it names.
    """
    expected = [remote.file for remote in dataset.archives]
    if [part["file"] for part in record.get("parts", [])] != expected:
        raise UserError(f"this is not a record of {dataset.name} ({', '.join(expected)}): delete it and fetch again")
    again = f"delete the record, {_place(record, dataset)} of the data folder, and start again"
    checksums = record.get("files")
    if not isinstance(checksums, dict):
        raise UserError(f"the record of {dataset.name} is of an earlier version, which kept no checksums: {again}")
    if content_digest(checksums) != record["content"]:
        raise UserError(f"the record of {dataset.name} is damaged, its checksums do not belong together: {again}")
    paths = [Path(part["path"]) for part in record["parts"]]
    archive = join_parts(dataset, open_parts(dataset, paths, links=record.get("links", False)))
    return CheckedArchive(archive, checksums, f"put back what was verified, or {again}")


def open_folder(path: Path, links: bool = False) -> CheckedArchive:
    """Open a user's folder of images; with `links`, follow its links. Reading a file twice compares what was read."""
    return CheckedArchive(FolderArchive(path, links=links), None, "start again when nobody changes it any more")


def _place(record: Record, dataset: DataSet) -> str:
    """Return where in the data folder a record lies."""
    drawn = record.get("verified") == DRAWN
    return f"made/{dataset.name}-SIZE.json" if drawn else f"archives/{dataset.name}.json"
