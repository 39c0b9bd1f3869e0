"""Which of a machine's GPUs a process computes on: one that no other process of ours holds, by a lock on a file.

Snakemake counts GPUs (`--resources gpu=8`) but hands out none, and CUDA gives every process the first. So each process
locks a free one before torch is imported, and shows CUDA no other. The kernel ends the lock with the process, however
it ends. Where a scheduler has chosen (SLURM with one device), its choice stands.

Locks lie in the machine's own temporary folder: the checkout may be on a disk that other machines share.
"""

import fcntl
import itertools
import os
import subprocess
import tempfile
import time
from io import TextIOWrapper
from pathlib import Path

from advkd.errors import UserError
from advkd.progress import say

VISIBLE = "CUDA_VISIBLE_DEVICES"
WAIT = 1.0  # seconds between two looks for a free GPU
_held: list[TextIOWrapper] = []  # the lock of this process, until it ends


def hold(runs_per_gpu: int) -> None:
    """Wait for a GPU with fewer than `runs_per_gpu` processes of ours on it, and show CUDA that one alone.

    Nothing is done where there is nothing to choose: without a GPU, and with a scheduler's one. A process that holds a
    GPU keeps it.
    """
    candidates = visible()
    if _held or not candidates or ("SLURM_JOB_ID" in os.environ and len(candidates) == 1):
        return
    waiting = False
    while not (name := _lock_one(candidates, runs_per_gpu)):
        if not waiting:
            say(f"{runs_per_gpu} on each of the {len(candidates)} GPUs here (runs_per_gpu); waiting for one to end")
            waiting = True
        time.sleep(WAIT)
    os.environ[VISIBLE] = name


def release() -> None:
    """Give back the GPU that `hold` took, where it turns out that nothing can be computed on it."""
    while _held:
        _held.pop().close()
        del os.environ[VISIBLE]


def named() -> list[str]:
    """Return the GPUs that a scheduler or the user named for this process in CUDA_VISIBLE_DEVICES."""
    names = [name.strip() for name in os.environ.get(VISIBLE, "").split(",")]
    return [name for name in itertools.takewhile(lambda name: name != "-1", names) if name]  # -1 hides what follows


def visible() -> list[str]:
    """Return the GPUs that this process may use, by UUID where it is known, so that all names lead to one lock.

    In CUDA_VISIBLE_DEVICES, a number counts as in nvidia-smi's list, and a UUID's beginning stands for it.
    """
    everything = installed()

    def uuid(name: str) -> str:
        if name.isdigit() and int(name) < len(everything):
            return everything[int(name)]
        return next((one for one in everything if one.startswith(name)), name)

    return [uuid(name) for name in named()] if VISIBLE in os.environ else everything


def installed() -> list[str]:
    """Return the UUIDs of this machine's NVIDIA GPUs, in the order of their slots."""
    try:
        command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return []


def _lock_one(names: list[str], runs_per_gpu: int) -> str | None:
    """Lock a place on one of the GPUs, the second places after all first ones; returns the GPU's name."""
    folder = _folder()
    for place in range(runs_per_gpu):
        for name in names:
            file = (folder / f"{name.replace('/', '_')}.{place}").open("a")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            _held.append(file)
            return name
    return None


def _folder() -> Path:
    """Return the folder of the locks; raises UserError where another user made it, who could have us open any file."""
    folder = Path(tempfile.gettempdir(), f"advkd-gpus-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        ours = folder.lstat().st_uid == os.getuid()
    except OSError as error:
        raise UserError(f"{folder} cannot hold the locks of the GPUs ({error.strerror}): set TMPDIR") from error
    if not ours:
        raise UserError(f"{folder}, for the locks of the GPUs, is another user's: delete it, or set TMPDIR")
    return folder
