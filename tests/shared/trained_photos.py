"""Tiny classifiers that are trained on a folder of photos of many sizes, and the photos that they were evaluated on."""

import csv
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from advkd.data.classifier_store import prepare_classifier_store
from advkd.runs.train import train
from advkd.settings import config
from advkd.settings.classifier import ClassifierRun

CLASSES = ("=crack, thin", "spalling")
TINY = {"width": 16, "batch": 4, "epochs": 2, "lr": 0.05}
TURNED = 6  # the EXIF orientation of a photo that was taken with the camera held upright


def draw_photos(folder: Path, count: int = 8) -> Path:
    """Write noisy photos of two classes, of many sizes, some of them turned; returns `folder`."""
    random = np.random.default_rng(0)
    for number, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for place in range(count):
            width, height = random.integers(50, 160, 2)
            small = random.integers(0, 120, (6, 6, 3)) + np.array([100 * number, 40, 30])
            image = Image.fromarray(small.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
            exif = Image.Exif()
            exif[ExifTags.Base.Orientation] = TURNED if place % 3 == 0 else 1
            image.save(folder / name / f"photo {place}.jpg", exif=exif, quality=95)
    return folder


def write_16_bits(path: Path) -> np.ndarray:
    """Write a greyscale photo of 16 bits, a PNG file turned; returns its values as they are stored, uint16 (H, W)."""
    height, width = 90, 120
    values = np.linspace(0, 65535, height * width).reshape(height, width).astype(np.uint16)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = TURNED
    Image.fromarray(values).save(path, **({"exif": exif} if path.suffix == ".png" else {}))
    return values


def train_on_photos(folder: Path, model: str, root: Path, **changes) -> tuple[Path, list[Path]]:
    """Train a Baseline on a folder of photos; returns the run's folder and its evaluation photos in their order."""
    name = f"aikd/mine/{model}/baseline/seed0"
    user = config.user({"scale": "gpu", "folders": {"mine": str(folder)}, "override": {"aikd": {**TINY, **changes}}})
    resolved = config.resolve(name, user)
    assert isinstance(resolved.typed, ClassifierRun)
    document = {**resolved.document(), "threads": 1}
    store = root / "data/stores" / resolved.store
    prepare_classifier_store(folder, None, resolved.typed.data, store)
    run = root / "results/gpu/runs" / name
    assert train(document, run, root / "data", "cpu", 1000.0) == 0
    with (store / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "held_out"]
    return run, [folder / row["image"].removeprefix("'") for row in rows]
