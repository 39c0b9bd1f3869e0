"""Gives each process a GPU of its own, by a lock on a file per GPU.

Snakemake counts GPUs (`--resources gpu=8`) but assigns none, and CUDA gives every process the first one. Therefore each
process locks a free GPU before torch is imported, and hides the others from CUDA. The kernel releases the lock when the
process ends, however it ends. If a scheduler has chosen (SLURM with one device), its choice is kept.

The locks are in the machine's own temporary folder, because the checkout may be on a disk that other machines share.
"""

import itertools
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

from advkd.errors import UserError
from advkd.locks import try_hold
from advkd.opening import open_to_append
from advkd.progress import say

VISIBLE = "CUDA_VISIBLE_DEVICES"
HIDDEN = ("-1", "NoDevFiles")  # CUDA ignores these and what follows; older SLURMs set them for jobs without a GPU
WAIT = 1.0  # seconds between two looks for a free GPU
_held: list[BinaryIO] = []  # the lock of this process, held until it ends


def hold(runs_per_gpu: int) -> None:
    """Wait for a GPU with fewer than `runs_per_gpu` processes of this package on it, and hide the others from CUDA.

    Does nothing if there is no GPU, if a scheduler has assigned one, or if the process already holds one.
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
    """Release the GPU that `hold` took, if it turns out that torch cannot use it."""
    while _held:
        _held.pop().close()
        del os.environ[VISIBLE]


def named() -> list[str]:
    """Return the GPUs that a scheduler or the user has listed for this process in CUDA_VISIBLE_DEVICES."""
    names = [name.strip() for name in os.environ.get(VISIBLE, "").split(",")]
    return [name for name in itertools.takewhile(lambda name: name not in HIDDEN, names) if name]


def visible() -> list[str]:
    """Return the GPUs that this process may use, by UUID where it is known, so that a GPU has one lock.

    CUDA_VISIBLE_DEVICES may contain numbers in nvidia-smi's order and beginnings of UUIDs. Everything after a name that
    matches no GPU is hidden. Parts of a GPU (MIG) are not in nvidia-smi's list and keep the name that they have.
    """
    everything = installed()
    if VISIBLE not in os.environ or not everything:
        return named() or everything
    gpus = []
    for name in named():
        numbered = everything[int(name)] if name.isdigit() and int(name) < len(everything) else None
        uuid = numbered or next((gpu for gpu in everything if gpu.startswith(name)), None)
        if not uuid and not name.startswith("MIG-"):
            break
        gpus.append(uuid or name)
    return gpus


def installed() -> list[str]:
    """Return the UUIDs of this machine's NVIDIA GPUs in the order of their slots; none if nvidia-smi does not run."""
    try:
        command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
        output = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line for line in output.splitlines() if line.startswith("GPU-")]  # a broken GPU gives a line of its own


def _lock_one(names: list[str], runs_per_gpu: int) -> str | None:
    """Lock a place on one of the GPUs and return the GPU's name, or None if all places are taken.

    The first places of all GPUs are tried before the second ones.

    Raises:
        UserError: the folder of the locks cannot be used, or it belongs to another user, whose links could lead to any
            file.
    """
    folder = Path(tempfile.gettempdir(), f"advkd-gpus-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid != os.getuid():
            raise UserError(f"{folder}, for the locks of the GPUs, is another user's: delete it, or set TMPDIR")
        for place in range(runs_per_gpu):
            for name in names:
                file = open_to_append(folder / f"{name.replace('/', '_')}.{place}")
                if try_hold(file):
                    _held.append(file)
                    return name
                file.close()
    except OSError as error:
        raise UserError(f"{folder} cannot hold the locks of the GPUs ({error.strerror}): set TMPDIR") from error
    return None
