"""Trained networks that runs start from: `starts` in config/config.yaml gives each a name and a folder.

A run names one by its setting `start`. What counts is the content of its weights: their digest is part of the run's
identity, so that a run is outdated once the folder holds other weights, and not when it was moved.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from advkd.errors import UserError
from advkd.files import sha256
from advkd.suggestions import did_you_mean

# The weights of a classifier: in a run's folder, in an exported one, and on the Hugging Face Hub.
WEIGHTS = "model.safetensors"


class Named(NamedTuple):
    """A folder that the user named, and the state of its weights: time, size and inode; None where there are none."""

    name: str
    folder: str
    state: tuple[int, int, int] | None


@dataclass(frozen=True)
class Start:
    """The network that a run starts from.

    Attributes:
        name: as the run's setting `start` calls it.
        folder: where it lies on this machine, which decides nothing.
        sha256: digest of its file of weights.
    """

    name: str
    folder: str
    sha256: str

    def document(self) -> dict[str, str]:
        """Return what a run's config.yaml holds of it."""
        return asdict(self)


def name_all(folders: Mapping[str, str]) -> tuple[Named, ...]:
    """Return the folders that a user named, as they are now."""
    return tuple(Named(name, folder, _state(Path(folder, WEIGHTS))) for name, folder in sorted(folders.items()))


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size, about.st_ino


def find_start(run: str, name: str, named: tuple[Named, ...]) -> Start:
    """Return the network that a run starts from.

    Args:
        run: the run's name, for messages.
        name: the value of its setting `start`.
        named: the folders that the user named.

    Raises:
        UserError: no folder has this name, or it holds no file of weights that can be read.
    """
    folders = {entry.name: entry for entry in named}
    if name not in folders:
        there = did_you_mean(name, folders) or (f": {', '.join(folders)}" if folders else "")
        raise UserError(
            f"{run}: start is {name!r}, which `starts` does not name{there}; a folder with {WEIGHTS} is named with"
            f" --config 'starts={{{name}: DIR}}'"
        )
    entry = folders[name]
    if entry.state is None:
        lacks = f"has no {WEIGHTS}" if Path(entry.folder).is_dir() else "is no folder"
        raise UserError(
            f"{run}: {entry.folder}, which `starts` names {name}, {lacks}: name a folder that `advkd export` wrote, or"
            " a finished run's"
        )
    # The working folder may change between two questions.
    return Start(name, entry.folder, _digest(os.path.abspath(Path(entry.folder, WEIGHTS)), entry.state))  # noqa: PTH100


@lru_cache(maxsize=64)
def _digest(path: str, state: tuple[int, int, int]) -> str:
    try:
        return sha256(Path(path))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
