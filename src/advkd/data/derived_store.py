"""Data sets that are made of a prepared one: the images of one class alone, or with a generator's images.

What is evaluated on never changes, but for images of other classes. Generated images come into the training part only.
So whoever is trained on such a data set is evaluated on the real images that nothing was trained on.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from advkd.data import label_worth
from advkd.data.preparing_code import derived_code
from advkd.data.settings import GeneratedImages
from advkd.data.store import ARRAYS, MANIFEST, OPTIONAL, Store
from advkd.data.store_draft import write_store
from advkd.errors import UserError
from advkd.files import as_csv_text
from advkd.opening import open_text
from advkd.progress import say

TRAINING = ("images", "labels", "sizes")  # arrays of the training part; the others are of the evaluation images


@dataclass(frozen=True)
class Generated:
    """Images that a run's generators drew.

    Attributes:
        run: the run's name.
        sha256: checksum of the file that the images were read from.
        images: by generator ("G1", "G2", …), uint8 (M, H, W, 3).
        labels: int64 (M,), the class of every generator's images.
    """

    run: str
    sha256: str
    images: Mapping[str, np.ndarray]
    labels: np.ndarray


@dataclass(frozen=True)
class Joining:
    """A generated image that joins a data set.

    Attributes:
        pixels: uint8 (H, W, 3).
        label: its class.
        run: the run that drew it.
        name: what manifest.csv calls it.
    """

    pixels: np.ndarray
    label: int
    run: str
    name: str


def keep_class(base: Store, number: int, out: Path) -> dict[str, Any]:
    """Write the store of the images of one class, by its number from 1, and return its meta.json.

    Raises:
        UserError: there is no such class, or the disk is full.
    """
    classes, label = base.meta["classes"], number - 1
    if number > len(classes):
        raise UserError(f"{base.path} has no class {number}: it has {len(classes)}, counted from 1")
    training, held_out = np.flatnonzero(base.labels == label), np.flatnonzero(base.held_out_labels == label)
    arrays = {name: array[training if name in TRAINING else held_out] for name, array in _arrays(base).items()}
    for name in ("labels", "held_out_labels"):
        arrays[name] = np.zeros_like(arrays[name])
    if "held_out_tags" in arrays:
        arrays["held_out_tags"] = arrays["held_out_tags"][:, [label]]
    known = _rows(base)
    kept = [{**known[place], "index": str(index), "label": "0"} for index, place in enumerate(training)]
    kept += [
        {**known[len(base.labels) + place], "index": str(index), "label": "0"} for index, place in enumerate(held_out)
    ]
    meta = _meta(base, {"only_class": number}) | {"classes": [classes[label]]}
    meta |= {"images": len(training), "held_out": len(held_out)}
    return write_store(out, arrays, _manifest(kept), meta)


def choose_generated(classes: Sequence[str], count: int, sources: Sequence[Generated]) -> list[Joining]:
    """Return the first `count` images of each class, the generators of a run in turn, each with another noise.

    Raises:
        UserError: a class is not that of exactly one source, or that has fewer images of it.
    """
    chosen = []
    for label, name in enumerate(classes):
        of_class = [source for source in sources if label in source.labels]
        if len(of_class) != 1:
            raise UserError(f"{len(of_class)} runs draw images of {name!r}: one must")
        (source,) = of_class
        for generator, place in _places(source, label, count, name):
            pixels = source.images[generator][place]
            chosen.append(Joining(pixels, label, source.run, f"{source.run} {generator} {place}"))
    return chosen


def join_generated(
    base: Store, settings: GeneratedImages, chosen: Sequence[Joining], about: Mapping[str, Any], out: Path
) -> dict[str, Any]:
    """Write the store of a data set with generated images in its training part, and return its meta.json.

    Args:
        base: the data set.
        settings: whose images they are, and whether the real training images are left out.
        chosen: the generated images.
        about: what meta.json says of where they come from.
        out: the folder to write.

    Raises:
        UserError: an image is of another size than the real ones, or the disk is full.
    """
    for joining in chosen:
        if joining.pixels.shape != base.images.shape[1:]:
            raise UserError(f"{joining.run} draws images of {joining.pixels.shape}, not {base.images.shape[1:]}")
    images, own = np.stack([joining.pixels for joining in chosen]), base.images[:0] if settings.alone else base.images
    arrays = {name: array for name, array in _arrays(base).items() if name not in TRAINING}
    real = len(own)
    arrays["images"] = np.concatenate([own, images])
    arrays["labels"] = np.concatenate([base.labels[:real], np.array([joining.label for joining in chosen], np.int64)])
    if base.sizes is not None:
        arrays["sizes"] = np.concatenate([base.sizes[:real], np.full((len(images), 2), images.shape[1], np.int32)])
    known = _rows(base)
    kept = [row for row in known if row["split"] == "training"][:real]
    for index, joining in enumerate(chosen, real):
        name = as_csv_text(base.meta["classes"][joining.label])
        row = {"split": "training", "index": str(index), "label": str(joining.label), "class": name}
        kept.append({**dict.fromkeys(known[0], ""), **row, "image": as_csv_text(joining.name)})
    kept += [row for row in known if row["split"] == "held_out"]
    copies = _copies(images, base.images)
    meta = _meta(base, settings.flat()) | {"images": len(arrays["labels"])}
    meta["generated"] = {"images": len(images), "like_real": copies, **about}
    say(f"{len(images)} generated images join {real} real ones; {copies} of them look like a real training image")
    return write_store(out, arrays, _manifest(kept), meta)


def block(base: Store, settings: GeneratedImages, run: str, reason: str, out: Path) -> dict[str, Any]:
    """Write a store in place of one with generated images, which cannot be made, and return its meta.json.

    It says in "blocked" which run has no images, and why; whoever is trained on it is blocked.
    """
    meta = _meta(base, settings.flat()) | {"blocked": {"parent": run, "reason": reason}}
    return write_store(out, _arrays(base), _manifest(_rows(base)), meta)


def _places(source: Generated, label: int, count: int, name: str) -> list[tuple[str, int]]:
    """Return `count` images of a class: generator and place of each. Generators take turns, and so do the noises."""
    places = np.flatnonzero(source.labels == label).tolist()
    if len(places) < count:
        raise UserError(
            f"{source.run} drew {len(places)} images of {name!r} with each generator, fewer than the {count} asked for"
            " (synthetic): lower it, or raise fakes of the paper okd"
        )
    generators = sorted(source.images, key=lambda generator: int(generator[1:]))
    return [(generators[number % len(generators)], places[number]) for number in range(count)]


def _copies(images: np.ndarray, real: np.ndarray) -> int:
    """Return how many generated images are near-duplicates of a real training image."""
    thumbnails = [np.stack([label_worth.thumbnail(image) for image in part]) for part in (real, images)]
    return len({second for _, second in label_worth.near_duplicates(*thumbnails)})


def _arrays(base: Store) -> dict[str, np.ndarray]:
    arrays = {name: getattr(base, name) for name in (*ARRAYS, *OPTIONAL)}
    return {name: np.array(array) for name, array in arrays.items() if array is not None}


def _meta(base: Store, derived: Mapping[str, object]) -> dict[str, Any]:
    """Return what a store derived from `base` says of itself: what `base` says, and how it was derived."""
    meta = {key: value for key, value in base.meta.items() if key not in ("schema", "sha256", "counts")}
    meta["settings"] = {**base.meta["settings"], **derived}
    meta["base"] = {"store": base.path.name, "sha256": base.meta["sha256"]}
    meta["code"] = derived_code(base.meta["code"])
    return meta


def _rows(base: Store) -> list[dict[str, str]]:
    with open_text(base.path / MANIFEST, newline="") as file:
        return list(csv.DictReader(file))


def _manifest(rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
