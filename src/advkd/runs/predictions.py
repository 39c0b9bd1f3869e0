"""The metrics of a classifier's run, computed from its predictions when they are first needed."""

import contextlib
from typing import Any

from advkd.errors import CannotWrite
from advkd.runs.answers import Answers
from advkd.runs.code import classifier_evaluation_code
from advkd.runs.crops import CHECKSUM, checksum, predicted_crops
from advkd.runs.damaged import Damaged
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import PREDICTIONS
from advkd.runs.folder_writer import WritableFolder
from advkd.runs.state import Ending

OUTCOME = ("status", "step", "parent", "reason")


def classifier_metrics(folder: RunFolder) -> dict[str, Any]:
    """Return the metrics of a classifier's run.

    They are kept in metrics.json. What is kept is used if it belongs to the predictions and to today's code, or if the
    run came without its predictions, as from an archive of results. Two processes may compute it at once: each replaces
    the file by the same content.

    Returns:
        status, sha256 of the products, answers (the checksum of `Answers`), evaluated (by which code), and values and
        meta as `metrics.classification.evaluate` describes them. Of crops of photos, those of `metrics.crops.evaluate`
        join them, and crops (the checksum of `Crops`). A run that diverged or was blocked has no values.

    Raises:
        UserError: the run is not finished, or its predictions are missing, are not those that it wrote, or cannot be
            evaluated.
    """
    result = folder.result()
    if result["status"] != Ending.DONE:
        outcome = {key: result[key] for key in OUTCOME if key in result}
        return {**outcome, "values": {}}
    kept = _read_kept(folder)
    evaluated = {"code": classifier_evaluation_code(CHECKSUM in kept)}
    of_these_predictions = kept.get("sha256") == result["sha256"]
    if of_these_predictions and (kept.get("evaluated") == evaluated or not folder.has(PREDICTIONS)):
        return kept
    folder.check(PREDICTIONS)
    from advkd.metrics import classification  # here: it needs scikit-learn and SciPy, which take a second to load
    from advkd.metrics.crops import evaluate as evaluate_crops

    labels, logits, best = folder.predictions("logits", "best_logits")
    try:
        computed = classification.evaluate(labels, logits, best)
    except ValueError as error:
        raise folder.damaged(PREDICTIONS, str(error)) from error
    answers = Answers.from_logits(labels, logits)
    bound = {"status": Ending.DONE, "sha256": result["sha256"], "answers": answers.sha256()}
    if crops := predicted_crops(folder):
        of_crops = evaluate_crops(crops, answers.wrong)
        computed = {key: {**values, **of_crops[key]} for key, values in computed.items()}
        bound[CHECKSUM] = checksum(crops)
    evaluated = {"code": classifier_evaluation_code(CHECKSUM in bound)}
    metrics = {**bound, **computed, "evaluated": evaluated}
    with contextlib.suppress(CannotWrite):  # in a folder that can only be read, each process computes them
        WritableFolder(folder.path).write_metrics(metrics)
    return metrics


def _read_kept(folder: RunFolder) -> dict[str, Any]:
    try:
        return folder.metrics()
    except Damaged:
        return {}
