"""One training in its run folder: the lock, the resume, the outcome. Knows no method and no loop.

A run folder holds `config.yaml`, `history.csv`, `model.safetensors`, `samples.npz` (or predictions),
`provenance.json`, `log.txt` and, written last, `result.json`: the only file that the workflow knows of.
"""

import contextlib
import csv
import fcntl
import io
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from advkd.data.store import Store
from advkd.errors import UserError
from advkd.files import digest, read_json, sha256, write_json, write_text
from advkd.progress import logging_to, say
from advkd.training import checkpoint, provenance
from advkd.training.allocator import keep_freed_memory

PRODUCTS = ("model.safetensors", "samples.npz", "predictions.npz")


class Interrupted(Exception):
    """The process was asked to stop (SIGTERM, SIGUSR1); a checkpoint was written."""


class Diverged(Exception):
    """A loss or weight became non-finite: a result, not a fault."""

    def __init__(self, step: int, terms: dict[str, str]) -> None:
        super().__init__(f"non-finite at step {step}")
        self.step, self.terms = step, terms


@dataclass
class Session:
    """A running training: its folder, its resolved configuration, and what has happened so far."""

    folder: Path
    document: dict[str, Any]
    data: dict[str, Any]
    device: Any
    checkpoint_seconds: float
    afresh: bool
    history: list[dict[str, Any]] = field(default_factory=list)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    seconds_before: float = 0.0
    step: int = 0
    began: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)
    stop: bool = False

    @property
    def settings(self) -> SimpleNamespace:
        """The run's settings as attributes."""
        return SimpleNamespace(**self.document["settings"])

    @property
    def identity(self) -> str:
        """What a checkpoint must share to be continued: configuration, data and, if asked for, the code."""
        code = provenance.code_hash() if self.afresh else None
        return digest([self.document["config_hash"], self.data["sha256"], code])

    @property
    def scratch(self) -> Path:
        """What a loop keeps beside its checkpoints until the run is done."""
        return self.folder / "scratch"

    @property
    def seconds(self) -> float:
        """Wall time of all attempts so far."""
        return self.seconds_before + time.monotonic() - self.began

    def resume(self) -> dict[str, Any] | None:
        """Return the state to continue from, or None; then nothing of an earlier training is left in the folder."""
        for half_written in self.folder.rglob(".*.tmp*"):  # by a process that was killed
            half_written.unlink()
        state = checkpoint.load(self.folder, self.identity)
        if state is None:
            shutil.rmtree(self.scratch, ignore_errors=True)
            for name in (*PRODUCTS, "history.csv", "provenance.json"):
                (self.folder / name).unlink(missing_ok=True)
        else:
            self.step, self.history, self.attempts = state["step"], state["history"], state["attempts"]
            self.seconds_before = state["seconds"]
            before = self.attempts[-1]
            if before["threads"] != self.document["threads"] or before["device"] != str(self.device):
                say(f"resuming on {self.device} with {self.document['threads']} threads what began on"
                    f" {before['device']} with {before['threads']}: results may differ in the last bits")  # fmt: skip
            if before["code"] != provenance.code_hash():
                say("resuming with code that changed since this run began")
        self.attempts.append(
            {
                "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "from_step": self.step,
                "threads": self.document["threads"],
                "device": str(self.device),
                "code": provenance.code_hash(),
                **provenance.commit(),
                **provenance.machine(self.device),
            }
        )
        self.write_history()
        threads = self.document["threads"]
        say(f"{self.document['run']}: from step {self.step} on {self.device}, {threads} thread(s)")
        return state["state"] if state else None

    def save(self, state: dict[str, Any]) -> None:
        """Write a checkpoint of everything that `resume` gives back."""
        shared = {
            "identity": self.identity,
            "step": self.step,
            "history": self.history,
            "attempts": self.attempts,
            "seconds": self.seconds,
        }
        checkpoint.save(self.folder, {**shared, "state": state})
        self.write_history()
        self.saved = time.monotonic()

    def save_if_due(self, state: Any) -> None:
        """Checkpoint when `checkpoint_seconds` have passed or a signal asked to stop; `state` is a function."""
        if self.stop or time.monotonic() - self.saved >= self.checkpoint_seconds:
            self.save(state())
        if self.stop:
            raise Interrupted

    def write_history(self) -> None:
        """Write history.csv: one row a logged step, the same bytes whether or not the run was interrupted."""
        if self.history:
            text = io.StringIO()
            writer = csv.DictWriter(text, list(self.history[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.history)
            write_text(self.folder / "history.csv", text.getvalue())

    def finish(self, result: dict[str, Any]) -> None:
        """Write provenance and, last, result.json; then drop the checkpoints of a run that is done."""
        self.write_history()
        files = {name: self.folder / name for name in PRODUCTS}
        result = {
            "run": self.document["run"],
            "config_hash": self.document["config_hash"],
            **result,
            "sha256": {name: sha256(path) for name, path in files.items() if path.exists()},
        }
        write_json(
            self.folder / "provenance.json",
            {
                "scale": self.document["scale"],
                "result": result,
                "code": "+".join(dict.fromkeys(attempt["code"] for attempt in self.attempts)),
                "wall_seconds": round(self.seconds, 1),
                "peak_memory_mib": provenance.peak_memory_mib(self.device),
                "data": self.data,
                "attempts": self.attempts,
            },
        )
        write_json(self.folder / "result.json", result)
        if result["status"] == "done":
            clean(self.folder)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run folder's lock; wait for another process that trains the same run (an orphan of a killed workflow).

    The kernel releases the lock when its holder dies, however it dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{folder} is being trained by another process; waiting for it to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def train(
    document: dict[str, Any],
    folder: Path,
    data_root: Path,
    device: str,
    checkpoint_seconds: float,
    afresh: bool = False,
) -> int:
    """Train the run that `document` describes, from where it stopped, in `folder`.

    A run that was finished with this configuration on these data is kept; `afresh` keeps it only if the code is the
    same too. Returns the exit status: 0 also where training diverged (a result), 143 where it was asked to stop and
    can be started again. Raises UserError for a missing store or device.
    """
    keep_freed_memory()
    with logging_to(folder / "log.txt"), locked(folder):
        store = Store.open(data_root / "stores" / document["store"])
        data = {"store": document["store"], **{key: store.meta[key] for key in ("name", "classes", "source", "sha256")}}
        if result := finished(folder, document, data, afresh):
            by = "by another process" if (folder / "result.json").exists() else "before, and nothing of it changed"
            write_json(folder / "result.json", result)
            if result["status"] == "done":
                clean(folder)
            say(f"{document['run']}: finished {by}")
            return 0
        # Only now: importing torch takes seconds, and a second trainer waits above at no cost.
        import torch

        from advkd.training import gan

        chosen = select_device(device)
        torch.set_num_threads(document["threads"])
        write_text(folder / "config.yaml", yaml.safe_dump(document, sort_keys=False))
        session = Session(folder, document, data, chosen, checkpoint_seconds, afresh)
        try:
            with stopping_on_signals(session):
                outcome = gan.train(session, store)
        except Diverged as error:
            say(f"{document['run']}: diverged at step {error.step}: {error.terms}")
            kept = next((name for name in checkpoint.NAMES if (folder / name).exists()), None)
            outcome = {"status": "diverged", "step": error.step, "terms": error.terms, "checkpoint": kept}
        except Interrupted:
            say(f"{document['run']}: stopped on request at step {session.step}; start it again to continue")
            return 143
        session.finish(outcome)
        say(f"{document['run']}: {outcome['status']} after {session.seconds:.1f} s")
        return 0


def finished(folder: Path, document: dict[str, Any], data: dict[str, Any], afresh: bool) -> dict[str, Any] | None:
    """Return the result of a finished run whose configuration, data and files are as they should be, or None."""
    if not (folder / "provenance.json").exists():
        return None
    found = read_json(folder / "provenance.json")
    result = found["result"]
    same = result["config_hash"] == document["config_hash"] and found["data"] == data
    if not same or (afresh and found["code"] != provenance.code_hash()):
        return None
    intact = all((folder / name).exists() and sha256(folder / name) == s for name, s in result["sha256"].items())
    return result if intact else None


def clean(folder: Path) -> None:
    """Remove what only an unfinished training needs."""
    checkpoint.remove(folder)
    shutil.rmtree(folder / "scratch", ignore_errors=True)


@contextlib.contextmanager
def stopping_on_signals(session: Session) -> Iterator[None]:
    """Let SIGTERM and SIGUSR1, which schedulers send before they kill, stop the training at its next step."""
    numbers = (signal.SIGTERM, signal.SIGUSR1)
    before = [signal.signal(number, lambda *_: setattr(session, "stop", True)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def select_device(name: str) -> Any:
    """Return the torch device for auto, cpu or cuda; raises UserError where CUDA is asked for and absent."""
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device is cuda, but torch finds no CUDA device here: use --config device=cpu (or auto)")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
