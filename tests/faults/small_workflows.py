"""A workflow of one tiny training, started as a process of its own, and the training's process inside it."""

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
LONGEST = 300  # seconds until what is waited for


def resolved() -> Resolved:
    """Return the run, as the working folder's config resolves it."""
    return config.resolve(RUN, USER)


def prepare() -> None:
    """Make in the working folder what the run reads, where the workflow looks for it."""
    made = f"data/made/codebrim-{SETTINGS['made_photos']}.json"
    assert main(["draw", "codebrim", "--size", str(SETTINGS["made_photos"]), "--out", made]) == 0
    one = resolved()
    words = ["prepare", made, "--settings", json.dumps(one.store_settings), "--out", f"data/stores/{one.store}"]
    assert main(words) == 0


def finish(name: str, tiny: ModuleType, user: User) -> None:
    """Train a run in the working folder, on the store that `tiny_runs` or `tiny_classifiers` makes."""
    one = config.resolve(name, user)
    (made,) = (tiny.make_store(Path("made", one.run.paper)) / "stores").iterdir()
    Path("data/stores").mkdir(parents=True, exist_ok=True)
    made.rename(Path("data/stores", one.store))
    assert train(one.document(), one.run.folder(user.scale), Path("data"), "cpu", 1000) == 0


@contextlib.contextmanager
def started(command: list[str], checkout: Path) -> Iterator[subprocess.Popen]:
    """Run a command in `checkout`, its lines in out.txt there; nothing of it lives on afterwards."""
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
