"""Trains a resolved configuration in its folder: waits, keeps what is finished, resumes or begins, records the outcome.

This is the one place where a loop of `advkd.training` meets the session that it runs in.
"""

import importlib
import signal
from pathlib import Path
from typing import Any

from advkd.data.store import Store
from advkd.data.store_meta import check_settings
from advkd.errors import UserError
from advkd.progress import logging_to, say
from advkd.runs import checkpoint, code
from advkd.runs.allocator import keep_freed_memory
from advkd.runs.damaged import Damaged
from advkd.runs.device import select_device
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import CHECKPOINTS, LOG, PROVENANCE, RESULT
from advkd.runs.folder_writer import WritableFolder
from advkd.runs.session import Interrupted, Session, clean, parent_folders, stopping_on_signals
from advkd.runs.state import Ending
from advkd.settings.classifier import ClassifierRun
from advkd.settings.papers import run_settings
from advkd.training.diverged import Diverged

SAME_DATA = ("store", "name", "classes", "sha256", "parents")  # what two accounts of equal data share


def train(
    document: dict[str, Any],
    path: Path,
    data_root: Path,
    device: str,
    checkpoint_seconds: float,
    afresh: bool = False,
    runs_per_gpu: int = 1,
    command: str | None = None,
) -> int:
    """Train the run that `document` describes, from where it stopped.

    A run that was finished with this configuration on these data is kept.

    Args:
        document: the resolved configuration, as config.yaml holds it.
        path: the run's folder.
        data_root: the folder that holds stores/.
        device: auto, cpu or cuda. Where there are GPUs, the training waits for one with fewer than `runs_per_gpu` runs.
        checkpoint_seconds: the time between checkpoints.
        afresh: train a finished or begun run again if today's code is not the code that it was trained by.
        runs_per_gpu: trainings that share a GPU.
        command: what the user typed, to be recorded; None where nobody typed a command.

    Returns:
        The exit status: 0, also where the training diverged (which is a result); 130 after Ctrl-C and 143 after SIGTERM
        or SIGUSR1, after which it can be started again.

    Raises:
        UserError: the store, the device or a run to learn from is missing or damaged, the store was prepared with other
            settings, or the folder holds the files of another run.
    """
    keep_freed_memory()
    folder = WritableFolder(path)
    was_finished = folder.has(RESULT)
    with logging_to(folder.file(LOG)), folder.locked():
        folder.check_run(document["run"])  # a training would remove what is there
        store = Store.open(data_root / "stores" / document["store"])
        check_settings(store.path, store.meta, document["settings"])
        data = {"store": document["store"], **{key: store.meta[key] for key in ("name", "classes", "source", "sha256")}}
        data |= {"code": store.meta.get("code"), "images": len(store.images), "held_out": len(store.held_out)}
        # What it was made of: another store, and generated images.
        data |= {key: store.meta[key] for key in ("base", "generated") if key in store.meta}
        if start := document.get("start"):
            data["start"] = {key: start[key] for key in ("name", "sha256")}
        blocked, parents = inspect_parents(document, folder, store)
        blocked = store.meta.get("blocked") or blocked  # by a generator
        if parents:
            data["parents"] = parents
        if result := finished(folder, document, data, afresh):
            meanwhile = folder.has(RESULT) and not was_finished
            folder.update_data(data)
            by = "by another process" if meanwhile else "before, and nothing of it changed"
            folder.write_result(result)
            if result["status"] == Ending.DONE:
                clean(folder)
            say(f"{document['run']}: finished {by}")
            return 0
        # Import torch only now: it takes seconds, and a process that waits for the run or a GPU does not need it.
        chosen = select_device(device, runs_per_gpu)
        import torch

        loop = importlib.import_module(f"advkd.training.{document['loop']}")
        torch.set_num_threads(document["threads"])
        folder.remove_result()  # it holds the checksum of config.yaml; provenance.json keeps a copy
        folder.write_document(document)
        say(f"{document['run']}: {store.summary()}")
        session = Session(folder, document, data, chosen, checkpoint_seconds, afresh, command)
        try:
            with stopping_on_signals(session):
                outcome = block(session, blocked) if blocked else {"status": Ending.DONE, **loop.train(session, store)}
        except Diverged as error:
            when = " ".join(f"{unit} {number}" for unit, number in error.when.items())
            say(f"{document['run']}: diverged at {when}: {error.terms}")
            kept = next((name for name in CHECKPOINTS if folder.has(name)), None)
            outcome = {"status": Ending.DIVERGED, **error.when, "terms": error.terms, "checkpoint": kept}
        except Interrupted:
            say(f"{document['run']}: stopped on request at step {session.step}; start it again to continue")
            return 130 if session.stop == signal.SIGINT else 143
        session.finish(outcome)
        reason = f" by {outcome['parent']}, which {outcome['reason']}" if blocked else ""
        say(f"{document['run']}: {outcome['status']}{reason} after {session.seconds:.1f} s")
        return 0


