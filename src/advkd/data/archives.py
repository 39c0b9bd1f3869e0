"""Finding, downloading and verifying the archive of a data set.

CODEBRIM publishes no checksum. Its archive passes if it holds the official number of files; the digest of its content
is then remembered, and another content under the same name is refused later. A user can accept any other data by
naming its digest, which the record and everything made from it then say.
"""

import hashlib
from pathlib import Path

from advkd import files
from advkd.data.download import download
from advkd.data.members import Archive, open_archive
from advkd.data.registry import DataSet, RemoteFile
from advkd.errors import UserError
from advkd.progress import say


def fetch(dataset: DataSet, *, mirror: Path | None, root: Path, accept: str | None) -> dict:
    """Return the record of the data set's verified archive or extracted folder, downloading it if need be.

    Looked for in `mirror` if it is given, else in `root`/archives, else downloaded there. See `verify` for the record.

    Args:
        dataset: an entry of the registry whose first archive is a zip, or of which a folder is given as mirror.
        mirror: the archive, the extracted folder, or a folder that holds one of them by its official name.
        root: the folder of all data; checksums.json and archives/ lie in it.
        accept: "sha256:HEX" of the archive or "content:HEX", which lets data pass that fail verification.

    Raises:
        UserError: not found in the mirror, not to be downloaded, damaged, or not what was expected.
    """
    path = _locate(dataset, mirror, root)
    if path.is_file() and path.suffix != ".zip":
        raise UserError(f"{path}: extract it, and give the folder that holds {dataset.folder}: --config mirror=DIR")
    return verify(dataset, path, root=root, accept=accept)


def obtain(remote: RemoteFile, *, mirror: Path | None, root: Path, notice: str) -> Path:
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
        say(notice)
        download(remote.url, target, remote.checksum, remote.size)
    return target


def verify(dataset: DataSet, path: Path, *, root: Path, accept: str | None) -> dict:
    """Check an archive or extracted folder against the registry and return its record.

    The record: name, kind ("zip" or "folder"), path, folder (the official folder's name), sha256 (of the archive, None
    for a folder), content (`Archive.digest`), files (their number) and verified: "published checksum",
    "structure; checksum as first used" or "accepted by the user".

    Raises:
        UserError: it fails and `accept` does not name it.
    """
    archive = open_archive(path, dataset.folder)
    say(f"reading {path} to verify it")
    record = _record(dataset.name, dataset.folder, archive)

    def refuse(what: str) -> UserError:
        option = f"--config 'accept={{{dataset.name}: \"content:{record['content']}\"}}'"
        return UserError(
            f"{path} is not what {dataset.name} should be: {what}; {_found(record)}; to use it all the same: {option}"
        )

    if accept is not None:
        if accept not in (f"sha256:{record['sha256']}", f"content:{record['content']}"):
            raise refuse(f"expected {accept}, which was accepted")
        say(f"{path} is accepted by the user, not verified: {_found(record)}")
        return {**record, "verified": "accepted by the user"}
    suffixes = archive.suffixes()
    for suffix, expected in dataset.expect.items():
        if suffixes[suffix] != expected:
            raise refuse(f"expected {expected} {suffix} files, found {suffixes[suffix]}")
    published = dataset.archives[0].checksum
    if published and archive.kind == "zip":
        algorithm = published.partition(":")[0]
        with path.open("rb") as file:
            found = f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"
        if found != published:
            raise refuse(f"expected {published}, found {found}")
        verified = "published checksum"
    else:
        first = _remembered(root).get(dataset.name, {}).get("content")
        if first not in (None, record["content"]):
            raise refuse(f"expected content:{first}, which was used first here")
        verified = "structure; checksum as first used"
    _remember(root, dataset.name, record["content"])
    return {**record, "verified": verified}


def describe(name: str, path: Path, folder: str, verified: str = "drawn on the spot") -> dict:
    """Return the record of an archive made here, which nothing needs to verify."""
    return {**_record(name, folder, open_archive(path, folder)), "verified": verified}


def _locate(dataset: DataSet, mirror: Path | None, root: Path) -> Path:
    remote = dataset.archives[0]
    if mirror is None:
        return obtain(remote, mirror=None, root=root, notice=dataset.notice())
    mirror = Path(mirror)
    if not mirror.exists():
        raise UserError(f"the mirror {mirror} does not exist")
    if mirror.is_file():
        return mirror
    if (mirror / remote.file).is_file():
        return mirror / remote.file
    if (mirror / dataset.folder).is_dir():
        return mirror / dataset.folder
    if mirror.resolve().name == dataset.folder:
        return mirror
    raise UserError(
        f"the mirror {mirror} holds neither the archive {remote.file} nor the extracted folder {dataset.folder} of "
        f"{dataset.name}: put one there (from {dataset.homepage}), or leave mirror out to download it"
    )


def _record(name: str, folder: str, archive: Archive) -> dict:
    return {
        "name": name,
        "kind": archive.kind,
        "path": str(archive.path),
        "folder": folder,
        "sha256": files.sha256(archive.path) if archive.kind == "zip" else None,
        "content": archive.digest(),
        "files": len(archive.names()),
    }


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
    known = _remembered(root)
    if known.get(name) != {"content": content}:
        files.write_json(root / "checksums.json", {**known, name: {"content": content}})
