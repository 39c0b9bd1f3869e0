"""Starts the server of jobs for Snakemake, and ends it with Snakemake."""

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from advkd.jobs.server import ROOM

ADDRESS = "ADVKD_JOBS"  # the variable that names the socket to the jobs' shells
FEW = 3  # for fewer jobs the server's imports take longer than theirs
WAITING = 1000  # clients that may wait for the server's imports
# What Snakemake sets to the number of a job's threads.
THREADS = (
    "OMP_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)  # fmt: skip
SECONDS = 5  # that the server has to end


def start(rules: Iterable[str], features: Iterable[str], source: Path | None) -> bool:
    """Start the server for the coming jobs; return whether there is one.

    Args:
        rules: the rule of each coming job.
        features: the feature networks of the coming evaluations, such as random_inception64.
        source: the folder of a checkout that holds the package, put before PYTHONPATH; None: it is installed.
    """
    rules = list(rules)
    if sys.platform != "linux" or len(rules) < FEW:
        return False
    try:
        folder = tempfile.mkdtemp(prefix="advkd-jobs-")
    except OSError:
        return False
    try:
        server = _start(Path(folder), [*sorted(set(rules)), *sorted(set(features))], source)
    except OSError:  # also where the folder's name is too long for a socket
        shutil.rmtree(folder, ignore_errors=True)
        return False
    atexit.register(_stop, server, folder, os.getpid())
    os.environ[ADDRESS] = f"{folder}/socket"
    return True


def _start(folder: Path, words: list[str], source: Path | None) -> subprocess.Popen[bytes]:
    threads = dict.fromkeys(THREADS, "1")
    environment = {**os.environ, **threads, "ADVKD_PROGRESS": "plain"}
    if source:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(source), environment.get("PYTHONPATH")]))
    environment.pop(ADDRESS, None)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        listener.listen(WAITING)
        number = listener.fileno()
        # The server ends when its standard input does: when this process closes it, or dies.
        return subprocess.Popen(
            [sys.executable, "-m", "advkd.jobs.server", str(number), *words, ROOM],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[number],
            env=environment, start_new_session=True,
        )  # fmt: skip


def _stop(server: subprocess.Popen[bytes], folder: str, owner: int) -> None:
    """End the server, unless this is a copy of the process that started it."""
    if os.getpid() != owner:
        return
    assert server.stdin is not None
    server.stdin.close()
    try:
        server.wait(SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
    shutil.rmtree(folder, ignore_errors=True)
