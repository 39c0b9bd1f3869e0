"""From a resolved configuration to a trained run folder: wait, keep, resume or begin, and say how it ended."""

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from advkd.data.store import Store
from advkd.errors import UserError
from advkd.files import read_json, sha256, write_json, write_text
from advkd.locks import hold
from advkd.progress import logging_to, say
from advkd.runs import checkpoint, provenance
from advkd.runs.allocator import keep_freed_memory
from advkd.runs.device import select_device
from advkd.runs.session import Diverged, Interrupted, Session, clean, parent_folders, stopping_on_signals


def train(
    document: dict[str, Any],
    folder: Path,
    data_root: Path,
    device: str,
    checkpoint_seconds: float,
    afresh: bool = False,
    runs_per_gpu: int = 1,
) -> int:
    """Train the run that `document` describes, from where it stopped, in `folder`.

    A run that was finished with this configuration on these data is kept; `afresh` keeps it only if the code is the
    same too. Where there are GPUs, it waits for one with fewer than `runs_per_gpu` runs. Returns the exit status: 0
    also where training diverged (a result), 143 where it was asked to stop and can be started again. Raises UserError
    for a missing store or device.
    """
    keep_freed_memory()
    with logging_to(folder / "log.txt"), locked(folder):
        store = Store.open(data_root / "stores" / document["store"])
        data = {"store": document["store"], **{key: store.meta[key] for key in ("name", "classes", "source", "sha256")}}
        blocked, parents = inspect_parents(document, folder, store)
        if parents:
            data["parents"] = parents
        if result := finished(folder, document, data, afresh):
            by = "by another process" if (folder / "result.json").exists() else "before, and nothing of it changed"
            write_json(folder / "result.json", result)
            if result["status"] == "done":
                clean(folder)
            say(f"{document['run']}: finished {by}")
            return 0
        # Only now: importing torch takes seconds, and who waits for the run or for a GPU does so at no cost.
        chosen = select_device(device, runs_per_gpu)
        import torch

        loop = importlib.import_module(f"advkd.training.{document['loop']}")
        torch.set_num_threads(document["threads"])
        write_text(folder / "config.yaml", yaml.safe_dump(document, sort_keys=False))
        session = Session(folder, document, data, chosen, checkpoint_seconds, afresh)
        try:
            with stopping_on_signals(session):
                outcome = block(session, blocked) if blocked else loop.train(session, store)
        except Diverged as error:
            when = " ".join(f"{unit} {number}" for unit, number in error.when.items())
            say(f"{document['run']}: diverged at {when}: {error.terms}")
            kept = next((name for name in checkpoint.NAMES if (folder / name).exists()), None)
            outcome = {"status": "diverged", **error.when, "terms": error.terms, "checkpoint": kept}
        except Interrupted:
            say(f"{document['run']}: stopped on request at step {session.step}; start it again to continue")
            return 143
        session.finish(outcome)
        reason = f" by {outcome['parent']}, which {outcome['reason']}" if blocked else ""
        say(f"{document['run']}: {outcome['status']}{reason} after {session.seconds:.1f} s")
        return 0


def block(session: Session, reason: dict[str, str]) -> dict[str, Any]:
    """Leave nothing of an earlier training in the folder of a run that cannot be trained; return its outcome."""
    session.resume()
    checkpoint.remove(session.folder)
    return {"status": "blocked", **reason}


def inspect_parents(document: dict[str, Any], folder: Path, store: Store) -> tuple[dict, dict[str, Any]]:
    """Return what blocks a run (empty: nothing), and the weights of the runs that it learns from, by role.

    Raises:
        UserError: such a run is not trained, was trained on other data or with other settings, or its weights are not
            those that it wrote.
    """
    blocked: dict[str, str] = {}
    found = {}
    for role, parent in parent_folders(document, folder).items():
        name, expected = document["parents"][role]["run"], document["parents"][role]["config_hash"]
        if not (parent / "result.json").exists():
            raise UserError(f"{document['run']}: its {role} is not trained yet: advkd train {name}")
        try:
            result, data = read_json(parent / "result.json"), read_json(parent / "provenance.json")["data"]
        except (OSError, ValueError, KeyError):
            raise UserError(
                f"{document['run']}: what {parent} says of its {role} cannot be read: delete its result.json, then"
                f" advkd train {name}"
            ) from None
        if data["sha256"] != store.meta["sha256"]:
            classes = f"{len(data['classes'])} classes of {data['store']}"
            raise UserError(
                f"{document['run']}: its {role} was trained on other data ({classes}, here"
                f" {len(store.meta['classes'])} of {document['store']}): advkd train {name}"
            )
        if result["config_hash"] != expected:
            raise UserError(f"{document['run']}: its {role} was trained with other settings: advkd train {name}")
        for weights, expected_sha256 in result["sha256"].items():
            if weights.endswith(".safetensors") and not _holds(parent / weights, expected_sha256):
                raise UserError(
                    f"{document['run']}: {parent / weights} of its {role} is not what that run wrote: delete the"
                    f" result.json beside it, then advkd train {name}"
                )
        found[role] = {"run": name, "sha256": result["sha256"]}
        if result["status"] != "done":
            when = f"epoch {result['epoch']}" if "epoch" in result else f"step {result.get('step')}"
            ended = f"diverged at {when}" if result["status"] == "diverged" else "is blocked itself"
            blocked = {"parent": name, "reason": ended}
    return blocked, found


def _holds(path: Path, expected: str) -> bool:
    return path.exists() and sha256(path) == expected


def finished(folder: Path, document: dict[str, Any], data: dict[str, Any], afresh: bool) -> dict[str, Any] | None:
    """Return the result of a finished run whose configuration, data and files are as they should be, or None."""
    if not (folder / "provenance.json").exists():
        return None
    found = read_json(folder / "provenance.json")
    result = found["result"]
    same = result["config_hash"] == document["config_hash"] and found["data"] == data
    if not same or (afresh and found["code"] != provenance.code_hash()):
        return None
    intact = all(_holds(folder / name, expected) for name, expected in result["sha256"].items())
    return result if intact else None


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run folder's lock; wait for another process that trains the same run (a killed workflow's orphan)."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:  # nothing is cut off where a link leads to
        hold(file, f"{folder} is being trained by another process; waiting for it to end")
        yield
