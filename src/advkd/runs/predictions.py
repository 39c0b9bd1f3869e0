"""A classifier's metrics.json: computed from its predictions once, by the first who asks."""

import contextlib
from pathlib import Path
from typing import Any

from advkd.errors import CannotWrite, UserError
from advkd.files import read_json, sha256, write_json
from advkd.runs.code import code_hash

OUTCOME = ("status", "step", "parent", "reason")


def metrics(folder: Path) -> dict[str, Any]:
    """Return the metrics of the classifier run in `folder`.

    values and meta are those of `metrics.classification.evaluate`. A run that diverged or was blocked has no values.
    What is kept in metrics.json is used if it belongs to these predictions and to today's code, or where a run came
    without its predictions, as from an archive of results; otherwise they are computed and kept. Two processes may do
    so at once: the file is replaced whole, by the same content.

    Raises:
        UserError: the run is not finished, or its predictions are missing, are not those that it wrote, or cannot be
            evaluated.
    """
    if not (folder / "result.json").exists():
        raise UserError(f"{folder} holds no finished run (no result.json): train it first")
    result = read_json(folder / "result.json")
    if result["status"] != "done":
        return {key: result[key] for key in OUTCOME if key in result} | {"values": {}}
    kept, evaluated = _kept(folder / "metrics.json"), {"code": code_hash("metrics")}
    path = folder / "predictions.npz"
    if kept.get("sha256") == result["sha256"] and (kept.get("evaluated") == evaluated or not path.exists()):
        return kept
    from advkd.metrics import classification

    if path.exists() and sha256(path) != result["sha256"].get("predictions.npz"):
        raise UserError(f"{path} is not what the run wrote (its checksum differs): {classification.REMEDY}")
    found = {"status": "done", "sha256": result["sha256"], **classification.evaluate(path), "evaluated": evaluated}
    with contextlib.suppress(CannotWrite):  # results that can only be read are computed by each who asks
        write_json(folder / "metrics.json", found)
    return found


def _kept(path: Path) -> dict[str, Any]:
    try:
        metrics: dict[str, Any] = read_json(path)
        return metrics
    except (FileNotFoundError, ValueError):
        return {}
