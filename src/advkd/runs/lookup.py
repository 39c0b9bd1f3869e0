"""The folder, the state and the metrics of a resolved run."""

from advkd.errors import UserError
from advkd.runs.code import code_of
from advkd.runs.folder import RunFolder
from advkd.runs.state import State
from advkd.settings.config import Resolved


def folder_of(resolved: Resolved) -> RunFolder:
    """Return the folder of a run."""
    return RunFolder.of(resolved.run, resolved.scale)


def trained_folder(resolved: Resolved) -> RunFolder:
    """Return the folder of a run that was trained with today's settings, whether it ended well or not.

    Raises:
        UserError: the run is not trained, or was trained with other settings.
    """
    folder = folder_of(resolved)
    if folder.finished(resolved.hash) is None:
        raise UserError(f"{resolved.run} at scale {resolved.scale} is {state_of(resolved)}: advkd train {resolved.run}")
    return folder


def code_today(resolved: Resolved) -> str:
    """Return the digest of today's code behind a run."""
    return code_of(resolved.typed, [parent.typed for parent in resolved.parents.values()])


def trained_by_older_code(resolved: Resolved) -> bool:
    """Tell whether a finished run was trained by other code than today's."""
    return bool(folder_of(resolved).provenance()["code"] != code_today(resolved))


def state_of(resolved: Resolved) -> State:
    """Return the state of a run, given the settings and the code of today."""
    return folder_of(resolved).state(resolved.hash, code_today(resolved), resolved.features)
