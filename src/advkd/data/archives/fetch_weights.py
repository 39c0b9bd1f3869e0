"""Finding or downloading published network weights, and verifying their checksum."""

import shutil
from pathlib import Path

from advkd import files
from advkd.data.archives.download import find_or_download
from advkd.data.registry import DataSet
from advkd.errors import UserError
from advkd.progress import say


def fetch_weights(entry: DataSet, *, file: Path | None, mirror: Path | None, root: Path, out: Path) -> None:
    """Write published weights to `out` after verifying their checksum.

    Args:
        entry: the weights' entry in the registry, with a published SHA-256.
        file: the file to use; None: look in the mirror, then in `root`/archives, and if it is not there, download it.
        mirror: a folder that may hold the file under its published name.
        root: the folder of all data; downloads go to its archives/.
        out: the file to write.

    Raises:
        UserError: `file` does not exist, the file is not the published one, or it cannot be downloaded.
    """
    remote = entry.archives[0]
    option = "name the right one with --config inception_weights=PATH"
    if file is not None and not file.is_file():
        raise UserError(f"{file} does not exist: {option}")
    if mirror is not None and not (mirror / remote.file).is_file():
        mirror = None
    path = file or find_or_download(remote, mirror=mirror, root=root, notice=entry.notice())
    checksum = f"sha256:{files.sha256(path)}"
    if checksum != remote.checksum:
        raise UserError(f"{path} is not {remote.file}: expected {remote.checksum}, found {checksum}; {option}")
    with files.atomic(out) as temporary:
        shutil.copyfile(path, temporary)
    say(f"{entry.title}: verified -> {out}")
