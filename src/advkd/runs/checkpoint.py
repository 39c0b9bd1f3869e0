"""Checkpoints for resuming: written atomically, the one before kept until the new one is whole.

A checkpoint is what `torch.save` writes, and behind it the 64 digits of its SHA-256, past which `torch.load` reads:
it compares no checksums itself, and would hand out changed weights.
"""

import hashlib
from pathlib import Path
from typing import Any

from advkd.errors import machine_fault
from advkd.files import atomic, sha256
from advkd.progress import say
from advkd.runs.folder import CHECKPOINTS as NAMES

DIGITS = 64  # of a SHA-256
CHUNK = 1 << 20


def save(folder: Path, state: dict[str, Any]) -> None:
    """Write `state` (tensors, numbers, strings, lists and dicts of them) as the newest checkpoint of `folder`."""
    import torch  # here: who only removes checkpoints, or waits for another trainer, need not load it

    newest, previous = (folder / name for name in NAMES)
    with atomic(newest) as temporary:
        torch.save(state, temporary)
        checksum = sha256(temporary)
        with temporary.open("ab") as file:
            file.write(checksum.encode())
        if newest.exists():
            newest.replace(previous)


def load(folder: Path, identity: str) -> dict[str, Any] | None:
    """Return the newest whole checkpoint that belongs to this configuration and these data, or None.

    A damaged file is removed and the one before taken; one of another identity is removed, so that a changed run
    never continues from the old one's weights. Nothing but tensors and plain values is unpickled.

    Raises:
        MemoryError, RuntimeError, OSError: memory or the disk fails (`errors.machine_fault`); the files stay.
    """
    paths = [path for name in NAMES if (path := folder / name).exists()]
    for path in paths:
        try:
            state = _read(path)
        except Exception as error:
            if machine_fault(error):
                raise  # the file may be whole
            instead = "starting anew" if path == paths[-1] else "trying the one before"
            reason = str(error).partition("\n")[0] or type(error).__name__
            say(f"{path} is damaged ({reason}); {instead}")
            path.unlink()  # else the next save would put it in the place of the one before
            continue
        if state["identity"] == identity:
            return state
        say(f"{path} belongs to another configuration, data or code; starting anew")
        break
    remove(folder)
    return None


def _read(path: Path) -> dict[str, Any]:
    import torch

    end, found = path.stat().st_size - DIGITS, hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(max(0, min(CHUNK, end - file.tell()))):
            found.update(chunk)
        if found.hexdigest().encode() != file.read():
            raise ValueError("its checksum differs")
    state = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict) or "identity" not in state:
        raise ValueError("it holds something else")
    return state


def remove(folder: Path) -> None:
    """Delete the checkpoints of a finished run."""
    for name in NAMES:
        (folder / name).unlink(missing_ok=True)
