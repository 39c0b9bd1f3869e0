"""The folder, the state and the metrics of a resolved run."""

from advkd.runs.code import code_of
from advkd.runs.folder import RunFolder
from advkd.runs.state import State
from advkd.settings.config import Resolved


def folder_of(resolved: Resolved) -> RunFolder:
    """Return the folder of a run."""
    return RunFolder.of(resolved.run, resolved.scale)


def code_today(resolved: Resolved) -> str:
    """Return the digest of today's code behind a run."""
    return code_of(resolved.typed, [parent.typed for parent in resolved.parents.values()])


def state_of(resolved: Resolved) -> State:
    """Return the state of a run, given the settings and the code of today."""
    return folder_of(resolved).state(resolved.hash, code_today(resolved))
