"""The runs below a folder as a table of pandas: one run in a row, with everything that its files say of it.

A row holds what was recorded when the run was trained, wherever the folder came from. Whether today's configuration
would train it again is another question, which `advkd status` answers.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from advkd.damage import attempt
from advkd.errors import UserError
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import METRICS, PROVENANCE, RESULT
from advkd.runs.folder_state import recorded_state
from advkd.runs.predictions import classifier_metrics
from advkd.runs.provenance import describe_machine
from advkd.runs.state import Ending, Kind, State
from advkd.settings.names import RUN, Run

# Where runs lie below a folder of results, below that of a scale, and below one of runs.
PLACES = ("*/runs/*/*/*/*/seed*", "runs/*/*/*/*/seed*", "*/*/*/*/seed*")
OUTCOME = ("epochs", "steps", "best_epoch", "epoch", "step")  # of result.json
GROUPS = ("settings.", "result.", "metrics.", "time.", "provenance.")  # of columns, in their order


def results(folder: str | os.PathLike[str] = "results", scale: str | None = None) -> pd.DataFrame:
    """Return the runs below a folder, one in a row.

    Metrics of a classifier that nobody computed yet are computed from its predictions, and stored beside them if the
    folder can be written.

    Args:
        folder: a folder of results, as the workflow makes; or that of one scale in it; or one of runs.
        scale: the runs of this scale alone; None: of every scale.

    Returns:
        A frame, sorted by path. A cell is empty where the run has nothing for the column.

        - path, scale, run, paper, dataset, model, method, variant (as "alpha_p=0.2+omega=0"), seed
        - state: "done", "unfinished", "diverged", …; problem: the reason, where it is not done
        - settings.KEY: every setting that it was trained with; a list as its JSON text
        - result.epochs, result.steps, result.best_epoch (from 1); result.epoch or result.step where it diverged
        - metrics.NAME: every metric of the last epoch or iteration, and as best.NAME of the best epoch; errors in %
        - time.seconds (wall time of all attempts), time.attempts, time.began
        - provenance.KEY: config_hash, code (its digest), commit, changed (whether files differed from the commit),
          store, data (how it was verified), data_sha256 (of the images), machine, python, torch, memory_mib

    Raises:
        UserError: there is no run.
    """
    rows = [_row(RunFolder(path)) for path in _folders(Path(folder))]
    rows = [row for row in rows if scale in (None, row["scale"])]
    if not rows:
        at = f" at scale {scale}" if scale else ""
        raise UserError(f"there is no run{at} below {Path(folder)}: train one, or name the folder of other results")
    frame = pd.DataFrame(rows, columns=_columns(rows))
    frame["time.began"] = pd.to_datetime(frame["time.began"], utc=True)
    return frame


def _folders(folder: Path) -> Iterator[Path]:
    for place in PLACES:
        for path in sorted(folder.glob(place)):
            if path.is_dir() and RUN.fullmatch("/".join(path.parts[-5:])):
                yield path


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    """Return the columns of all rows: those without a group first, each group's together, as they first occur."""
    names = dict.fromkeys(["time.began", *(name for row in rows for name in row)])
    plain = [name for name in names if not name.startswith(GROUPS)]
    return plain + [name for group in GROUPS for name in names if name.startswith(group)]


def _row(folder: RunFolder) -> dict[str, Any]:
    run = Run.parse("/".join(folder.path.parts[-5:]))
    document, damage = attempt(folder.document)
    state = _state(folder)
    if state.done and document is None:
        state = State(Kind.DAMAGED, damage)
    row: dict[str, Any] = {
        "path": str(folder.path),
        "scale": document.get("scale") if document else None,
        "run": str(run),
        "paper": run.paper,
        "dataset": run.dataset,
        "model": run.model,
        "method": run.method,
        "variant": "+".join("=".join(pair) for pair in run.variant),
        "seed": run.seed,
        "state": state.word,
        "problem": state.detail,
    }
    if document:
        row |= {f"settings.{key}": _plain(value) for key, value in document["settings"].items() if key not in row}
    if state.finished:
        described, damage = attempt(_outcome, folder)
        row |= described or {"state": Kind.DAMAGED.value, "problem": damage}
    return row


def _state(folder: RunFolder) -> State:
    """Return the state of a run by its own records: as if today's settings, code and features were those of then."""

    def recorded() -> State:
        if not folder.has(RESULT):
            return recorded_state(folder, "", "")
        code = folder.provenance()["code"] if folder.has(PROVENANCE) else ""
        features = folder.metrics().get("meta", {}).get("features") if folder.has(METRICS) else None
        return recorded_state(folder, folder.result()["config_hash"], code, features)

    state, damage = attempt(recorded)
    if state is None:
        return State(Kind.DAMAGED, damage)
    return State(Kind.DONE) if state.done else state


def _outcome(folder: RunFolder) -> dict[str, Any]:
    """Return the columns of a run that ended, whether well or not."""
    result = folder.result()
    columns: dict[str, Any] = {f"result.{key}": result[key] for key in OUTCOME if key in result}
    columns["provenance.config_hash"] = result["config_hash"]
    if folder.has(PROVENANCE):
        columns |= _provenance(folder.provenance())
    if result["status"] != Ending.DONE:
        return columns
    of_classifier = "best_epoch" in result
    if of_classifier or folder.has(METRICS):
        metrics = classifier_metrics(folder) if of_classifier else folder.metrics()
        columns |= {f"metrics.{name}": value for name, value in sorted(metrics["values"].items())}
    return columns


def _provenance(provenance: dict[str, Any]) -> dict[str, Any]:
    data, last = provenance["data"], provenance["attempts"][-1]
    return {
        "time.seconds": provenance["wall_seconds"],
        "time.attempts": len(provenance["attempts"]),
        "time.began": provenance["attempts"][0]["began"],
        "provenance.code": provenance["code"],
        "provenance.commit": last["commit"],
        "provenance.changed": last["changed"],
        "provenance.store": data["store"],
        "provenance.data": data["source"]["verified"],
        "provenance.data_sha256": data["sha256"]["images.npy"],
        "provenance.machine": describe_machine(provenance),
        "provenance.python": last["python"],
        "provenance.torch": last["packages"]["torch"],
        "provenance.memory_mib": provenance["peak_memory_mib"]["resident"],
    }


def _plain(value: object) -> object:
    return json.dumps(value) if isinstance(value, list | dict) else value
