"""Which members of an archive belong to a data set, and which archives are refused as unsafe.

Hidden files and `__MACOSX` do not belong to a data set: macOS adds them when it packs and unpacks.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

from advkd.errors import UserError

T = TypeVar("T")


def select_members(path: Path, members: Mapping[str, T], folder: str | None, only: Collection[str]) -> dict[str, T]:
    """Return the members of an archive that belong to the data set, by their names in the official folder.

    Args:
        path: the archive, for messages.
        members: the regular files of the archive, by their names in the archive.
        folder: the official folder, at any depth (the one nearest the top counts, and if it holds another one of its
            name, the inner one); None: the top of the archive.
        only: the names of the wanted files in the official folder; empty: all files that are not hidden.

    Raises:
        UserError: the folder or one of `only` is missing.
    """
    prefix = _folder_prefix(path, members, folder) if folder else ""
    inside = {name.removeprefix(prefix): member for name, member in members.items() if name.startswith(prefix)}
    if only:
        refuse_missing(path, [name for name in only if name not in inside])
        return {name: inside[name] for name in only}
    return {name: member for name, member in inside.items() if not is_hidden(name)}


def is_hidden(name: str) -> bool:
    """Return whether a file is hidden or was added by macOS."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def refuse_missing(path: Path, names: Collection[str]) -> None:
    """Raise a UserError if `names`, the files that `path` lacks, is not empty."""
    if names:
        raise UserError(f"{path} lacks {', '.join(names)}: not the official data, or not all of them")


def refuse_unsafe(path: Path, name: str, special: bool) -> None:
    """Raise a UserError if extracting a member could do harm.

    Args:
        path: the archive.
        name: the member's name.
        special: whether the member is a link, a device or the like.
    """
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or "\\" in name or "\0" in name:
        fault = "an absolute or foreign path"
    elif ".." in name.split("/"):
        fault = "a path that leads out of the archive"
    elif special:
        fault = "a link or a device"
    else:
        return
    raise untrusted(path, f"{fault}, {name!r}")


def untrusted(path: Path, fault: str) -> UserError:
    """Return the error for an archive that holds something that no official archive holds."""
    return UserError(f"{path} holds {fault}: not an archive to be trusted")


def _folder_prefix(path: Path, names: Collection[str], folder: str) -> str:
    """Return the path of `folder` in the archive, ending in `/`; see `select_members`."""
    prefixes: set[tuple[str, ...]] = set()
    for name in names:
        parts = name.split("/")[:-1]
        if folder in parts and "__MACOSX" not in parts:
            prefixes.add(tuple(parts[: parts.index(folder) + 1]))
    if not prefixes:
        raise UserError(f"{path} holds no folder {folder!r}: not the official archive")
    nearest = min(prefixes, key=lambda prefix: (len(prefix), prefix))
    prefix = "/".join(nearest) + "/"
    while any(name.startswith(f"{prefix}{folder}/") for name in names):
        prefix += f"{folder}/"
    return prefix
