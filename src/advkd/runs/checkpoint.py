"""Checkpoints for resuming. Each is written atomically, and the previous one is kept.

A checkpoint is a file of `torch.save`, followed by the 64 hexadecimal digits of its SHA-256. `torch.load` ignores what
follows, but it compares no checksums itself and would return damaged weights.
"""

import hashlib
from pathlib import Path
from typing import Any

from advkd.errors import NotAFile, machine_fault
from advkd.files import atomic, sha256
from advkd.opening import open_file
from advkd.progress import say
from advkd.runs.folder_names import CHECKPOINTS

DIGITS = 64  # of a SHA-256
CHUNK = 1 << 20  # bytes read at a time


def save(folder: Path, state: dict[str, Any]) -> None:
    """Write `state` (tensors, numbers, strings, lists and dicts of them) as the newest checkpoint of `folder`."""
    import torch  # here: a process that removes checkpoints or waits for another trainer does not need it

    newest, previous = (folder / name for name in CHECKPOINTS)
    with atomic(newest) as temporary:
        torch.save(state, temporary)
        checksum = sha256(temporary)
        with temporary.open("ab") as file:
            file.write(checksum.encode())
        if newest.exists():
            newest.replace(previous)


def load(folder: Path, identity: str) -> dict[str, Any] | None:
    """Return the newest intact checkpoint of this identity, or None.

    A damaged file is removed, and the previous one is tried. Checkpoints of another identity are removed, so that a run
    whose settings changed never continues from its old weights. Only tensors and plain values are unpickled.

    Args:
        folder: the run's folder.
        identity: digest of the configuration and the data.

    Raises:
        MemoryError, RuntimeError, OSError: memory or the disk fails (`errors.machine_fault`); the files stay.
    """
    paths = [path for name in CHECKPOINTS if (path := folder / name).exists()]
    for path in paths:
        try:
            state = _load_intact(path)
        except Exception as error:
            if machine_fault(error) or isinstance(error, NotAFile):
                raise  # the file may be intact, or is none of ours
            instead = "starting anew" if path == paths[-1] else "trying the one before"
            reason = str(error).partition("\n")[0] or type(error).__name__
            say(f"{path} is damaged ({reason}); {instead}")
            path.unlink()  # otherwise the next save would make it the previous one
            continue
        if state["identity"] == identity:
            return state
        say(f"{path} belongs to another configuration, data or code; starting anew")
        break
    remove(folder)
    return None


def _load_intact(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint; raises ValueError, or whatever torch raises, where it is damaged."""
    import torch

    end, digest = path.stat().st_size - DIGITS, hashlib.sha256()
    with open_file(path) as file:
        while chunk := file.read(max(0, min(CHUNK, end - file.tell()))):
            digest.update(chunk)
        if digest.hexdigest().encode() != file.read():
            raise ValueError("its checksum differs")
    state = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict) or "identity" not in state:
        raise ValueError("it holds something else")
    return state


def remove(folder: Path) -> None:
    """Delete the checkpoints of a finished run."""
    for name in CHECKPOINTS:
        (folder / name).unlink(missing_ok=True)
