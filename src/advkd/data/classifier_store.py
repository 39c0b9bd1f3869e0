"""Prepares images for classifiers: from the archives of a data set, or a folder of images, to a store.

Choices:
    - [aikd] Usual: the JPEG files of the 224-pixel sets are decoded in training. Here: they are stored resized to a
      square of 512 pixels, with their true size (`stored_size`). Why: training decodes nothing, and views have the same
      distribution of area, aspect ratio and place. They are softer: on 257 real photos of 426 to 640 pixels they keep
      87 % of the gradient and 64 % of the power above half the Nyquist frequency (benchmarks/stored_size.py). A square
      of 256 pixels keeps 65 % and 25 %, in a quarter of the space.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from advkd.data import label_worth
from advkd.data.archives.archive import Archive
from advkd.data.archives.checked_archive import CheckedArchive
from advkd.data.archives.record import ACCEPTED, DRAWN, Record, open_record, origin_of_folder, origin_of_record
from advkd.data.faults import Faults, left_out_of
from advkd.data.preparing_code import IMAGES, preparing_code
from advkd.data.readers.cifar import read_cifar10, read_cifar100
from advkd.data.readers.class_folders import read_class_folders
from advkd.data.readers.cub200 import read_cub200
from advkd.data.readers.fgvc_aircraft import read_fgvc_aircraft, without_banner
from advkd.data.readers.labelled import Item, LabelledImages, check_items, unofficial
from advkd.data.readers.mit67 import read_mit67
from advkd.data.readers.photo_folder import count_unread
from advkd.data.readers.stanford_dogs import read_stanford_dogs
from advkd.data.readers.tiny_imagenet import read_tiny_imagenet
from advkd.data.registry import DataSet
from advkd.data.settings import ClassifierStoreSettings
from advkd.data.store_draft import Draft, draft_store
from advkd.errors import UserError
from advkd.files import as_csv_text
from advkd.progress import Progress, say

READERS: dict[str, Callable[[Archive], LabelledImages]] = {
    "cifar10": read_cifar10,
    "cifar100": read_cifar100,
    "tiny_imagenet": read_tiny_imagenet,
    "cub200": read_cub200,
    "stanford_dogs": read_stanford_dogs,
    "mit67": read_mit67,
    "fgvc_aircraft": read_fgvc_aircraft,
}
MANIFEST_COLUMNS = ("split", "index", "image", "label", "class", "width", "height")


def prepare_classifier_store(
    source: Record | Path,
    dataset: DataSet | None,
    settings: ClassifierStoreSettings,
    out: Path,
    tolerated: int = 0,
    links: bool = False,
) -> dict[str, Any]:
    """Write the images of one data set to a store, and return its meta.json.

    Images that do not have the stored size are resized to a square, see `resize_to_square`. They are decoded one at a
    time in the archive's order, and stored in the official order.

    Args:
        source: the record of the data set's archives, or the user's folder of images.
        dataset: the registry's entry of the data set; only used with a record.
        settings: the settings of the store.
        out: the folder to write.
        tolerated: how many missing or unreadable images the user goes on without.
        links: whether links in a folder of images are followed.

    Raises:
        UserError: the data are damaged or cannot be used, the counts of a verified archive are not the official
            ones, or the disk is full.
    """
    name = settings.dataset
    if isinstance(source, Path):
        if settings.folder is None:
            raise UserError(f"{source} is a folder of images, but the setting data of the store is {settings.data!r}")
        archive, images = read_class_folders(source, settings.folder.held_out, settings.folder.data_seed, links)
    else:
        archive, images = _read_official(source, dataset, name)
        if settings.banner == "cut":
            images = without_banner(images)
    if settings.classes is not None and settings.classes > len(images.classes):
        say(f"{name} has {len(images.classes)} classes, fewer than the {settings.classes} asked for: all are taken")
    classes = images.classes[: settings.classes]
    train = keep_first(images.train, len(classes), settings.train_per_class)
    valid = keep_first(images.valid, len(classes), settings.valid_per_class)
    side = settings.stored_size
    place = source if isinstance(source, Path) else Path(source["parts"][0]["path"])
    faults = Faults(place, name, tolerated, "images")
    faults.see(item.image for item in (*train, *valid))
    for item in (*train, *valid):
        if item.image in images.missing:
            faults.add(item.image, "it is listed, but is not there")
    with draft_store(out, (len(train) + len(valid)) * (3 * side**2 + 16)) as draft:
        while True:
            bad = frozenset(faults.names())
            train, valid = _without(bad, train), _without(bad, valid)
            items, n = [*train, *valid], len(train)
            sizes, counters, thumbnails = _store_images(
                images, items, n, side, draft, faults, settings.data == "folder"
            )
            archive.confirm()
            faults.settle()
            if len(faults.names()) == len(bad):
                break  # otherwise all are decoded again without those that could not be decoded
        duplicates = None  # not sought: nobody can change the split of an official data set
        if settings.folder:
            pairs = label_worth.near_duplicates(thumbnails[:n], thumbnails[n:])
            duplicates = [[train[first].image, valid[second].image] for first, second in pairs]
            twins = _removable(valid, {second for _, second in pairs}) if images.split_is_drawn else frozenset()
            kept = [row for row in range(len(valid)) if row not in twins]
            stay = [pair for pair, (_, second) in zip(duplicates, pairs, strict=True) if second not in twins]
            label_worth.report_duplicates([pair for pair in duplicates if pair not in stay], left_out=True)
            label_worth.report_duplicates(stay, left_out=False)
            if twins:
                draft.keep_rows("held_out", kept)
                valid, sizes = [valid[row] for row in kept], np.concatenate([sizes[:n], sizes[n:][kept]])
                items = [*train, *valid]
        check_items(place, classes, train, valid)
        origin = origin_of_folder(archive) if isinstance(source, Path) else origin_of_record(source, archive)
        labels = np.array([item.label for item in items], np.int64)
        draft.save("labels", labels[:n])
        draft.save("held_out_labels", labels[n:])
        draft.save("sizes", sizes[:n])
        draft.save("held_out_sizes", sizes[n:])
        meta = {
            "name": name,
            "classes": list(classes),
            "statistics": _count_images(images),
            "images": n,
            "held_out": len(valid),
            "shape": [side, side, 3],
            "counters": counters,
            "settings": _recorded_settings(settings),
            "near_duplicates": duplicates,
            "left_out": faults.names(),
            "unread": count_unread(archive) if settings.folder else {},
            "source": left_out_of(origin, faults),
            "code": preparing_code(IMAGES, drawn=settings.data == "made"),
        }
        return draft.finish(_write_manifest(classes, items, n, sizes), meta)


def keep_first(items: Sequence[Item], classes: int, per_class: int | None) -> list[Item]:
    """Return the items of the first classes, in their order.

    Args:
        items: the items.
        classes: the number of classes to keep.
        per_class: the number of items to keep of each class; None: all.
    """
    counts: Counter[int] = Counter()
    kept = []
    for item in items:
        counts[item.label] += 1
        if item.label < classes and (per_class is None or counts[item.label] <= per_class):
            kept.append(item)
    return kept


def resize_to_square(pixels: np.ndarray, side: int) -> np.ndarray:
    """Resize an image to a square; its aspect ratio is not kept. An image of that size is returned unchanged.

    The filter is PIL's bilinear filter, which torchvision's RandomResizedCrop uses too. It antialiases when it shrinks.

    Args:
        pixels: uint8 (height, width, 3).
        side: the side of the square in pixels.

    Returns:
        uint8 (side, side, 3).
    """
    if pixels.shape[:2] == (side, side):
        return pixels
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def _read_official(record: Record, dataset: DataSet | None, name: str) -> tuple[CheckedArchive, LabelledImages]:
    """Read a data set with its reader. If its archive is verified, compare its counts with the official counts."""
    if name not in READERS or dataset is None:
        raise UserError(f"{name} is not a data set for classification; these are {', '.join(READERS)}")
    archive = open_record(record, dataset)
    images = READERS[name](archive)
    counts = _count_images(images)
    if record["verified"] != DRAWN and counts != dataset.official:
        fault = f"{name} has {_list_counts(dataset.official or {})}, but here are {_list_counts(counts)}"
        if record["verified"] != ACCEPTED:
            raise unofficial(archive.path, fault)
        say(f"{archive.path}: {fault}; accepted by the user")
    return archive, images


def _removable(items: Sequence[Item], rows: Collection[int]) -> frozenset[int]:
    """Return those of `rows` without which every class still has an item."""
    left = Counter(item.label for row, item in enumerate(items) if row not in rows)
    return frozenset(row for row in rows if left[items[row].label])


def _without(names: Collection[str], items: Sequence[Item]) -> list[Item]:
    return [item for item in items if item.image not in names]


def _count_images(images: LabelledImages) -> dict[str, int]:
    return {"classes": len(images.classes), "train": len(images.train), "valid": len(images.valid)}


def _list_counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {key}" for key, count in counts.items())


def _recorded_settings(settings: ClassifierStoreSettings) -> dict[str, float | str]:
    """Return the settings that meta.json records, without those that do not apply."""
    flat: dict[str, float | str | None] = {
        "banner": settings.banner,
        "classes": settings.classes,
        "data_seed": settings.folder.data_seed if settings.folder else None,
        "held_out": settings.folder.held_out if settings.folder else None,
        "stored_size": settings.stored_size,
        "train_per_class": settings.train_per_class,
        "valid_per_class": settings.valid_per_class,
    }
    return {key: value for key, value in flat.items() if value is not None}


def _store_images(
    images: LabelledImages, items: Sequence[Item], n: int, side: int, draft: Draft, faults: Faults, seeking: bool
) -> tuple[np.ndarray, dict[str, Any], np.ndarray]:
    """Decode, resize and write the images of `items`. The first `n` items are the training images.

    An image that cannot be decoded is added to `faults`, and its row is not set.

    Returns:
        The original widths and heights, int32 (len(items), 2), and the counters of meta.json: how many images were
        squashed (resized), turned by their EXIF tags, and converted from each mode. Then a thumbnail of each image, if
        `seeking` near-duplicates; otherwise zeros.
    """
    sizes = np.zeros((len(items), 2), np.int32)
    thumbnails = np.zeros((len(items), label_worth.SIDE, label_worth.SIDE), np.uint8)
    converted: Counter[str] = Counter()
    squashed = turned = 0
    rows = {item.image: row for row, item in enumerate(items)}
    progress = Progress("decoding", len(items), "image")
    shape = (side, side, 3)
    with (
        draft.row_writer("images", (n, *shape)) as training,
        draft.row_writer("held_out", (len(items) - n, *shape)) as held_out,
    ):
        for done, name in enumerate(images.order(list(rows)), 1):
            progress.update(done)
            try:
                pixels, mode, was_turned = images.decode(name)
            except UserError as error:
                faults.add(name, str(error))
                continue
            row = rows[name]
            sizes[row] = pixels.shape[1], pixels.shape[0]
            turned += was_turned
            if pixels.shape != shape:
                squashed += 1
            if mode != "RGB":
                converted[mode] += 1
            square = resize_to_square(pixels, side)
            if seeking:
                thumbnails[row] = label_worth.thumbnail(square)
            if row < n:
                training[row] = square
            else:
                held_out[row - n] = square
    progress.close()
    return sizes, {"converted": dict(sorted(converted.items())), "squashed": squashed, "turned": turned}, thumbnails


def _write_manifest(classes: Sequence[str], items: Sequence[Item], n: int, sizes: np.ndarray) -> str:
    """Return manifest.csv; the first `n` items are the training images."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(MANIFEST_COLUMNS)
    for row, (item, size) in enumerate(zip(items, sizes.tolist(), strict=True)):
        split, index = ("training", row) if row < n else ("held_out", row - n)
        name, image = as_csv_text(classes[item.label]), as_csv_text(item.image)
        writer.writerow((split, index, image, item.label, name, *size))
    return text.getvalue()
