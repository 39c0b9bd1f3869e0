"""One training in its run folder: resume, checkpoints, history, outcome. Knows no method and no loop.

A run folder holds `config.yaml`, `history.csv`, `model.safetensors`, `samples.npz` or `predictions.npz`,
`provenance.json`, `log.txt` and, written last, `result.json`: the only output of training that the workflow knows of.
"""

import contextlib
import csv
import io
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from advkd.files import digest, sha256, write_json, write_text
from advkd.progress import say
from advkd.runs import checkpoint, provenance

PRODUCTS = ("model.safetensors", "best.safetensors", "generator.safetensors", "samples.npz", "predictions.npz")


class Interrupted(Exception):
    """The process was asked to stop (SIGTERM, SIGUSR1); a checkpoint was written."""


class Diverged(Exception):
    """A loss or weight became non-finite: a result, not a fault."""

    def __init__(self, step: int, terms: dict[str, str], epoch: int | None = None) -> None:
        super().__init__(f"non-finite at step {step}")
        self.when = {"epoch": epoch, "step": step} if epoch else {"step": step}  # both from 1
        self.terms = terms


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
    def parents(self) -> dict[str, Path]:
        """The folders of the runs that this one learns from, by role."""
        return parent_folders(self.document, self.folder)

    @property
    def identity(self) -> str:
        """What a checkpoint must share to be continued: configuration, data, parents and, if asked for, the code."""
        code = provenance.code_hash() if self.afresh else None
        return digest([self.document["config_hash"], self.data["sha256"], self.data.get("parents"), code])

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
        for half_written in self.folder.rglob(".*tmp*"):  # by a process that was killed: .NAME.…tmp, safetensors' .tmp…
            if not half_written.is_dir():
                half_written.unlink(missing_ok=True)
        state = checkpoint.load(self.folder, self.identity)
        if state is None:
            shutil.rmtree(self.scratch, ignore_errors=True)
            # result.json and what follows from it first: they must not outlive what they describe.
            for name in ("result.json", "metrics.json", "provenance.json", *PRODUCTS, "history.csv"):
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


def parent_folders(document: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Return the folders of the runs that a run learns from, by role; all runs of a scale lie in one tree."""
    tree = Path(*folder.absolute().parts[: -len(Path(document["run"]).parts)])
    return {role: tree / parent["run"] for role, parent in document.get("parents", {}).items()}


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
