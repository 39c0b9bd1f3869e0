"""Writes folders of finished classifiers of crops of photos, as trainings leave them."""

import numpy as np

from advkd.files import sha256, write_json
from advkd.runs.folder_names import PREDICTIONS
from advkd.runs.lookup import folder_of
from advkd.settings.config import Resolved

CLASSES = ["crack", "other damage", "background"]
ATTEMPT = {"gpu": None, "processor": "CPU", "threads": 1, "cores": 2, "commit": "c0ffee", "changed": False,
           "began": "2026-01-01T00:00:00Z", "python": "3.11", "packages": {"torch": "2.11"}}  # fmt: skip
SOURCE = {"verified": "accepted by the user", "content": "a" * 64}


def finish_on_crops(run: Resolved, skill: float, crops: int = 180, photos: int = 30) -> None:
    """Write a classifier of crops of photos, whose logits are `skill` higher for the right class than noise."""
    rng = np.random.default_rng([run.run.seed, crops])
    labels = np.arange(crops) % 3
    noise = rng.normal(size=(crops, 3)) + np.random.default_rng(7).normal(size=(crops, 3))
    logits = (noise + skill * np.eye(3)[labels]).astype(np.float32)
    arrays = {
        "labels": labels,
        "logits": logits,
        "best_logits": logits,
        "tags": np.eye(3, dtype=bool)[labels],
        "photos": np.random.default_rng(5).permutation(crops) * photos // crops,
    }
    folder = folder_of(run).path
    folder.mkdir(parents=True)
    np.savez(folder / PREDICTIONS, **arrays)
    result = {"status": "done", "config_hash": run.hash, "run": str(run.run), "epochs": 10,
              "sha256": {PREDICTIONS: sha256(folder / PREDICTIONS)}}  # fmt: skip
    write_json(folder / "result.json", result)
    training = "generated" if run.generators else "real"
    checksums = {"images.npy": f"{training} of {run.base_store}", "held_out.npy": "the same for all"}
    data = {"store": run.store, "name": "codebrim", "classes": CLASSES, "source": SOURCE, "sha256": checksums}
    shared = {"attempts": [ATTEMPT], "code": "c0ffee", "wall_seconds": 30.0, "peak_memory_mib": {"host": 100}}
    write_json(folder / "provenance.json", {"data": data, "result": result, **shared})
