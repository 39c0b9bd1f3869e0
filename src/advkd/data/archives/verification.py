"""Whether the files of a data set are the published ones.

Some publish no checksum. Such files pass if they hold the official numbers of files and folders; the digest of their
content is then remembered, and another content under the same name is refused later. A user can accept any other data
by naming their digest, which the record and everything made from them then say.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from advkd import files
from advkd.data.archives.members import Archive
from advkd.data.archives.parts import Part
from advkd.data.registry import DataSet
from advkd.errors import UserError
from advkd.locks import hold
from advkd.progress import say


def verify(
    dataset: DataSet, parts: Sequence[Part], archive: Archive, record: dict, *, root: Path, accept: str | None
) -> str:
    """Check a data set's files against the registry and return what they were found to be.

    Args:
        dataset: an entry of the registry.
        parts: its opened parts.
        archive: their files together.
        record: their record, without "verified"; see `archives.fetch`, also for `root` and `accept`.

    Returns:
        "published checksum", "structure; checksum as first used" or "accepted by the user".

    Raises:
        UserError: they are something else, and `accept` does not name them.
    """

    def refuse(what: str, path: Path = archive.path) -> UserError:
        option = f"--config 'accept={{{dataset.name}: \"content:{record['content']}\"}}'"
        return UserError(
            f"{path} is not what {dataset.name} should be: {what}; {_found(record)}; to use it all the same: {option}"
        )

    if accept is not None:
        if accept not in (f"sha256:{record['sha256']}", f"content:{record['content']}"):
            raise refuse(f"expected {accept}, which was accepted")
        say(f"{archive.path} is accepted by the user, not verified: {_found(record)}")
        return "accepted by the user"
    for kind, expected in dataset.expect.items():
        found = len(archive.folders(kind)) if kind.endswith("/") else archive.suffixes()[kind]
        if found != expected:
            what = f"folders in {kind}" if kind.endswith("/") else f"{kind} files"
            raise refuse(f"expected {expected} {what}, found {found}")
    published = [_is_published(part, refuse) for part in parts]
    first = _remembered(root).get(dataset.name, {}).get("content")
    if not all(published) and first not in (None, record["content"]):
        raise refuse(f"expected content:{first}, which was used first here")
    _remember(root, dataset.name, record["content"])
    return "published checksum" if all(published) else "structure; checksum as first used"


def _is_published(part: Part, refuse: Callable[[str, Path], UserError]) -> bool:
    """Return whether a part, or every file that is read of it, has its published checksum; False if there is none."""
    expected, fault = part.remote.checksum, None
    if expected and part.path.is_file():
        algorithm = expected.partition(":")[0]
        with part.path.open("rb") as file:
            found = f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"
        if found == expected:
            return True
        fault = f"expected {expected}, found {found}"
    checksums = part.remote.files
    if checksums and all(checksums.values()):
        # the same files, extracted or packed anew
        for name in part.archive.order(checksums):
            algorithm = checksums[name].partition(":")[0]
            found = f"{algorithm}:{hashlib.new(algorithm, part.archive.read(name)).hexdigest()}"
            if found != checksums[name]:
                raise refuse(f"expected {checksums[name]} of {name}, found {found}", part.path)
        return True
    if fault:
        raise refuse(fault, part.path)
    return False


def _found(record: dict) -> str:
    archive = f"sha256:{record['sha256']} and " if record["sha256"] else ""
    return f"found {archive}content:{record['content']}"


def _remembered(root: Path) -> dict:
    path = root / "checksums.json"
    try:
        return files.read_json(path) if path.exists() else {}
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}): delete it to trust the archives found next") from error


def _remember(root: Path, name: str, content: str) -> None:
    if _remembered(root).get(name) == {"content": content}:
        return
    root.mkdir(parents=True, exist_ok=True)
    path = root / "checksums.json"
    with (root / ".checksums.lock").open("a") as lock:  # data sets are fetched side by side
        hold(lock, f"{path} is being written by another process; waiting for it to end")
        files.write_json(path, {**_remembered(root), name: {"content": content}})
