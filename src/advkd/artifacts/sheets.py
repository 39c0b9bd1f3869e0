"""Sheets of what a classifier is trained with: the first images of each class in its data set, real and generated.

They are looked at, and not published: photos of defects may not be passed on.
"""

import csv
from pathlib import Path

import numpy as np

from advkd.artifacts.drawing import samples
from advkd.artifacts.drawing.formats import render
from advkd.data.store import MANIFEST, Store
from advkd.errors import UserError
from advkd.files import atomic
from advkd.opening import open_text
from advkd.progress import say
from advkd.runs.stores import store_of
from advkd.settings.config import Resolved
from advkd.settings.user import User

SHOWN = 12  # images of a class and a source


def write_sheet(resolved: Resolved, user: User, out: Path) -> None:
    """Write the sheet of a run's training images as a PNG file: two rows for each class, of real and generated images.

    Raises:
        UserError: the data set is missing or damaged, or cannot be made since a generator diverged.
    """
    store = Store.open(store_of(resolved, user))
    if "blocked" in store.meta:
        raise UserError(f"{store.path} has no generated images: {store.meta['blocked']['reason']}")
    generated = _generated(store, {str(gan.run) for gan in resolved.generators.values()})
    rows = []
    for label, name in enumerate(store.meta["classes"]):
        for what, chosen in (("real", ~generated), ("generated", generated)):
            places = np.flatnonzero((store.labels == label) & chosen)[:SHOWN]
            if len(places):
                rows.append((f"{name}, {what}", np.stack([store.images[place] for place in places])))
    with atomic(out) as temporary:
        temporary.write_bytes(render(samples.draw(rows), ".png", str(resolved.run)))
    say(f"{resolved.run}: {len(store.labels) - generated.sum()} real and {generated.sum()} generated images -> {out}")


def _generated(store: Store, gans: set[str]) -> np.ndarray:
    """Return which training images one of the GANs drew, bool (N,); the manifest says whence each image is."""
    with open_text(store.path / MANIFEST, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "training"]
    return np.array([row["image"].split(" ")[0] in gans for row in rows], bool)
