"""A server of jobs with few imports, whose jobs run a piece of Python."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from advkd.jobs import client
from advkd.jobs.launch import ADDRESS, THREADS
from checkouts import ROOT

LAUNCHER = """
import os, sys
from pathlib import Path
from advkd.jobs import launch

assert launch.start(sys.argv[2:], [], Path(sys.argv[1]))
print(os.environ[launch.ADDRESS], flush=True)
sys.stdin.read()
"""
SECONDS = 60


@dataclass
class Jobs:
    """A server that listens, and the process that stands for Snakemake."""

    snakemake: subprocess.Popen
    address: str
    folder: Path
    environment: dict[str, str]

    def start(self, code: str, *words: str, served: bool = True, **options) -> subprocess.Popen:
        """Start a job that runs `code`, through the client or plainly."""
        command = [sys.executable, "-m", "piece", code, *words]
        if served:
            command = [sys.executable, "-IS", client.__file__, self.address, *command]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        options = {"cwd": self.folder, "env": self.environment, **pipes, **options}
        return subprocess.Popen(command, text=True, **options)

    def run(self, code: str, *words: str, **options) -> tuple[int, str, str]:
        """Run a job to its end; return its exit code and what it printed."""
        job = self.start(code, *words, **options)
        out, err = job.communicate(timeout=SECONDS)
        return job.returncode, out, err

    @property
    def server(self) -> int:
        """The server's process id."""
        return int(self.run("import os; print(os.getppid())")[1])


@contextlib.contextmanager
def serving(tmp_path):
    """Yield a server of jobs, and end it."""
    sources, place = tmp_path / "src", tmp_path / "place"
    sources.mkdir()
    place.mkdir()
    (sources / "piece.py").write_text("import sys\nexec(sys.argv[1])\n")
    paths = f"{sources}{os.pathsep}{ROOT / 'src'}"
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": paths, "ADVKD_PROGRESS": "plain"}
    for variable in (ADDRESS, "PYTHONUNBUFFERED"):
        environment.pop(variable, None)
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, paths, "fetch", "fetch", "fetch"], cwd=place, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN),
    )  # fmt: skip
    address = process.stdout.readline().strip()
    # As workflow/rules/commands.smk sets it for the jobs: the source comes before what is there.
    yield Jobs(process, address, place, {**environment, "PYTHONPATH": f"{paths}{os.pathsep}{paths}"})
    process.stdin.close()
    process.wait(SECONDS)
    process.stdout.close()
    wait_until(lambda: not Path(address).parent.exists())


def wait_until(true: Callable[[], object]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def lives(process: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return False
