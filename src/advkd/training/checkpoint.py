"""Checkpoints for resuming: written atomically, the one before kept until the new one is whole."""

from pathlib import Path
from typing import Any

from advkd.files import atomic
from advkd.progress import say

NAMES = ("checkpoint.pt", "checkpoint.previous.pt")


def save(folder: Path, state: dict[str, Any]) -> None:
    """Write `state` (tensors, numbers, strings, lists and dicts of them) as the newest checkpoint of `folder`."""
    import torch  # here: who only removes checkpoints, or waits for another trainer, need not load it

    newest, previous = (folder / name for name in NAMES)
    with atomic(newest) as temporary:
        torch.save(state, temporary)
        if newest.exists():
            newest.replace(previous)


def load(folder: Path, identity: str) -> dict[str, Any] | None:
    """Return the newest whole checkpoint that belongs to this configuration and these data, or None.

    A damaged file is passed over for the one before; one of another identity is removed, so that a changed run
    never continues from the old one's weights. Nothing but tensors and plain values is unpickled.
    """
    import torch

    for path in (folder / name for name in NAMES):
        if not path.exists():
            continue
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            say(f"{path} is damaged ({type(error).__name__}); trying the one before")
            continue
        if state["identity"] == identity:
            return state
        say(f"{path} belongs to another configuration, data or code; starting anew")
        break
    remove(folder)
    return None


def remove(folder: Path) -> None:
    """Delete the checkpoints of a finished run."""
    for name in NAMES:
        (folder / name).unlink(missing_ok=True)
