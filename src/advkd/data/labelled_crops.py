"""Prepares crops for classifiers: from an archive of annotated photos to a store with classes and a background.

Photos are split first. Near-duplicates are in one part. The crops to evaluate on are drawn from the photos set aside.
They are the same whatever is trained on: no setting of the training crops changes them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from advkd.data import label_worth
from advkd.data.archives.checked_archive import CheckedArchive
from advkd.data.archives.record import Record, open_record, origin_of_record
from advkd.data.class_crops import Drawing, class_names, kind_of, relabelled
from advkd.data.crop_cutting import Cut, crop_manifest, cut_crops
from advkd.data.crops import Draw
from advkd.data.faults import Faults, left_out_of
from advkd.data.images import decode_image
from advkd.data.photo_split import groups_of, split_groups
from advkd.data.photos import Photo
from advkd.data.preparing_code import LABELLED_CROPS, preparing_code
from advkd.data.readers.codebrim import read_codebrim
from advkd.data.registry import DataSet
from advkd.data.settings import ClassifierStoreSettings, LabelledCrops
from advkd.data.store_draft import check_room, write_store
from advkd.errors import UserError
from advkd.progress import Progress, say

RECORDED = ("classes", "stored_size", "train_per_class", "valid_per_class")  # with those of the groups, in meta.json
TRAINING, HELD_OUT = 1, 0  # the parts of the split, whose crops are drawn apart; subset k is part TRAINING + k


def prepare_labelled_crops(
    record: Record, dataset: DataSet, settings: ClassifierStoreSettings, out: Path, tolerated: int = 0
) -> dict[str, Any]:
    """Draw and cut the crops of a data set of annotated photos, write them to a store, and return its meta.json.

    Beside the arrays of every store it has "held_out_tags", which classes each crop to evaluate on shows, and
    "held_out_photos", the number of the group of photos that it comes from.

    Args:
        record: the record of the data set's archives.
        dataset: the registry's entry of the data set.
        settings: the settings of the store; they have the group `crops`.
        out: the folder to write.
        tolerated: how many faulty files or boxes the user goes on without.

    Raises:
        UserError: the data are damaged or cannot be used, or the disk is full.
    """
    crops = settings.crops
    assert crops is not None  # they apply to this data set
    faults = Faults(Path(record["parts"][0]["path"]), settings.dataset, tolerated, "annotations, boxes and photos")
    archive = open_record(record, dataset)
    counters: Counter[str] = Counter()
    photos = relabelled(read_codebrim(archive, counters, faults, background=True), crops.labels)
    photos, groups = _group_photos(archive, photos, faults)
    archive.confirm()
    faults.settle()
    names = class_names(crops.labels)[: settings.classes]
    parts = _split(photos, groups, crops)
    drawing = Drawing(photos, len(class_names(crops.labels)), crops, settings.stored_size)
    draws = _draw(drawing, names, parts[0], settings.train_per_class, TRAINING + crops.subset, counters)
    held_out_draws = _draw(drawing, names, parts[1], settings.valid_per_class, HELD_OUT, counters)
    check_room(out, (len(draws) + len(held_out_draws)) * (3 * settings.stored_size**2 + 16))
    cutter = partial(cut_crops, archive, photos, settings.stored_size, False, faults)
    cut, held_out_cut = cutter(draws), cutter(held_out_draws)
    archive.confirm()
    pixels = np.concatenate([cut.pixels, held_out_cut.pixels])
    labels = np.array([draw.label for draw in (*draws, *held_out_draws)], np.int64)
    sizes = np.array([[draw.window.side] * 2 for draw in (*draws, *held_out_draws)], np.int32)
    n = len(draws)
    arrays = {
        "images": pixels[:n],
        "labels": labels[:n],
        "held_out": pixels[n:],
        "held_out_labels": labels[n:],
        "sizes": sizes[:n],
        "held_out_sizes": sizes[n:],
        "held_out_tags": np.array([drawing.tags(draw)[: len(names)] for draw in held_out_draws]),
        "held_out_photos": np.array([groups[draw.photo] for draw in held_out_draws], np.int64),
    }
    meta: dict[str, Any] = {
        "name": settings.dataset,
        "classes": list(names),
        "images": n,
        "held_out": len(held_out_draws),
        "shape": [settings.stored_size, settings.stored_size, 3],
        "counts": {"images": _counts(names, labels[:n]), "held_out": _counts(names, labels[n:])},
        "photos": {
            "all": len(photos),
            "faulty": len({photo.image for photo in photos} & set(faults.names())),
            "training": len(parts[0]),
            "training_used": len({draw.photo for draw in draws}),
            "held_out": len(parts[1]),
            "held_out_used": len({draw.photo for draw in held_out_draws}),
        },
        "counters": {**_counted(counters), "converted": _converted(cut, held_out_cut)},
        "settings": _recorded(settings, crops),
        "near_duplicates": _alike(photos, groups),
        "left_out": faults.names(),
        "source": left_out_of(origin_of_record(record, archive), faults),
        "code": preparing_code(LABELLED_CROPS, drawn=settings.data == "made"),
    }
    say(
        f"{settings.dataset}: {meta['photos']['training']} photos to train on, {meta['photos']['held_out']} to evaluate"
        f" on; {len(meta['near_duplicates'])} groups of near-duplicates are not divided"
    )
    return write_store(out, arrays, crop_manifest(photos, draws, held_out_draws, names, labels.tolist(), pixels), meta)


def _group_photos(
    archive: CheckedArchive, photos: Sequence[Photo], faults: Faults
) -> tuple[list[Photo], dict[int, int]]:
    """Return the photos, and the group of near-duplicates of each that has a box, by its index.

    A photo that cannot be decoded is added to `faults` and loses its boxes.
    """
    boxed = [index for index, photo in enumerate(photos) if photo.boxes]
    thumbnails: dict[int, np.ndarray] = {}
    readable = list(photos)
    faults.see(photos[index].image for index in boxed)
    progress = Progress("comparing", len(boxed), "photo")
    for done, index in enumerate(boxed, 1):
        try:
            thumbnails[index] = label_worth.thumbnail(decode_image(archive, photos[index].image).pixels)
        except UserError as error:
            faults.add(photos[index].image, str(error))
            readable[index] = replace(photos[index], boxes=())
        progress.update(done)
    progress.close()
    if not thumbnails:
        faults.settle()
        raise UserError(f"{archive.path} holds no annotated photo")
    stacked = np.stack(list(thumbnails.values()))
    groups = groups_of(len(stacked), label_worth.near_duplicates(stacked, stacked))
    return readable, dict(zip(thumbnails, groups, strict=True))


def _split(photos: Sequence[Photo], groups: dict[int, int], crops: LabelledCrops) -> tuple[list[int], list[int]]:
    """Return the indices of the photos to train on, and of those to evaluate on."""
    kinds = {index: kind_of(photos[index]) for index in groups}
    return split_groups(groups, kinds, crops.test_photos, np.random.SeedSequence(crops.data_seed))


def _draw(
    drawing: Drawing,
    names: Sequence[str],
    chosen: Sequence[int],
    per_class: int | None,
    part: int,
    counters: Counter[str],
) -> list[Draw]:
    """Return the crops of one part of the split, class after class.

    Args:
        drawing: draws them.
        names: the names of the classes.
        chosen: the indices of the part's photos.
        per_class: the number of crops of each class; None: as many as it has boxes; of the background as many as of the
            largest class.
        part: the number of the draw.
        counters: see `Drawing.draw`.

    Raises:
        UserError: a class has no crop.
    """
    boxes = Counter(label for index in chosen for box in drawing.photos[index].boxes for label in box.labels)
    draws: list[Draw] = []
    for label, name in enumerate(names):
        wanted = per_class or boxes[label] or max(boxes.values(), default=0)
        drawn = drawing.draw(label, chosen, wanted, part, counters)
        if not drawn:
            aim = "evaluate" if part == HELD_OUT else "train"
            raise UserError(
                f"no photo to {aim} on shows {name!r}: change test_photos or data_seed, or, where the photos are no"
                " CODEBRIM, labels to `crack`"
            )
        if len(drawn) < wanted:
            say(f"{name}: only {len(drawn)} of {wanted} crops can be drawn")
        draws += drawn
    return draws


def _counts(names: Sequence[str], labels: np.ndarray) -> dict[str, int]:
    return dict(zip(names, np.bincount(labels, minlength=len(names)).tolist(), strict=True))


def _counted(counters: Counter[str]) -> dict[str, int]:
    return dict(sorted(counters.items()))


def _converted(*cuts: Cut) -> dict[str, int]:
    total: Counter[str] = Counter()
    for cut in cuts:
        total += cut.converted
    return dict(sorted(total.items()))


def _recorded(settings: ClassifierStoreSettings, crops: LabelledCrops) -> dict[str, object]:
    flat = {key: value for key, value in settings.flat().items() if key in RECORDED}
    return {**flat, **crops.flat()}


def _alike(photos: Sequence[Photo], groups: dict[int, int]) -> list[list[str]]:
    """Return the names of the photos of every group of several."""
    names: dict[int, list[str]] = {}
    for index, group in groups.items():
        names.setdefault(group, []).append(photos[index].image)
    return [of_group for of_group in names.values() if len(of_group) > 1]
