"""A prepared data set: a folder of uint8 arrays, which training maps into memory or moves to the GPU as a whole.

    images.npy           uint8 (N, H, W, 3)    training images: for GANs crops, in the order in which they were drawn;
                                               for classifiers images, in the official order
    labels.npy           int64 (N,)            their classes
    held_out.npy         uint8 (M, H, W, 3)    evaluation images; none is a training image or shares a photo with one
    held_out_labels.npy  int64 (M,)            their classes
    sizes.npy            int32 (N, 2)          for classifiers only: width and height in pixels of the training images
                                               before they were resized to the stored square
    held_out_sizes.npy   int32 (M, 2)          the same for the evaluation images
    held_out_tags.npy    bool (M, C)           for crops of annotated photos and classifiers only: the classes that an
                                               evaluation image shows, of which it may show several
    held_out_photos.npy  int64 (M,)            the number of the photo, or of the group of photos that look alike, that
                                               an evaluation image is a part of
    manifest.csv         where every image comes from
    meta.json            classes, counts, settings, source, the checksums of the other files and a digest of itself; no
                         paths and no times, so that preparing the same source again gives the same bytes

The folder appears complete or not at all; `store_draft` writes it. Whoever reads meta.json compares it with its digest,
and whoever opens the store compares every file. This detects accidents, not forgery.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from advkd import files
from advkd.data.store_meta import META, REMEDY, read_meta
from advkd.errors import UserError, machine_fault

MANIFEST = "manifest.csv"
ARRAYS = ("images", "labels", "held_out", "held_out_labels")
OPTIONAL = ("sizes", "held_out_sizes", "held_out_tags", "held_out_photos")
NO_SUFFIX = "files without a suffix"
FILES = {*(f"{name}.npy" for name in (*ARRAYS, *OPTIONAL)), MANIFEST, META}


@dataclass(frozen=True)
class Store:
    """An opened store. Its arrays are mapped from disk, read-only; the module states their shapes and types."""

    path: Path
    images: np.ndarray
    labels: np.ndarray
    held_out: np.ndarray
    held_out_labels: np.ndarray
    meta: dict[str, Any]
    sizes: np.ndarray | None = None
    held_out_sizes: np.ndarray | None = None
    held_out_tags: np.ndarray | None = None
    held_out_photos: np.ndarray | None = None

    @classmethod
    def open(cls, path: Path) -> "Store":
        """Open the store in the folder `path`, after comparing its files with their checksums in meta.json.

        Raises:
            UserError: the folder is not a store, or one of its files is missing or damaged.
        """
        path = Path(path)
        try:
            meta = read_meta(path)
            checksums = meta["sha256"]
            for name, expected in checksums.items():
                if files.sha256(path / name) != expected:
                    raise UserError(f"{path / name} is not what was prepared (its checksum differs): {REMEDY}")
            names = [*ARRAYS, *(name for name in OPTIONAL if f"{name}.npy" in checksums)]
            if not {MANIFEST, *(f"{name}.npy" for name in names)} <= checksums.keys():
                raise ValueError(f"{META} lacks the checksum of a file")
            arrays = {name: np.load(path / f"{name}.npy", mmap_mode="r") for name in names}
        except FileNotFoundError as error:
            raise UserError(f"no prepared data set in {path} ({Path(error.filename).name} is missing)") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            if machine_fault(error):
                raise
            raise UserError(f"the prepared data set in {path} is damaged ({error}): {REMEDY}") from error
        return cls(path, meta=meta, **arrays)

    def summary(self) -> str:
        """Return how much of the data set is trained and evaluated on, and what was left out, in one line."""
        meta = self.meta
        classes, train, valid = len(meta["classes"]), len(self.images), len(self.held_out)
        left_out = []
        faulty = len(meta.get("left_out", []))
        if whole := meta.get("statistics"):
            left_out += [
                _counted(whole["classes"] - classes, "class", "classes"),
                _counted(whole["train"] - train, "training image", "training images"),
                _counted(whole["valid"] - valid, "evaluation image", "evaluation images"),
            ]
        if photos := meta.get("photos"):
            faulty_photos = photos.get("faulty", 0)
            unused = photos["all"] - photos["training_used"] - photos["held_out_used"] - faulty_photos
            left_out += [
                _counted(unused, "photo without a crop", "photos without a crop"),
                _counted(faulty_photos, "faulty photo", "faulty photos"),
                _counted(faulty - faulty_photos, "faulty annotation or box", "faulty annotations or boxes"),
            ]
        left_out.append(
            _counted(len(meta.get("skipped_classes", [])), "class without photos", "classes without photos")
        )
        for suffix, count in meta.get("unread", {}).items():
            singular, plural = (f"{suffix} file", f"{suffix} files") if suffix else ("file without a suffix", NO_SUFFIX)
            left_out.append(_counted(count, singular, plural))
        parts = ", ".join(part for part in left_out if part)
        if whole and faulty:
            parts += f" (of these images {faulty:,} {'is' if faulty == 1 else 'are'} faulty)"
        kind = "crops" if "photos" in meta else "images"
        if generated := meta.get("generated", {}).get("images"):
            kind += f" ({generated:,} of them generated)"
        return (
            f"trains on {train:,} {kind} of {classes} classes of {meta['name']}, evaluates on {valid:,}; left out: "
            f"{parts or 'nothing'}"
        )


def _counted(count: int, singular: str, plural: str) -> str:
    """Return a number with its noun; empty for none."""
    return f"{count:,} {singular if count == 1 else plural}" if count > 0 else ""
