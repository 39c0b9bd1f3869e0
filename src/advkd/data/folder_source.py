"""Telling whether a store was prepared from what a user's folder of images holds today.

A store's name follows from its settings, before anything is read. So two folders that two checkouts call alike share a
store, and the content of a folder can change. The store's meta.json records the content that it was prepared from.
Reading a large folder takes minutes. So the contents that a folder had in a certain state (the names, sizes, times and
inodes of its files) are remembered beside the store, in `.STORE.seen.json`; a folder in a state that was seen is not
read again.
"""

import hashlib
import json
from pathlib import Path

from advkd import files
from advkd.data.archives.folder_archive import FolderArchive
from advkd.data.store_meta import read_meta
from advkd.errors import CannotWrite, UserError

MOST_REMEMBERED = 20  # states


def folder_state(folder: Path, links: bool = False) -> str:
    """Return a digest of the names, sizes, times and inodes of the files that count in a folder of images.

    With `links`, what its links lead to counts too.

    The time of an inode's last change cannot be set back, so that an edited file with its old time is seen.

    Raises:
        UserError: `folder` is not a folder, or a file in it went while it was looked at.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder of images: correct `folders`")
    state = hashlib.sha256()
    for name in FolderArchive(folder, quiet=True, links=links).names():
        try:
            stat = (folder / name).stat()
        except OSError as error:
            raise UserError(f"cannot read {name} in {folder}: {error.strerror}") from error
        numbers = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_dev, stat.st_ino)
        state.update(f"{name}\0{numbers}\n".encode(errors="surrogateescape"))
    return state.hexdigest()


def recorded_content(store: Path) -> str | None:
    """Return the content digest of the source of a store; None where there is no readable store."""
    try:
        content = read_meta(store)["source"]["content"]
    except (UserError, OSError, KeyError, TypeError):
        return None
    return content if isinstance(content, str) else None


def seen_content(folder: Path, store: Path, links: bool = False) -> str | None:
    """Return the content digest of a folder without reading its files; None where its state was not seen before.

    Raises:
        UserError: as `folder_state`.
    """
    return _seen_contents(store).get(folder_state(folder, links))


def remember_content(store: Path, state: str, content: str) -> None:
    """Remember which content a folder in a state has. Where this cannot be written, it is read again the next time."""
    seen = {known: of for known, of in _seen_contents(store).items() if known != state}
    latest = dict([*seen.items(), (state, content)][-MOST_REMEMBERED:])
    try:
        files.write_text(_seen_path(store), json.dumps(latest, indent=2) + "\n")  # in the order of their use
    except CannotWrite:
        return


def check_folder(folder: Path, store: Path, links: bool = False) -> None:
    """Check that a store was prepared from what a folder holds. A folder in a state that was not seen is read whole.

    Raises:
        UserError: `folder` is not a folder, or holds other images.
    """
    state = folder_state(folder, links)
    content = _seen_contents(store).get(state)
    if content is None:
        content = FolderArchive(folder, quiet=True, links=links).digest()
        if folder_state(folder, links) == state:
            remember_content(store, state, content)
    recorded = recorded_content(store)
    if recorded is not None and recorded != content:
        raise UserError(
            f"{store} was prepared from other images (content {recorded[:12]}) than {folder} holds today (content"
            f" {content[:12]}): start snakemake, which prepares it again, or correct `folders`"
        )


def _seen_contents(store: Path) -> dict[str, str]:
    """Return the contents by state that are remembered for a store; none where they cannot be read."""
    try:
        seen = files.read_json(_seen_path(store))
    except (OSError, ValueError):
        return {}
    return seen if isinstance(seen, dict) else {}


def _seen_path(store: Path) -> Path:
    store = Path(store)
    return store.parent / f".{store.name}.seen.json"
