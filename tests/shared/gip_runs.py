"""Writes folders of finished runs of the GIP paper, as trainings leave them."""

import csv
import zlib
from pathlib import Path

import numpy as np

from advkd.files import read_json, sha256, write_json
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import PRODUCTS
from advkd.runs.lookup import folder_of
from advkd.settings.config import Resolved

CLASSES = {"cifar10": 10, "cifar100": 25}
SOURCE = {"verified": "published checksum", "content": "0" * 64}
ATTEMPT = {"gpu": None, "processor": "CPU", "threads": 1, "cores": 2, "commit": "c0ffee", "changed": False,
           "began": "2026-01-01T00:00:00Z", "python": "3.11", "packages": {"torch": "2.11"}}  # fmt: skip
WEIGHTS = "ab" * 32


def finish(resolved: Resolved, right: int = 60, best: int = 70, images: int = 100) -> None:
    """Write a classifier that classifies `right` of `images` images correctly, and `best` in its best epoch."""
    classes = CLASSES[resolved.run.dataset]
    labels = np.arange(images) % classes
    predicted = [np.where(np.arange(images) < count, labels, (labels + 1) % classes) for count in (right, best)]
    logits = [np.eye(classes, dtype=np.float32)[labels] for labels in predicted]
    folder = folder_of(resolved).path
    folder.mkdir(parents=True, exist_ok=True)
    features = np.zeros((images, 4), np.float16)
    np.savez(folder / "predictions.npz", labels=labels, logits=logits[0], best_logits=logits[1], features=features)
    checksums = {"predictions.npz": sha256(folder / "predictions.npz"), "model.safetensors": WEIGHTS}
    leave(resolved, status="done", epochs=resolved.settings["epochs"], sha256=checksums)


def end(resolved: Resolved, **result) -> None:
    """Write a run that diverged or was blocked."""
    leave(resolved, **result, sha256={})


def leave(resolved: Resolved, **result) -> None:
    """Write the provenance and the result of a run."""
    names = [f"kind_{label}" for label in range(CLASSES[resolved.run.dataset])]
    parents = {}
    for role, parent in resolved.parents.items():
        weights = {} if result["status"] == "blocked" else {"model.safetensors": WEIGHTS}  # its parent diverged
        parents[role] = {"run": str(parent.run), "sha256": weights}
    data = {
        "name": resolved.run.dataset,
        "store": resolved.store,
        "classes": names,
        "source": SOURCE,
        "parents": parents,
        "sha256": {"images.npy": "1" * 64},
    }
    shared = {"attempts": [ATTEMPT], "code": "0" * 12, "wall_seconds": 3.0, "peak_memory_mib": {"host": 100}}
    folder = folder_of(resolved).path
    write_json(folder / "provenance.json", {"data": data, "result": {"config_hash": resolved.hash, **result}, **shared})
    write_json(folder / "result.json", {"config_hash": resolved.hash, **result})


def record_products(folder: Path) -> None:
    """Write the checksums of the products that exist into result.json, as the end of a training does."""
    checksums = RunFolder(folder).checksums(PRODUCTS)
    result = read_json(folder / "result.json")
    write_json(folder / "result.json", {**result, "sha256": {**result["sha256"], **checksums}})


def generate(resolved: Resolved, epochs: int = 12, noises: int = 6) -> None:
    """Write the samples of a finished run's generator, and its history."""
    rng = np.random.default_rng(zlib.crc32(str(resolved.run).encode()))
    classes, folder = CLASSES[resolved.run.dataset], folder_of(resolved).path
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
    record_products(folder)
    terms = ["L_KD", "L_G", *(["L_OH"] if resolved.settings["alpha"] else []), "L_IE", "L_ACT", "bns"]
    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "lr", *terms])
        writer.writerows([epoch + 1, 0.1, *rng.uniform(0.1, 2, len(terms)).round(6)] for epoch in range(epochs))
