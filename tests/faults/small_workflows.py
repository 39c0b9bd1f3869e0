"""A workflow of a single tiny training in its own process, and the process of that training."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import psutil

from advkd.cli import main
from advkd.runs.lookup import folder_of
from advkd.runs.train import train
from advkd.settings import config
from advkd.settings.config import Resolved
from advkd.settings.user import User
from checkouts import environment

RUN = "okd/codebrim/sagan/single/seed0"
FOLDER = Path("results/smoke/runs", RUN)
PRODUCTS = ("result.json", "model.safetensors", "samples.npz", "history.csv")
SETTINGS = {
    "crops": 24, "held_out_crops": 8, "made_photos": 12, "width": 8, "batch": 4, "iterations": 40, "fakes": 4,
    "early_iteration": 0, "curve_points": 0,
}  # fmt: skip
USER = User(override={"okd": SETTINGS}, device="cpu", checkpoint_seconds=0)
CONFIG = ["--config", f"override={json.dumps({'okd': SETTINGS})}", "device=cpu", "checkpoint_seconds=0"]
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--cores", "2"]
LONGEST = 300  # seconds to wait at most


def resolved() -> Resolved:
    """Return the run, with the configuration of the working folder."""
    return config.resolve(RUN, USER)


def prepare() -> None:
    """Make the run's input in the working folder, at the paths of the workflow."""
    made = f"data/made/codebrim-{SETTINGS['made_photos']}.json"
    assert main(["draw", "codebrim", "--size", str(SETTINGS["made_photos"]), "--out", made]) == 0
    run = resolved()
    words = ["prepare", made, "--settings", json.dumps(run.store_settings), "--out", f"data/stores/{run.store}"]
    assert main(words) == 0


def finish(name: str, tiny: ModuleType, user: User) -> None:
    """Train a run in the working folder, on the store that `tiny_runs` or `tiny_classifiers` makes."""
    run = config.resolve(name, user)
    (made,) = (tiny.make_store(Path("made", run.run.paper)) / "stores").iterdir()
    Path("data/stores").mkdir(parents=True, exist_ok=True)
    made.rename(Path("data/stores", run.store))
    assert train(run.document(), folder_of(run).path, Path("data"), "cpu", 1000) == 0


@contextlib.contextmanager
def started(command: list[str], checkout: Path) -> Iterator[subprocess.Popen]:
    """Run a command in `checkout` with its output in out.txt; kill all its processes afterwards."""
    with (checkout / "out.txt").open("w") as out:
        process = subprocess.Popen(
            command, cwd=checkout, env=environment(checkout), stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def training(workflow: subprocess.Popen, checkout: Path) -> psutil.Process:
    """Wait for the workflow's training to write a checkpoint; return the training's process."""
    deadline = time.monotonic() + LONGEST
    while not (checkout / FOLDER / "checkpoint.pt").exists():
        assert workflow.poll() is None and time.monotonic() < deadline, (checkout / "out.txt").read_text()
        time.sleep(0.02)
    children = psutil.Process(workflow.pid).children(recursive=True)
    return next(child for child in children if {"advkd", "train", RUN} <= set(child.cmdline()))