def block(session: Session, reason: dict[str, str]) -> dict[str, Any]:
    """Clear the folder of a run that cannot be trained, and return its outcome."""
    session.resume()
    checkpoint.remove(session.folder.path)
    return {"status": Ending.BLOCKED, **reason}


def inspect_parents(document: dict[str, Any], folder: RunFolder, store: Store) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the parent that blocks a run, and the checksums of its parents' weights.

    Args:
        document: the run's resolved configuration.
        folder: the run's folder.
        store: the run's data.

    Returns:
        "parent" and "reason" of what blocks the run, or an empty dictionary; and by role, name and checksums of each
        run that it starts from or learns from.

    Raises:
        UserError: a parent is not trained, was trained on other data or with other settings, or its weights are not
            those that it wrote.
    """
    blocked: dict[str, str] = {}
    parents = {}
    for role, parent in parent_folders(document, folder).items():
        name, expected = document["parents"][role]["run"], document["parents"][role]["config_hash"]
        if not parent.has(RESULT):
            raise UserError(f"{document['run']}: its {role} is not trained yet: advkd train {name}")
        try:
            result, data = parent.result(), parent.provenance()["data"]
        except Damaged as error:
            raise UserError(f"{document['run']}: its {role}: {error}") from None
        if data["sha256"] != store.meta["sha256"]:
            classes = f"{len(data['classes'])} classes of {data['store']}"
            raise UserError(
                f"{document['run']}: its {role} was trained on other data ({classes}, here"
                f" {len(store.meta['classes'])} of {document['store']}): advkd train {name}"
            )
        if result["config_hash"] != expected:
            raise UserError(f"{document['run']}: its {role} was trained with other settings: advkd train {name}")
        try:
            parent.check_weights()
        except Damaged as error:
            raise UserError(f"{document['run']}: its {role}: {error}") from None
        parents[role] = {"run": name, "sha256": result["sha256"]}
        if result["status"] != Ending.DONE:
            when = f"epoch {result['epoch']}" if "epoch" in result else f"step {result.get('step')}"
            reason = f"diverged at {when}" if result["status"] == Ending.DIVERGED else "is blocked itself"
            blocked = {"parent": name, "reason": reason}
    return blocked, parents


def finished(folder: RunFolder, document: dict[str, Any], data: dict[str, Any], afresh: bool) -> dict[str, Any] | None:
    """Return the result of a run that is finished, or None if it must be trained.

    A finished run has the configuration and the data of today, and its files are intact. With `afresh`, it was trained
    by the code of today too.
    """
    if not folder.has(PROVENANCE):
        return None
    try:
        recorded = folder.provenance()
        result: dict[str, Any] = recorded["result"]
        if result["status"] == Ending.DONE and "records" not in result:  # of version 0.1.0
            folder.document()
            folder.history()
    except Damaged:  # the remedy of a damaged file is another training
        return None
    # Equal arrays are the same data, whatever archive or code they came from.
    same_data = all(recorded["data"].get(key) == data.get(key) for key in SAME_DATA)
    if result["config_hash"] != document["config_hash"] or not same_data:
        return None
    if afresh:
        settings = run_settings(document["run"], document["settings"])
        parents = [parent.settings(ClassifierRun) for parent in parent_folders(document, folder).values()]
        if recorded["code"] != code.code_of(settings, parents):
            return None
    return result if folder.intact({**result["sha256"], **result.get("records", {})}) else None
