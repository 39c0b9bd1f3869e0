"""Fetching published network weights: from a named file, the mirror, or their address; always verified whole."""

import shutil
from pathlib import Path

from advkd import files
from advkd.data.archives.fetch import obtain
from advkd.data.registry import DataSet
from advkd.errors import UserError
from advkd.progress import say


def fetch(entry: DataSet, *, named: Path | None, mirror: Path | None, root: Path, out: Path) -> None:
    """Write the weights `entry` of the registry to `out`, after comparing their full checksum.

    Args:
        entry: weights of the registry, with a published SHA-256.
        named: a file that the user names; if None, the mirror is asked, and if that is None too, the address.
        mirror: a folder that holds the file by its published name. Without it there, the file is downloaded.
        root: the folder of all data; a download lands in its archives/.
        out: the file to write.

    Raises:
        UserError: no such file, another file, or no download.
    """
    remote = entry.archives[0]
    option = "name the right one with --config inception_weights=PATH"
    if named is not None and not named.is_file():
        raise UserError(f"{named} does not exist: {option}")
    if mirror is not None and not (mirror / remote.file).is_file():
        mirror = None
    path = named or obtain(remote, mirror=mirror, root=root, notice=entry.notice())
    found = f"sha256:{files.sha256(path)}"
    if found != remote.checksum:
        raise UserError(f"{path} is not {remote.file}: expected {remote.checksum}, found {found}; {option}")
    with files.atomic(out) as temporary:
        shutil.copyfile(path, temporary)
    say(f"{entry.title}: verified -> {out}")
