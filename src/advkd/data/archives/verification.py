"""Verifying that the files of a data set are the published ones.

Some publishers give no checksum. Their files pass if they have the official numbers of files and folders. Once all of
their images were prepared, the digest of their content is remembered, and later files of the same data set with another
content are refused. A half-copied data set, which cannot be prepared, is so never remembered. A user can accept any
other files by naming their digest; the record of the files and everything made from them say so.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from advkd import files
from advkd.data.archives.archive import Archive
from advkd.data.archives.parts import Part
from advkd.data.archives.record import ACCEPTED, UnverifiedRecord
from advkd.data.registry import DataSet
from advkd.errors import UserError
from advkd.locks import hold
from advkd.opening import open_file, open_to_append
from advkd.progress import say

CHECKSUMS = "checksums.json"
REMEMBERED = "sha256"  # the key of a content digest; "content" was one of sizes and CRC-32, in earlier versions
PUBLISHED = "published checksum"
AS_FIRST_USED = "structure; checksum as first used"


class _MismatchError(Exception):
    """A part does not have its published checksum. The message says what was expected and what was found."""


def verify_parts(
    dataset: DataSet,
    parts: Sequence[Part],
    archive: Archive,
    record: UnverifiedRecord,
    *,
    root: Path,
    accept: str | None,
) -> str:
    """Compare the files of a data set with the registry.

    Args:
        dataset: an entry of the registry.
        parts: the opened parts of the data set.
        archive: the files of all parts.
        record: the record of the parts.
        root: the folder of all data, which holds checksums.json.
        accept: "sha256:HEX" of the only archive, or "content:HEX": accept these files unverified.

    Returns:
        How the files were verified: "published checksum", "structure; checksum as first used" or "accepted by the
        user".

    Raises:
        UserError: the files are not the published ones, or `accept` names other files.
    """
    if accept is not None:
        if accept not in (f"sha256:{record['sha256']}", f"content:{record['content']}"):
            raise _refusal(dataset, record, archive.path, f"expected {accept}, which was accepted")
        say(f"{archive.path} is accepted by the user, not verified: {_digests(record)}")
        return ACCEPTED
    _check_counts(dataset, archive, record)
    published = []
    for part in parts:
        try:
            published.append(_has_published_checksum(part))
        except _MismatchError as mismatch:
            raise _refusal(dataset, record, part.path, str(mismatch)) from None
    first = _remembered_contents(root).get(dataset.name, {}).get(REMEMBERED)
    if not all(published) and first not in (None, record["content"]):
        fault = f"expected content:{first}, which was used first here"
        forget = f"to use it from now on, with all its checks: delete {dataset.name!r} from {root / CHECKSUMS}"
        raise _refusal(dataset, record, archive.path, fault, forget)
    if all(published):
        remember_content(root, dataset.name, record["content"])
    return PUBLISHED if all(published) else AS_FIRST_USED


def _check_counts(dataset: DataSet, archive: Archive, record: UnverifiedRecord) -> None:
    """Raise a UserError if the numbers of files and folders are not the expected ones."""
    for kind, expected in dataset.expect.items():
        if kind.endswith("/"):
            count, counted = len(archive.folders(kind)), f"folders in {kind}"
        else:
            count, counted = archive.suffixes()[kind], f"{kind} files"
        if count != expected:
            raise _refusal(dataset, record, archive.path, f"expected {expected} {counted}, found {count}")


def _has_published_checksum(part: Part) -> bool:
    """Return whether a part, or every file that is read from it, has its published checksum.

    Returns:
        False if no checksum is published.

    Raises:
        _MismatchError: a checksum differs.
    """
    mismatch = None
    if part.remote.checksum and part.path.is_file():
        with open_file(part.path) as file:
            algorithm = part.remote.checksum.partition(":")[0]
            checksum = f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"
        if checksum == part.remote.checksum:
            return True
        mismatch = _MismatchError(f"expected {part.remote.checksum}, found {checksum}")
    published = {name: checksum for name, checksum in part.remote.files.items() if checksum}
    if published and len(published) == len(part.remote.files):
        # The archive may be extracted or packed again: its files are then the published ones all the same.
        for name in part.archive.order(published):
            algorithm = published[name].partition(":")[0]
            checksum = f"{algorithm}:{hashlib.new(algorithm, part.archive.read(name)).hexdigest()}"
            if checksum != published[name]:
                raise _MismatchError(f"expected {published[name]} of {name}, found {checksum}")
        return True
    if mismatch:
        raise mismatch
    return False


def _refusal(dataset: DataSet, record: UnverifiedRecord, path: Path, fault: str, remedy: str = "") -> UserError:
    option = f"--config 'accept={{{dataset.name}: \"content:{record['content']}\"}}'"
    return UserError(
        f"{path} is not what {dataset.name} should be: {fault}; {_digests(record)}; "
        f"{remedy + '; ' if remedy else ''}to use it unverified: {option}"
    )


def _digests(record: UnverifiedRecord) -> str:
    archive = f"sha256:{record['sha256']} and " if record["sha256"] else ""
    return f"found {archive}content:{record['content']}"


def _remembered_contents(root: Path) -> dict[str, dict[str, str]]:
    path = root / CHECKSUMS
    try:
        contents = files.read_json(path) if path.exists() else {}
        if not isinstance(contents, dict) or not all(isinstance(entry, dict) for entry in contents.values()):
            raise ValueError("it holds no contents by data set")
        return contents
    except (ValueError, OSError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it to trust the archives found next") from error


def remember_content(root: Path, name: str, content: str) -> None:
    """Remember the content digest of a data set whose images were all prepared, or have a published checksum.

    Args:
        root: the folder of all data.
        name: the data set.
        content: its content digest.
    """
    if _remembered_contents(root).get(name) == {REMEMBERED: content}:
        return
    root.mkdir(parents=True, exist_ok=True)
    path = root / CHECKSUMS
    with open_to_append(root / ".checksums.lock") as lock:  # several data sets may be fetched at the same time
        hold(lock, f"{path} is being written by another process; waiting for it to end")
        files.write_json(path, {**_remembered_contents(root), name: {REMEMBERED: content}})
