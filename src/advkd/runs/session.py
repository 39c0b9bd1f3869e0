"""A training while it runs, in its folder: resume, checkpoints, history, products, outcome.

`Session` implements `advkd.training.session.Session`. It knows no method and no loop.
"""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advkd.damage import readable
from advkd.errors import UserError
from advkd.files import digest, sha256
from advkd.progress import say
from advkd.runs import checkpoint, code, provenance
from advkd.runs import folder_names as files
from advkd.runs.folder import RunFolder
from advkd.runs.folder_writer import WritableFolder
from advkd.runs.state import Ending
from advkd.settings.classifier import ClassifierRun
from advkd.settings.papers import RunSettings, run_settings
from advkd.settings.starts import WEIGHTS as WEIGHTS_OF_START

if TYPE_CHECKING:  # whoever waits for another trainer or for a GPU loads neither
    import numpy as np
    from torch import Tensor

    from advkd.training.session import Arrays, Weights

WEIGHTS: dict["Weights", str] = {"last": files.MODEL, "best": files.BEST, "generator": files.GENERATOR}
ARRAYS: dict["Arrays", str] = {"samples": files.SAMPLES, "predictions": files.PREDICTIONS}


class Interrupted(Exception):
    """The process was asked to stop (Ctrl-C, SIGTERM, SIGUSR1); a checkpoint was written."""


@dataclass(frozen=True)
class Parent:
    """A run that another one starts from or learns from. See `advkd.training.session.Parent`."""

    folder: RunFolder

    @property
    def run(self) -> str:
        """The run's name."""
        return self.folder.run

    def settings(self) -> ClassifierRun:
        """Return the settings that the run was trained with."""
        return self.folder.settings(ClassifierRun)

    def weights(self, which: "Weights") -> dict[str, "Tensor"]:
        """Return weights by name, on the CPU."""
        return self.folder.weights(WEIGHTS[which])

    def column(self, name: str) -> list[float]:
        """Return the values of a column of the history."""
        values = [value for value in self.folder.history().get(name, []) if value is not None]
        if not values:
            raise self.folder.damaged(files.HISTORY, f"has no value of {name!r}")
        return values

    def describe(self, which: "Weights") -> str:
        """Return the path of weights."""
        return str(self.folder.file(WEIGHTS[which]))


