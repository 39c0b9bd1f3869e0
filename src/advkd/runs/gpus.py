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
HIDDEN = ("-1", "NoDevFiles")  # hides itself and what follows; what older SLURMs say to jobs without a GPU
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
            say(f"all GPUs here ({len(candidates)}) are taken with runs_per_gpu={runs_per_gpu}; waiting for a free one")
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
    return [name for name in itertools.takewhile(lambda name: name not in HIDDEN, names) if name]


def visible() -> list[str]:
    """Return the GPUs that this process may use, by UUID where it is known, so that all names lead to one lock.

    In CUDA_VISIBLE_DEVICES, a number counts as in nvidia-smi's list, a UUID's beginning stands for it, and what comes
    after a name of none is hidden. The parts of a GPU (MIG) are not in the list, and stand for themselves.
    """
    everything = installed()
    if VISIBLE not in os.environ or not everything:
        return named() or everything
    found = []
    for name in named():
        numbered = everything[int(name)] if name.isdigit() and int(name) < len(everything) else None
        uuid = numbered or next((one for one in everything if one.startswith(name)), None)
        if not uuid and not name.startswith("MIG-"):
            break
        found.append(uuid or name)
    return found


def installed() -> list[str]:
    """Return the UUIDs of this machine's NVIDIA GPUs, in the order of their slots; none where nobody lists them."""
    try:
        command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line for line in told.splitlines() if line.startswith("GPU-")]  # of several, one may be out of order


def _lock_one(names: list[str], runs_per_gpu: int) -> str | None:
    """Lock a place on one of the GPUs, the second places after all first ones; returns the GPU's name.

    Raises:
        UserError: the folder of the locks cannot be used, or another user made it, who could have us open any file.
    """
    folder = Path(tempfile.gettempdir(), f"advkd-gpus-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid != os.getuid():
            raise UserError(f"{folder}, for the locks of the GPUs, is another user's: delete it, or set TMPDIR")
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
    except OSError as error:
        raise UserError(f"{folder} cannot hold the locks of the GPUs ({error.strerror}): set TMPDIR") from error
    return None
