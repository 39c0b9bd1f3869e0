"""From a fetched archive or a folder of images to a store: read, draw, decode once, write."""

import csv
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from advkd.data import crops, images, store
from advkd.data.archives import fetch
from advkd.data.archives.members import Archive
from advkd.data.crops import Draw
from advkd.data.photos import Photo
from advkd.data.readers import codebrim, folder
from advkd.data.registry import DataSet
from advkd.data.settings import CropStoreSettings
from advkd.errors import UserError
from advkd.progress import Progress, say

# The settings that meta.json records.
RECORDED = ("crop", "crops", "data_seed", "held_out", "held_out_crops", "image_size", "windows_per_image")
COLUMNS = ("split", "index", "image", "xmin", "ymin", "xmax", "ymax", "x0", "y0", "side", "label", "class", "tags")


def prepare(source: dict | Path, dataset: DataSet | None, s: CropStoreSettings, out: Path) -> dict:
    """Draw the crops of one data set into a store at `out` and return its meta.json.

    Args:
        source: the record that `archives.fetch` or `archives.describe` gave, or the user's folder of images.
        dataset: the registry's entry of a record; not read for a folder.
        s: the settings of the store.
        out: the folder to write.

    Raises:
        UserError: damaged or unusable data, or no room on the disk.
    """
    counters: Counter[str] = Counter(dict.fromkeys(("annotations_left_out", "enlarged", "expanded", "repeated"), 0))
    tagged = isinstance(source, dict)
    if tagged:
        archive = fetch.open_record(source, dataset)
        repairable = source["verified"] in ("accepted by the user", "drawn on the spot")
        photos, classes = codebrim.read(archive, counters, strict=repairable), codebrim.CLASSES
        origin = {key: source[key] for key in ("content", "kind", "sha256", "verified")}
    else:
        archive, photos, classes = folder.read(Path(source))
        origin = {"content": archive.digest(), "kind": "images", "sha256": None, "verified": "the user's own images"}
    streams = crops.Streams.of(s.data_seed)
    training, aside = crops.split(photos, s.held_out, streams.split)
    labels = sorted(crops.carried(photos, training))
    if not labels:
        raise UserError(f"{archive.path} holds no box with a defect")
    _tell_missing(classes, labels, crops.carried(photos, aside), bool(aside))
    if tagged:
        if s.crops == 0:
            raise UserError("crops is 0, one an image, which has a meaning for a folder of images only")
        drawn = crops.by_class(photos, training, labels, s.crops, s.crop, s.image_size, streams.training, counters)
        within = sorted(set(labels) & crops.carried(photos, aside))
        count = s.held_out_crops if within else 0
        held = crops.by_class(photos, aside, within, count, s.crop, s.image_size, streams.held_out, counters)
    else:
        each = s.windows_per_image
        count = s.crops or len(training) * each
        drawn = crops.by_image(photos, training, count, each, s.crop, s.image_size, streams.training, counters)
        known = set(labels)
        shown = [index for index in aside if crops.carried(photos, [index]) <= known]
        count = min(s.held_out_crops, len(shown) * each)
        held = crops.by_image(photos, shown, count, each, s.crop, s.image_size, streams.held_out, counters)

    store.check_room(out, (len(drawn) + len(held)) * (3 * s.image_size**2 + 8))
    pixels, converted = _cut(archive, photos, [*drawn, *held], s.image_size)
    numbers = {label: number for number, label in enumerate(labels)}
    given = np.array([numbers[draw.label] for draw in [*drawn, *held]], dtype=np.int64)
    n = len(drawn)
    arrays = {"images": pixels[:n], "labels": given[:n], "held_out": pixels[n:], "held_out_labels": given[n:]}
    names = [classes[label] for label in labels]
    meta = {
        "name": s.dataset,
        "classes": names,
        "skipped_classes": [classes[label] for label in range(len(classes)) if label not in labels],
        "images": len(drawn),
        "held_out": len(held),
        "shape": [s.image_size, s.image_size, 3],
        "counts": {"images": _counts(names, given[:n]), "held_out": _counts(names, given[n:])},
        "photos": {
            "all": len(photos),
            "training": len(training),
            "training_used": len({draw.photo for draw in drawn}),
            "held_out": len(aside),
            "held_out_used": len({draw.photo for draw in held}),
        },
        "counters": {**counters, "converted": dict(sorted(converted.items()))},
        "settings": {key: getattr(s, key) for key in RECORDED},
        "source": origin,
    }
    return store.write(out, arrays, _manifest(photos, drawn, held, names, numbers, pixels), meta)


def _tell_missing(classes: Sequence[str], labels: Sequence[int], aside: set[int], split: bool) -> None:
    missing = [classes[label] for label in range(len(classes)) if label not in labels]
    if missing:
        say(f"no training photo shows {', '.join(missing)}: left out of the classes")
    unseen = [classes[label] for label in labels if label not in aside]
    if split and unseen:
        say(f"no photo set aside shows {', '.join(unseen)}: no held-out crops of it")


def _cut(
    archive: Archive, photos: Sequence[Photo], draws: Sequence[Draw], size: int
) -> tuple[np.ndarray, Counter[str]]:
    """Return the crops as uint8 (len(draws), size, size, 3), and how many photos of each mode became RGB."""
    wanted = defaultdict(list)
    for place, draw in enumerate(draws):
        wanted[draw.photo].append(place)
    pixels = np.empty((len(draws), size, size, 3), np.uint8)
    converted: Counter[str] = Counter()
    progress = Progress("cropping", len(wanted), "photo")
    for done, index in enumerate(sorted(wanted), 1):
        photo, mode = images.decode(archive, photos[index].image)
        if mode != "RGB":
            converted[mode] += 1
        for place in wanted[index]:
            window = draws[place].window
            square = photo[window.y0 : window.y0 + window.side, window.x0 : window.x0 + window.side]
            pixels[place] = square if window.side == size else images.resize(square, size)
        progress.update(done)
    progress.close()
    return pixels, converted


def _counts(names: Sequence[str], labels: np.ndarray) -> dict[str, int]:
    return dict(zip(names, np.bincount(labels, minlength=len(names)).tolist(), strict=True))


def _manifest(
    photos: Sequence[Photo],
    drawn: Sequence[Draw],
    held: Sequence[Draw],
    names: Sequence[str],
    numbers: dict[int, int],
    pixels: np.ndarray,
) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow((*COLUMNS, "sha256"))
    places = [("training", index, draw) for index, draw in enumerate(drawn)]
    places += [("held_out", index, draw) for index, draw in enumerate(held)]
    for (part, index, draw), crop in zip(places, pixels, strict=True):
        box, window, label = draw.box, draw.window, numbers[draw.label]
        where = (box.xmin, box.ymin, box.xmax, box.ymax, window.x0, window.y0, window.side)
        tags = "".join(map(str, box.tags))
        checksum = hashlib.sha256(crop.tobytes()).hexdigest()
        rows.writerow((part, index, photos[draw.photo].image, *where, label, names[label], tags, checksum))
    return text.getvalue()
