"""Run folders of the GIP paper as trainings leave them, for the tests of this folder."""

import csv
import zlib

import numpy as np

from advkd.files import sha256, write_json
from advkd.settings.config import Resolved

CLASSES = {"cifar10": 10, "cifar100": 25}
SOURCE = {"verified": "published checksum", "content": "0" * 64}
ATTEMPT = {"gpu": None, "processor": "CPU", "threads": 1, "cores": 2, "commit": "c0ffee", "changed": False,
           "python": "3.11", "packages": {"torch": "2.11"}}  # fmt: skip
WEIGHTS = "ab" * 32


def finish(one: Resolved, right: int = 60, best: int = 70, images: int = 100) -> None:
    """Leave a classifier that names `right` of `images` images, and `best` of them in its best epoch."""
    classes = CLASSES[one.run.dataset]
    labels = np.arange(images) % classes
    named = [np.where(np.arange(images) < count, labels, (labels + 1) % classes) for count in (right, best)]
    logits = [np.eye(classes, dtype=np.float32)[labels] for labels in named]
    folder = one.run.folder(one.scale)
    folder.mkdir(parents=True, exist_ok=True)
    features = np.zeros((images, 4), np.float16)
    np.savez(folder / "predictions.npz", labels=labels, logits=logits[0], best_logits=logits[1], features=features)
    checksums = {"predictions.npz": sha256(folder / "predictions.npz"), "model.safetensors": WEIGHTS}
    leave(one, status="done", epochs=one.settings["epochs"], sha256=checksums)


def end(one: Resolved, **how) -> None:
    """Leave a run that diverged or was blocked."""
    leave(one, **how, sha256={})


def leave(one: Resolved, **result) -> None:
    """Write the provenance and the result of a run."""
    names = [f"kind_{label}" for label in range(CLASSES[one.run.dataset])]
    parents = {
        role: {"run": str(parent.run), "sha256": {"model.safetensors": WEIGHTS}} for role, parent in one.parents.items()
    }
    data = {"name": one.run.dataset, "store": one.store, "classes": names, "source": SOURCE, "parents": parents,
            "sha256": {"images.npy": "1" * 64}}  # fmt: skip
    shared = {"attempts": [ATTEMPT], "code": "0" * 12, "wall_seconds": 3.0, "peak_memory_mib": {"host": 100}}
    folder = one.run.folder(one.scale)
    result = {"config_hash": one.hash, **result}
    write_json(folder / "provenance.json", {"data": data, **shared, "result": result})
    write_json(folder / "result.json", result)


def generate(one: Resolved, epochs: int = 12, noises: int = 6) -> None:
    """Leave beside a finished run what its generator drew, and the history."""
    rng = np.random.default_rng(zlib.crc32(str(one.run).encode()))
    classes, folder = CLASSES[one.run.dataset], one.run.folder(one.scale)
    moments = np.unique(np.linspace(1, epochs, 7).round().astype(np.int64))
    shape = (len(moments), noises)
    np.savez(
        folder / "samples.npz",
        images=rng.integers(0, 256, (*shape, 32, 32, 3), dtype=np.uint8),
        epochs=moments,
        predicted=rng.integers(0, classes, shape),
        confidence=rng.random(shape, dtype=np.float32),
        frequency=rng.multinomial(5000, np.full(classes, 1 / classes), epochs),
    )
    terms = ["L_KD", "L_G", *(["L_OH"] if one.settings["alpha"] else []), "L_IE", "L_ACT", "bns"]
    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "lr", *terms])
        writer.writerows([epoch + 1, 0.1, *rng.uniform(0.1, 2, len(terms)).round(6)] for epoch in range(epochs))