@dataclass
class Session:
    """A training while it runs. See `advkd.training.session.Session`.

    Attributes:
        folder: the run's folder.
        document: the resolved configuration, as config.yaml holds it.
        data: the data set and the parents' weights, as provenance.json holds them.
        device: the torch device.
        checkpoint_seconds: the time between checkpoints.
        afresh: whether a checkpoint of other code is dropped.
        command: what the user typed; None where it is unknown.
        history: the rows logged so far.
        attempts: when, where and by which code each attempt trained, this one last.
        seconds_before: wall time of the earlier attempts.
        step: steps taken, over all attempts.
        began: when this attempt began, on the monotonic clock.
        saved: when the last checkpoint was written.
        stop: the signal that asked to stop; 0 where none did.
    """

    folder: WritableFolder
    document: dict[str, Any]
    data: dict[str, Any]
    device: Any
    checkpoint_seconds: float
    afresh: bool
    command: str | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    seconds_before: float = 0.0
    step: int = 0
    began: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)
    stop: int = 0

    @cached_property
    def settings(self) -> RunSettings:
        """The run's settings."""
        return run_settings(self.document["run"], self.document["settings"])

    @property
    def generation(self) -> int:
        """0 for a run without parents, otherwise 1 more than the largest generation of its parents."""
        generation: int = self.document["generation"]
        return generation

    @property
    def parents(self) -> dict[str, Parent]:
        """The runs that this one starts from or learns from, by role."""
        return {role: Parent(parent) for role, parent in parent_folders(self.document, self.folder).items()}

    @property
    def identity(self) -> str:
        """Digest of what a checkpoint must share to be continued: configuration, data, parents and, if afresh, code."""
        code = self.code if self.afresh else None
        return digest([self.document["config_hash"], self.data["sha256"], self.data.get("parents"), code])

    @cached_property
    def code(self) -> str:
        """Digest of today's code behind the run."""
        return code.code_of(self.settings, [parent.settings() for parent in self.parents.values()])

    @property
    def seconds(self) -> float:
        """Wall time of all attempts so far."""
        return self.seconds_before + time.monotonic() - self.began

    def start_weights(self) -> tuple[dict[str, "Tensor"], str]:
        """Return the weights that the run starts from, CPU tensors by name, and where they lie."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        start, path = self.document["start"], Path(self.document["start"]["folder"], WEIGHTS_OF_START)
        with readable(str(path), "correct `starts`"):
            if sha256(path) != start["sha256"]:
                raise UserError(f"{path} changed since {self.document['run']} was set up: start snakemake again")
            try:
                return load_file(path), str(path)
            except SafetensorError as error:
                raise ValueError(str(error)) from error

    def resume(self) -> dict[str, Any] | None:
        """Return the state to continue from, or None; in this case, remove what an earlier training left."""
        self.folder.remove_half_written()
        state = checkpoint.load(self.folder.path, self.identity)
        if state is None:
            self.folder.remove_products()
        else:
            self.step, self.history, self.attempts = state["step"], state["history"], state["attempts"]
            self.seconds_before = state["seconds"]
            before = self.attempts[-1]
            if before["threads"] != self.document["threads"] or before["device"] != str(self.device):
                say(
                    f"resuming on {self.device} with {self.document['threads']} threads what began on"
                    f" {before['device']} with {before['threads']}: results may differ in the last bits"
                )
            if before["code"] != self.code:
                say("resuming with code that changed since this run began")
        self.attempts.append(
            {
                "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "from_step": self.step,
                "threads": self.document["threads"],
                "device": str(self.device),
                "code": self.code,
                "command": self.command,
                **provenance.commit(),
                **provenance.machine(self.device),
            }
        )
        self.write_history()
        threads = self.document["threads"]
        say(f"{self.document['run']}: from step {self.step} on {self.device}, {threads} thread(s)")
        return state["state"] if state else None

    def save(self, state: dict[str, Any]) -> None:
        """Write a checkpoint, from which `resume` can continue."""
        shared = {
            "identity": self.identity,
            "step": self.step,
            "history": self.history,
            "attempts": self.attempts,
            "seconds": self.seconds,
        }
        checkpoint.save(self.folder.path, {**shared, "state": state})
        self.write_history()
        self.saved = time.monotonic()

    def save_if_due(self, state: Callable[[], dict[str, Any]]) -> None:
        """Save the state that `state` returns if `checkpoint_seconds` have passed or a signal asked to stop.

        Raises:
            Interrupted: a signal asked to stop.
        """
        if self.stop or time.monotonic() - self.saved >= self.checkpoint_seconds:
            self.save(state())
        if self.stop:
            raise Interrupted

    def write_history(self) -> None:
        """Write history.csv, with the same bytes whether or not the run was interrupted."""
        if self.history:
            self.folder.write_history(self.history)

    def write_weights(self, which: "Weights", tensors: dict[str, "Tensor"]) -> None:
        """Write weights of the trained run, CPU tensors by name."""
        self.folder.write_weights(WEIGHTS[which], tensors)

    def write_arrays(self, which: "Arrays", arrays: dict[str, "np.ndarray"]) -> None:
        """Write images or predictions of the trained run."""
        self.folder.write_arrays(ARRAYS[which], arrays)

    def keep_samples(self, moment: str, arrays: dict[str, "np.ndarray"]) -> None:
        """Keep arrays of a moment of the training until it is done."""
        self.folder.write_scratch_samples(moment, arrays)

    def kept_samples(self, moment: str, names: Sequence[str]) -> list["np.ndarray"]:
        """Return arrays that were kept at a moment."""
        return self.folder.scratch_samples(moment, names)

    def finish(self, result: dict[str, Any]) -> None:
        """Write provenance.json and, last, result.json; then remove the checkpoints of a run that ended well."""
        self.write_history()
        result = {
            "run": self.document["run"],
            "config_hash": self.document["config_hash"],
            "schema": files.SCHEMA,
            **result,
            "sha256": self.folder.checksums(files.PRODUCTS),
            "records": self.folder.checksums(files.RECORDS),
        }
        self.folder.write_provenance(
            {
                "schema": files.SCHEMA,
                "scale": self.document["scale"],
                "result": result,
                "code": "+".join(dict.fromkeys(attempt["code"] for attempt in self.attempts)),
                "wall_seconds": round(self.seconds, 1),
                "peak_memory_mib": provenance.peak_memory_mib(self.device),
                "data": self.data,
                "attempts": self.attempts,
            }
        )
        self.folder.write_result(result)
        if result["status"] == Ending.DONE:
            clean(self.folder)


def parent_folders(document: dict[str, Any], folder: RunFolder) -> dict[str, RunFolder]:
    """Return the folders of the runs that a run learns from, by role. All runs of a scale lie in one tree."""
    depth = len(Path(document["run"]).parts)
    tree = Path(*folder.path.absolute().parts[:-depth])
    return {role: RunFolder(tree / parent["run"]) for role, parent in document.get("parents", {}).items()}


def clean(folder: WritableFolder) -> None:
    """Remove what only an unfinished training needs."""
    checkpoint.remove(folder.path)
    folder.remove_scratch()


@contextlib.contextmanager
def stopping_on_signals(session: Session) -> Iterator[None]:
    """Stop the training after its current step on Ctrl-C, SIGTERM or SIGUSR1.

    Schedulers send the last two before they kill a job. A second Ctrl-C ends the process at once.
    """

    def stop(number: int, _frame: object) -> None:
        session.stop = number
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
