"""Tiny runs of the GIP paper, and the stores that they read."""

import csv
import shutil
from pathlib import Path

import numpy as np

from advkd.data.store_draft import write_store
from advkd.runs.folder_names import PRODUCTS
from advkd.runs.train import train as train_run
from advkd.settings import config
from advkd.training.guard import Guard

SIZE, CLASSES = 8, 4
TINY = {
    "width": 8, "batch": 8, "epochs": 2, "lr": 0.01, "image_size": SIZE, "stored_size": SIZE, "noise": 8,
    "generator_width": 4, "generator_lr": 0.01, "synthetic_steps": 2, "synthetic_batch": 6,
}  # fmt: skip
FULL = {"image_size": 32, "stored_size": 32}  # the size of the images of GAN-TSC's AC-GAN
EPOCHS, REAL, SYNTHETIC, HELD_OUT = (
    2,
    3,
    2,
    12,
)  # an epoch has 20 images in batches of 8
FILES = [*PRODUCTS, "history.csv", "result.json"]


def document(name: str, seed: int = 0, **changes):
    """Return the resolved configuration of a tiny run on CIFAR-10; `name` is MODEL/METHOD and may include a variant."""
    made = name.partition("/")[2].partition("+")[0] in ("gip", "dafl")
    plain = {key: value for key, value in TINY.items() if made or not key.startswith("synthetic")}
    user = config.user({"override": {"gip": {**plain, **changes}}})
    return {**config.resolve(f"gip/cifar10/{name}/seed{seed}", user).document(), "threads": 1}


def make_store(data_root: Path, seed: int = 0, train: int = 20, classes: int = CLASSES, **changes) -> Path:
    """Write the store that the tiny runs read: noisy images of as many colours as classes; returns `data_root`."""
    doc = document("resnet34/baseline", **changes)
    side, random = doc["settings"]["stored_size"], np.random.default_rng(seed)
    labels = np.arange(train + HELD_OUT) % classes
    colours = random.integers(40, 215, (classes, 3))
    images = np.clip(colours[labels][:, None, None] + random.normal(0, 40, (len(labels), side, side, 3)), 0, 255)
    images = images.astype(np.uint8)
    arrays = {"images": images[:train], "labels": labels[:train], "held_out": images[train:],
              "held_out_labels": labels[train:]}  # fmt: skip
    source = {"verified": "drawn on the spot", "content": "0" * 64, "kind": "archive", "sha256": None}
    meta = {"name": "cifar10", "classes": [f"class {i}" for i in range(classes)], "source": source}
    write_store(data_root / "stores" / doc["store"], arrays, "", meta)
    return data_root


def train(doc, runs: Path, data_root: Path, seconds: float = 1000.0):
    """Train in the tree `runs`; returns the exit status, the run's folder and its files' bytes."""
    folder = runs / doc["run"]
    status = train_run(doc, folder, data_root, "cpu", seconds, False)
    return status, folder, files_of(folder)


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files that a run writes."""
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}


def folder_of(name: str, runs: Path, **changes) -> Path:
    """Return the folder of the run that `document` describes."""
    return runs / document(name, **changes)["run"]


def tree_for(doc, trained: Path, folder: Path) -> Path:
    """Return `folder`, a tree with copies of the `trained` runs that `doc` needs."""
    for parent in doc["parents"].values():
        shutil.copytree(trained / parent["run"], folder / parent["run"])
    return folder


def history_of(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a run's history."""
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def after_step(monkeypatch, number: int, action) -> None:
    """Call `action` after step `number` of a training has computed its losses."""
    original = Guard.watch

    def watch(self, step, terms):
        terms_seen = original(self, step, terms)
        if step + 1 == number:
            action()
        return terms_seen

    monkeypatch.setattr(Guard, "watch", watch)
