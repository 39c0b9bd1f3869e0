"""Which state a run is in, by the files of its folder."""

from typing import Any

from advkd.errors import NotAFile
from advkd.runs.code import gan_evaluation_code
from advkd.runs.damaged import Damaged
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import CHECKPOINTS, LOG, METRICS, PREDICTIONS, RESULT
from advkd.runs.state import Ending, Kind, State, ending


def recorded_state(folder: RunFolder, config_hash: str, code: str, features: str | None = None) -> State:
    """Return the state of the run; a damaged file is a state too, and no error.

    Args:
        folder: the run's folder.
        config_hash: hash of the settings that the run should have.
        code: digest of today's code behind such a run.
        features: the network on whose features a GAN should be evaluated.
    """
    try:
        if folder.is_locked():
            return State(Kind.RUNNING, _last_line(folder))
        if not folder.has(RESULT):
            return _unfinished(folder)
        result = folder.finished(config_hash)
        if result is None:
            return State(Kind.STALE, "its settings changed since; the next snakemake trains it again")
        return _ended(folder, result, code, features)
    except (Damaged, NotAFile) as error:
        return State(Kind.DAMAGED, str(error))


def _unfinished(folder: RunFolder) -> State:
    folder.check_run(folder.run)
    if not folder.has(LOG):
        return State(Kind.NOT_STARTED)
    kept = "a checkpoint is kept" if folder.has(CHECKPOINTS[0]) else "no checkpoint"
    return State(Kind.UNFINISHED, f"{kept}; see {folder.file(LOG)} ({_last_line(folder)})")


def _ended(folder: RunFolder, result: dict[str, Any], code: str, features: str | None) -> State:
    with folder.reading(RESULT):
        if result["status"] == Ending.DIVERGED:
            return State(Kind.DIVERGED, f"{ending(result)}; see {folder.file(LOG)}")
        if result["status"] == Ending.BLOCKED:
            return State(Kind.BLOCKED, f"{result['parent']} {result['reason']}")
        of_classifier = PREDICTIONS in result["sha256"]
    trained_by, evaluated_by = folder.provenance()["code"], ""
    if folder.was_kept(result):
        folder.metrics()  # raises `Damaged`
        return State(Kind.KEPT, _origin(folder))
    if of_classifier and not folder.has(PREDICTIONS) and not folder.has(METRICS):
        raise folder.damaged(PREDICTIONS, "is missing")
    if not of_classifier and folder.has(METRICS):
        with folder.reading(METRICS):
            metrics = folder.metrics()
            evaluated_by, evaluated_on = metrics["evaluated"]["code"], metrics["meta"]["features"]
        if evaluated_on != features:
            return State(Kind.OTHER_FEATURES, f"{evaluated_on}; the next snakemake evaluates it on {features}")
    if trained_by != code:
        return State(Kind.OLDER_CODE, "--config retrain=stale trains it again")
    if evaluated_by and evaluated_by != gan_evaluation_code():
        return State(Kind.OLDER_EVALUATION, "--config retrain=stale evaluates it again")
    if not of_classifier and not folder.has(METRICS):
        return State(Kind.NOT_EVALUATED, "snakemake evaluates it once something needs its metrics")
    return State(Kind.DONE)


def _origin(folder: RunFolder) -> str:
    """Return by which commit a run was trained, as far as it is known."""
    attempts = folder.provenance().get("attempts", [])
    commits = dict.fromkeys(attempt["commit"][:7] for attempt in attempts if attempt.get("commit"))
    return f"trained by commit {', '.join(commits)}" if commits else ""


def _last_line(folder: RunFolder) -> str:
    lines = folder.last_lines(1)
    return lines[-1] if lines else "starting"
