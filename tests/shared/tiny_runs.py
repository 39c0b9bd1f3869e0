"""Tiny runs of GANs, and the store that they read."""

from pathlib import Path

import numpy as np

from advkd.data.store_draft import write_store
from advkd.settings import config

TINY = {"width": 8, "batch": 4, "iterations": 6, "early_iteration": 0, "fakes": 6, "curve_points": 2, "curve_fakes": 3}


def document(name: str, **changes):
    """Return the resolved configuration of a tiny run."""
    resolved = config.resolve(name, config.user({"override": {"okd": {**TINY, **changes}}}))
    return {**resolved.document(), "threads": 1}


def make_store(data_root: Path, seed: int = 0) -> Path:
    """Write the store that the tiny runs read, 12 random images of 3 classes; returns `data_root`."""
    images = np.random.default_rng(seed).integers(0, 256, (16, 64, 64, 3), dtype=np.uint8)
    labels = np.arange(16) % 3
    arrays = {"images": images[:12], "labels": labels[:12], "held_out": images[12:], "held_out_labels": labels[12:]}
    source = {"verified": "drawn on the spot", "content": "0" * 64, "kind": "zip", "sha256": None}
    meta = {"name": "codebrim", "classes": ["a", "b", "c"], "source": source}
    write_store(data_root / "stores" / document("okd/codebrim/sagan/okd/seed0")["store"], arrays, "", meta)
    return data_root
