"""Tiny runs of classifiers, and the store that they read."""

from pathlib import Path

import numpy as np
import yaml

from advkd.data.store_draft import write_store
from advkd.files import write_text
from advkd.runs.train import train as train_run
from advkd.settings import config

NAME = "aikd/cifar100/preact_resnet18/{}/seed0"
TINY = {"width": 8, "batch": 8, "epochs": 3, "fc1": 8, "fc2": 4, "lr": 0.05, "tf_multiplier": 2.0}
CLASSES = 4
FILES = ["model.safetensors", "best.safetensors", "predictions.npz", "history.csv", "result.json"]


def document(method: str, seed: int = 0, **changes):
    """Return the resolved configuration of a tiny run; `method` may include a variant."""
    name = NAME.format(method).replace("seed0", f"seed{seed}")
    resolved = config.resolve(name, config.user({"override": {"aikd": {**TINY, **changes}}}))
    return {**resolved.document(), "threads": 1}


def make_store(data_root: Path, seed: int = 0, train: int = 30, classes: int = CLASSES) -> Path:
    """Write the store that the tiny runs read: noisy images of as many colours as classes; returns `data_root`."""
    random = np.random.default_rng(seed)
    labels = np.arange(train + 12) % classes
    colours = random.integers(40, 215, (classes, 3))
    images = np.clip(colours[labels][:, None, None] + random.normal(0, 40, (len(labels), 32, 32, 3)), 0, 255)
    images = images.astype(np.uint8)
    arrays = {"images": images[:train], "labels": labels[:train], "held_out": images[train:],
              "held_out_labels": labels[train:]}  # fmt: skip
    source = {"verified": "drawn on the spot", "content": "0" * 64, "kind": "archive", "sha256": None}
    meta = {"name": "cifar100", "classes": [f"class {i}" for i in range(classes)], "source": source}
    write_store(data_root / "stores" / document("baseline")["store"], arrays, "", meta)
    return data_root


def train(doc, runs: Path, data_root: Path, seconds: float = 1000.0, afresh: bool = False):
    """Train in the tree `runs`; returns the exit status, the run's folder and its files' bytes."""
    folder = runs / doc["run"]
    status = train_run(doc, folder, data_root, "cpu", seconds, afresh)
    return status, folder, {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}


def write_config(doc, folder: Path) -> None:
    """Write a run's config.yaml, as the training does."""
    write_text(folder / "config.yaml", yaml.safe_dump(doc))
