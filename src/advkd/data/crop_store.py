"""Prepares crops for GANs: from an archive of annotated photos, or a folder of images, to a store."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from advkd.data import label_worth
from advkd.data.archives.checked_archive import CheckedArchive
from advkd.data.archives.record import Record, open_record, origin_of_folder, origin_of_record
from advkd.data.crop_cutting import Cut, crop_manifest, cut_crops
from advkd.data.crops import Draw, Streams, draw_by_class, draw_by_image, labels_in, split_photos
from advkd.data.faults import Faults, left_out_of
from advkd.data.photos import Photo
from advkd.data.preparing_code import CROPS, preparing_code
from advkd.data.readers.codebrim import CLASSES, read_codebrim
from advkd.data.readers.photo_folder import count_unread, read_photo_folder
from advkd.data.registry import DataSet
from advkd.data.settings import CropStoreSettings
from advkd.data.store_draft import check_room, write_store
from advkd.errors import UserError
from advkd.progress import say

# The settings that meta.json records.
RECORDED = ("crop", "crops", "data_seed", "held_out", "held_out_crops", "image_size", "windows_per_image")
COUNTERS = (
    "annotations_left_out", "boxes_clipped", "boxes_left_out", "enlarged", "exif_turned", "expanded", "repeated",
)  # fmt: skip


@dataclass(frozen=True)
class _PhotoSet:
    """The photos of a source.

    Attributes:
        archive: the files.
        photos: all photos.
        classes: the names of all classes.
        tagged: whether the photos have tagged boxes; False for a folder of images.
    """

    archive: CheckedArchive
    photos: list[Photo]
    classes: tuple[str, ...]
    tagged: bool


def prepare_crop_store(
    source: Record | Path,
    dataset: DataSet | None,
    settings: CropStoreSettings,
    out: Path,
    tolerated: int = 0,
    links: bool = False,
) -> dict[str, Any]:
    """Draw and cut the crops of one data set, write them to a store, and return its meta.json.

    Args:
        source: the record of the data set's archives, or the user's folder of images.
        dataset: the registry's entry of the data set; only used with a record.
        settings: the settings of the store.
        out: the folder to write.
        tolerated: how many faulty files or boxes the user goes on without.
        links: whether links in a folder of images are followed.

    Raises:
        UserError: the data are damaged or cannot be used, or the disk is full.
    """
    counters = Counter(dict.fromkeys(COUNTERS, 0))
    place = source if isinstance(source, Path) else Path(source["parts"][0]["path"])
    what = "photos" if isinstance(source, Path) else "annotations, boxes and photos"
    faults = Faults(place, settings.dataset, tolerated, what)
    photo_set = _read_photos(source, dataset, counters, faults, links)
    photos, classes, archive = photo_set.photos, photo_set.classes, photo_set.archive
    archive.confirm()
    duplicates: list[tuple[int, int]] = []
    cut: Cut | None = None
    while True:
        drawn = Counter(counters)
        twins = {held_out for _, held_out in duplicates}
        training, aside, labels, draws, held_out_draws = _draw_all(photo_set, photos, twins, settings, drawn, faults)
        check_room(out, (len(draws) + len(held_out_draws)) * (3 * settings.image_size**2 + 8))
        cutter = partial(cut_crops, archive, photos, settings.image_size, not photo_set.tagged, faults)
        cut = cut if cut and cut.draws == draws else cutter(draws)
        held_out_cut = cutter(held_out_draws)
        archive.confirm()
        faults.settle()
        if unreadable := cut.unreadable | held_out_cut.unreadable:
            # Draw again from the readable photos. Only a data set with such faults is decoded twice.
            photos = [replace(photo, boxes=()) if photo.image in unreadable else photo for photo in photos]
            duplicates, cut = [], None
            continue
        pairs = _find_duplicates(cut.thumbnails, held_out_cut.thumbnails)
        duplicates += pairs
        if not pairs:
            break  # otherwise the held-out crops are drawn again, without the photos that look like a training photo
    counters, n = drawn, len(draws)
    all_draws = [*draws, *held_out_draws]
    pixels = np.concatenate([cut.pixels, held_out_cut.pixels])
    origin = origin_of_folder(archive) if isinstance(source, Path) else origin_of_record(source, archive)
    new_labels = {label: number for number, label in enumerate(labels)}
    crop_labels = np.array([new_labels[draw.label] for draw in all_draws], dtype=np.int64)
    arrays = {
        "images": pixels[:n],
        "labels": crop_labels[:n],
        "held_out": pixels[n:],
        "held_out_labels": crop_labels[n:],
    }
    names = [classes[label] for label in labels]
    meta = {
        "name": settings.dataset,
        "classes": names,
        "skipped_classes": [name for label, name in enumerate(classes) if label not in labels],
        "images": n,
        "held_out": len(held_out_draws),
        "shape": [settings.image_size, settings.image_size, 3],
        "counts": {"images": _count_labels(names, crop_labels[:n]), "held_out": _count_labels(names, crop_labels[n:])},
        "photos": {
            "all": len(photos),
            "faulty": len({photo.image for photo in photos} & set(faults.names())),
            "training": len(training),
            "training_used": len({draw.photo for draw in draws}),
            "held_out": len(aside),
            "held_out_used": len({draw.photo for draw in held_out_draws}),
        },
        "counters": {
            **counters,
            "converted": dict(sorted((cut.converted + held_out_cut.converted).items())),
            "turned": cut.turned + held_out_cut.turned,
        },
        "settings": {key: getattr(settings, key) for key in RECORDED},
        "labels": label_worth.describe_crops([photos[index] for index in training], draws, classes),
        "near_duplicates": [[photos[first].image, photos[second].image] for first, second in duplicates],
        "left_out": faults.names(),
        "unread": count_unread(archive) if isinstance(source, Path) else {},
        "source": left_out_of(origin, faults),
        "code": preparing_code(CROPS, drawn=settings.data == "made"),
    }
    _report_labels(meta)
    manifest = crop_manifest(photos, draws, held_out_draws, names, crop_labels.tolist(), pixels)
    return write_store(out, arrays, manifest, meta)


def _read_photos(
    source: Record | Path, dataset: DataSet | None, counters: Counter[str], faults: Faults, links: bool
) -> _PhotoSet:
    if isinstance(source, Path):
        archive, photos, classes = read_photo_folder(source, faults, links)
        return _PhotoSet(archive, photos, classes, False)
    if dataset is None:
        raise UserError(f"{source['name']} is not a data set of the registry, config/datasets.yaml")
    archive = open_record(source, dataset)
    photos = read_codebrim(archive, counters, faults)
    return _PhotoSet(archive, photos, CLASSES, True)


def _find_duplicates(training: dict[int, np.ndarray], held_out: dict[int, np.ndarray]) -> list[tuple[int, int]]:
    """Return the indices of each near-duplicate pair of a training photo and a held-out photo, given thumbnails."""
    if not held_out:
        return []
    seen, unseen = list(training), list(held_out)
    pairs = label_worth.near_duplicates(np.stack(list(training.values())), np.stack(list(held_out.values())))
    return [(seen[first], unseen[second]) for first, second in pairs]


def _report_labels(meta: dict[str, Any]) -> None:
    """Print what the labels of the training crops are worth, and which photos would be in both parts of the split."""
    labels = meta["labels"]
    if labels["several_tags"] or labels["overlapping"]:
        say(
            f"of {meta['images']} training crops, {labels['several_tags']} are of boxes with several classes, and "
            f"{labels['overlapping']} share pixels with a crop of another label"
        )
    for names in labels["same_boxes"]:
        say(f"the classes {', '.join(names)} have the same boxes: nothing tells them apart")
    label_worth.report_duplicates(meta["near_duplicates"], left_out=True)


def _draw_all(
    photo_set: _PhotoSet,
    photos: Sequence[Photo],
    twins: Collection[int],
    settings: CropStoreSettings,
    counters: Counter[str],
    faults: Faults,
) -> tuple[list[int], list[int], list[int], list[Draw], list[Draw]]:
    """Split the photos and draw all crops; `twins` are photos that may not be held out.

    Returns:
        The indices of the photos to train on, and of those set aside; the classes; the training crops and the held-out
        crops.
    """
    streams = Streams.from_seed(settings.data_seed)
    training, aside = split_photos(photos, settings.held_out, streams.split)
    aside = [index for index in aside if index not in twins]
    labels = sorted(labels_in(photos, training))
    if not labels:
        faults.settle()
        what = "box with a defect" if photo_set.tagged else "image that can be read"
        raise UserError(f"{photo_set.archive.path} holds no {what}")
    _report_missing_classes(photo_set.classes, labels, labels_in(photos, aside), bool(aside))
    draw = _draw_tagged if photo_set.tagged else _draw_from_images
    draws, held_out_draws = draw(photos, training, aside, labels, settings, streams, counters)
    return training, aside, labels, draws, held_out_draws


def _report_missing_classes(classes: Sequence[str], labels: Sequence[int], aside: set[int], split: bool) -> None:
    missing = [name for label, name in enumerate(classes) if label not in labels]
    if missing:
        say(f"no training photo shows {', '.join(missing)}: left out of the classes")
    unseen = [classes[label] for label in labels if label not in aside]
    if split and unseen:
        say(f"no photo set aside shows {', '.join(unseen)}: no held-out crops of it")


def _draw_tagged(
    photos: Sequence[Photo],
    training: Sequence[int],
    aside: Sequence[int],
    labels: Sequence[int],
    settings: CropStoreSettings,
    streams: Streams,
    counters: Counter[str],
) -> tuple[list[Draw], list[Draw]]:
    """Draw the training crops and the held-out crops from tagged boxes."""
    if settings.crops == 0:
        raise UserError("crops is 0, one per image: this only applies to a folder of images")
    mode, size = settings.crop, settings.image_size
    draws = draw_by_class(photos, training, labels, settings.crops, mode, size, streams.training, counters)
    held_out_labels = sorted(set(labels) & labels_in(photos, aside))
    count = settings.held_out_crops if held_out_labels else 0
    held_out = draw_by_class(photos, aside, held_out_labels, count, mode, size, streams.held_out, counters)
    return draws, held_out


def _draw_from_images(
    photos: Sequence[Photo],
    training: Sequence[int],
    aside: Sequence[int],
    labels: Sequence[int],
    settings: CropStoreSettings,
    streams: Streams,
    counters: Counter[str],
) -> tuple[list[Draw], list[Draw]]:
    """Draw the training crops and the held-out crops from whole images."""
    mode, size, per_image = settings.crop, settings.image_size, settings.windows_per_image
    count = settings.crops or len(training) * per_image
    draws = draw_by_image(photos, training, count, per_image, mode, size, streams.training, counters)
    known_aside = [index for index in aside if labels_in(photos, [index]) <= set(labels)]
    count = min(settings.held_out_crops, len(known_aside) * per_image)
    held_out = draw_by_image(photos, known_aside, count, per_image, mode, size, streams.held_out, counters)
    return draws, held_out


def _count_labels(names: Sequence[str], labels: np.ndarray) -> dict[str, int]:
    return dict(zip(names, np.bincount(labels, minlength=len(names)).tolist(), strict=True))
