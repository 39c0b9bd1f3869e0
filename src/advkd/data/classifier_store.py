"""From a fetched archive or a folder of images to a classifier's store: choose, decode once, squash, write.

Choices:
    - [aikd] Usual: the JPEG files of the 224-pixel sets are decoded in training. Here: they are stored squashed to a
      square, with their true size (`stored_size`). Why: no decoding in training; small crops are a little softer than
      from the original, but have the same distribution of area, aspect ratio and place.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from advkd.data import store
from advkd.data.archives import fetch
from advkd.data.archives.members import Archive
from advkd.data.readers import cifar, cub200, fgvc_aircraft, image_folder, mit67, stanford_dogs, tiny_imagenet
from advkd.data.readers.labelled import Item, Labelled, wrong
from advkd.data.registry import DataSet
from advkd.data.settings import ClassifierStoreSettings
from advkd.errors import UserError
from advkd.progress import Progress, say

READERS: dict[str, Callable[[Archive], Labelled]] = {
    "cifar10": cifar.read10,
    "cifar100": cifar.read100,
    "tiny_imagenet": tiny_imagenet.read,
    "cub200": cub200.read,
    "stanford_dogs": stanford_dogs.read,
    "mit67": mit67.read,
    "fgvc_aircraft": fgvc_aircraft.read,
}
FREE = ("accepted by the user", "drawn on the spot")  # sources that may differ from what is published
COLUMNS = ("split", "index", "image", "label", "class", "width", "height")


def prepare(source: dict | Path, dataset: DataSet | None, s: ClassifierStoreSettings, out: Path) -> dict:
    """Write the images of one data set to a store at `out` and return its meta.json.

    An image that is not a square of the stored size is squashed to one with PIL's antialiased bilinear filter. Images
    are decoded in the archive's order, one at a time, and stand in the store in the official order.

    Args:
        source: the record that `archives.fetch` or `archives.describe` gave, or the user's folder of images.
        dataset: the registry's entry of a record; without meaning for a folder.
        s: the settings of the store.
        out: the folder to write.

    Raises:
        UserError: damaged or unusable data, an official archive of other counts than official, or no room on the disk.
    """
    name = s.dataset
    if isinstance(source, dict):
        found = _official(source, dataset, name)
        origin = {key: source[key] for key in ("content", "kind", "sha256", "verified")}
    else:
        if s.folder is None:
            raise UserError(f"{source} is a folder of images, but the setting data of the store is {s.data!r}")
        archive, found = image_folder.read(source, s.folder.held_out, s.folder.data_seed)
        origin = {"content": archive.digest(), "kind": "images", "sha256": None, "verified": "the user's own images"}
    wanted = s.classes
    if wanted is not None and wanted > len(found.classes):
        say(f"{name} has {len(found.classes)} classes, fewer than the {wanted} asked for: all are taken")
    classes = found.classes[:wanted]
    train = first(found.train, len(classes), s.train_per_class)
    valid = first(found.valid, len(classes), s.valid_per_class)
    items, n, side = [*train, *valid], len(train), s.stored_size
    with store.draft(out, len(items) * (3 * side**2 + 16)) as draft:
        sizes, counters = _decode(found, items, n, side, draft)
        labels = np.array([item.label for item in items], np.int64)
        for key, values in (("labels", labels), ("sizes", sizes)):
            draft.save(key, values[:n])
            draft.save(f"held_out_{key}", values[n:])
        meta = {
            "name": name,
            "classes": list(classes),
            "statistics": _statistics(found),
            "images": n,
            "held_out": len(valid),
            "shape": [side, side, 3],
            "counters": counters,
            "settings": _recorded(s),
            "source": origin,
        }
        return draft.finish(_manifest(classes, items, n, sizes), meta)


def first(items: Sequence[Item], classes: int, per_class: int | None) -> list[Item]:
    """Return the items of the first `classes` classes, of each the first `per_class` (None: all), in their order."""
    seen: Counter[int] = Counter()
    kept = []
    for item in items:
        seen[item.label] += 1
        if item.label < classes and (per_class is None or seen[item.label] <= per_class):
            kept.append(item)
    return kept


def squash(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return uint8 (height, width, 3) as (side, side, 3): as it is if it has that size, else resized.

    The filter is RandomResizedCrop's, PIL's bilinear one, which antialiases when it shrinks.
    """
    if pixels.shape[:2] == (side, side):
        return pixels
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def _official(record: dict, dataset: DataSet | None, name: str) -> Labelled:
    if name not in READERS:
        raise UserError(f"{name} is no data set for classification; these are {', '.join(READERS)}")
    archive = fetch.open_record(record, dataset)
    found = READERS[name](archive)
    counts = _statistics(found)
    if record["verified"] not in FREE and counts != dataset.official:
        here, official = (
            ", ".join(f"{count} {key}" for key, count in one.items()) for one in (counts, dataset.official)
        )
        raise wrong(archive.path, f"{name} has {official}, but here are {here}")
    return found


def _statistics(found: Labelled) -> dict[str, int]:
    return {"classes": len(found.classes), "train": len(found.train), "valid": len(found.valid)}


def _recorded(settings: ClassifierStoreSettings) -> dict[str, float]:
    """Return the settings that meta.json records, without those that do not apply."""
    flat: dict[str, float | None] = {
        "classes": settings.classes,
        "data_seed": settings.folder.data_seed if settings.folder else None,
        "held_out": settings.folder.held_out if settings.folder else None,
        "stored_size": settings.stored_size,
        "train_per_class": settings.train_per_class,
        "valid_per_class": settings.valid_per_class,
    }
    return {key: value for key, value in flat.items() if value is not None}


def _decode(found: Labelled, items: Sequence[Item], n: int, side: int, draft: store.Draft) -> tuple[np.ndarray, dict]:
    """Write the images of `items`, of which the first `n` are for training.

    Returns:
        their sizes, int32 (len(items), 2), and how many were squashed, and converted from which mode.
    """
    sizes = np.zeros((len(items), 2), np.int32)
    converted: Counter[str] = Counter()
    squashed = 0
    places = {item.image: place for place, item in enumerate(items)}
    progress = Progress("decoding", len(items), "image")
    shape = (side, side, 3)
    with (
        draft.rows("images", (n, *shape)) as images,
        draft.rows("held_out", (len(items) - n, *shape)) as held_out,
    ):
        for done, name in enumerate(found.order(list(places)), 1):
            pixels, mode = found.decode(name)
            place = places[name]
            sizes[place] = pixels.shape[1], pixels.shape[0]
            squashed += pixels.shape != shape
            converted[mode] += mode != "RGB"
            rows, row = (images, place) if place < n else (held_out, place - n)
            rows[row] = squash(pixels, side)
            progress.update(done)
    progress.close()
    return sizes, {"converted": dict(sorted((+converted).items())), "squashed": squashed}


def _manifest(classes: Sequence[str], items: Sequence[Item], n: int, sizes: np.ndarray) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for place, (item, size) in enumerate(zip(items, sizes.tolist(), strict=True)):
        split, index = ("training", place) if place < n else ("held_out", place - n)
        rows.writerow((split, index, item.image, item.label, classes[item.label], *size))
    return text.getvalue()
