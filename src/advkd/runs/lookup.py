"""The folder, the result and the state of a resolved run, as its settings and its parents are today."""

from typing import Any

from advkd.damage import attempt
from advkd.errors import UserError
from advkd.runs.code import code_of
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import PROVENANCE, RESULT
from advkd.runs.folder_state import recorded_state
from advkd.runs.state import Ending, Kind, State
from advkd.settings.config import Resolved


def folder_of(resolved: Resolved) -> RunFolder:
    """Return the folder of a run."""
    return RunFolder.of(resolved.run, resolved.scale)


def finished(resolved: Resolved) -> dict[str, Any] | None:
    """Return result.json of a run that ended, well or not, with the settings and the parents of today; otherwise None.

    Raises:
        Damaged: result.json or, of a run that ended well, provenance.json cannot be used.
    """
    result = folder_of(resolved).finished(resolved.hash)
    return None if result is None or changed_since(resolved, result) else result


def changed_since(resolved: Resolved, result: dict[str, Any]) -> str:
    """Return why a run that ended with today's settings must be trained again; "" where nothing is known against it.

    Its weights follow from its data and its parents' weights too. provenance.json records which these were.

    Raises:
        Damaged: provenance.json cannot be used.
    """
    folder = folder_of(resolved)
    if result["status"] != Ending.DONE and not folder.has(PROVENANCE):
        return ""
    data = folder.provenance()["data"]
    if (name := data.get("name", resolved.run.dataset)) != resolved.run.dataset:
        return f"it was trained on {name}"
    for role, recorded in data.get("parents", {}).items():
        if role not in resolved.parents:
            return f"it learned from a {role}, {recorded['run']}"
        parent = resolved.parents[role]
        if recorded["run"] != str(parent.run):
            return f"its {role} was {recorded['run']}, which is {parent.run} today"
        of_parent, _ = attempt(_parent_changed, parent, recorded["sha256"])  # a damaged parent has a line of its own
        if of_parent:
            return f"its {role} {parent.run} {of_parent}"
    return ""


def _parent_changed(parent: Resolved, learned_from: dict[str, str]) -> str:
    """Return why the weights of a parent are not those that a run should have learned from, or will not stay so."""
    folder = folder_of(parent)
    if not folder.has(RESULT):
        return ""
    result = folder.result()
    if _weights(result["sha256"]) != _weights(learned_from):
        return "was trained again since"
    if result["config_hash"] != parent.hash:
        return "has other settings today"
    reason = changed_since(parent, result)
    return f"is outdated ({reason})" if reason else ""


def _weights(checksums: dict[str, str]) -> dict[str, str]:
    return {name: checksum for name, checksum in checksums.items() if name.endswith(".safetensors")}


def trained_folder(resolved: Resolved) -> RunFolder:
    """Return the folder of a run that was trained with today's settings and parents, whether it ended well or not.

    Raises:
        UserError: the run is not trained, or was trained with other settings or parents, or its files are damaged.
    """
    folder = folder_of(resolved)
    if finished(resolved) is None:
        raise UserError(f"{resolved.run} at scale {resolved.scale} is {state_of(resolved)}: advkd train {resolved.run}")
    return folder


def code_today(resolved: Resolved) -> str:
    """Return the digest of today's code behind a run."""
    return code_of(resolved.typed, [parent.typed for parent in resolved.parents.values()])


def trained_by_older_code(resolved: Resolved) -> bool:
    """Tell whether a finished run was trained by other code than today's."""
    return bool(folder_of(resolved).provenance()["code"] != code_today(resolved))


def state_of(resolved: Resolved) -> State:
    """Return the state of a run, given the settings, the parents and the code of today."""
    folder = folder_of(resolved)
    code = code_today(resolved) if folder.has(RESULT) else ""  # it takes time, and nothing was trained by it
    state = recorded_state(folder, resolved.hash, code, resolved.features)
    if not state.finished:
        return state
    reason, damage = attempt(lambda: changed_since(resolved, folder.result()))
    if damage:
        return State(Kind.DAMAGED, damage)
    return State(Kind.STALE, f"{reason}; the next snakemake trains it again") if reason else state
