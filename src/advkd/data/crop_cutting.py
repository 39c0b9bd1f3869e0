"""Cuts crops out of photos, and lists them in a manifest: what every store of crops shares."""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advkd.data import label_worth
from advkd.data.archives.archive import Archive
from advkd.data.crops import Draw
from advkd.data.faults import Faults
from advkd.data.images import decode_image, resize_square
from advkd.data.photos import Photo
from advkd.errors import UserError
from advkd.files import as_csv_text
from advkd.progress import Progress

MANIFEST_COLUMNS = (
    "split", "index", "image", "xmin", "ymin", "xmax", "ymax", "x0", "y0", "side", "label", "class", "tags", "sha256",
)  # fmt: skip


@dataclass(frozen=True)
class Cut:
    """The crops of one part of a split.

    Attributes:
        draws: what was drawn.
        pixels: the crops, uint8 (len(draws), size, size, 3); undefined where a photo cannot be decoded.
        converted: how many photos were converted from each mode.
        turned: how many photos were turned by their EXIF tags.
        unreadable: the names of the photos that cannot be decoded.
        thumbnails: a thumbnail of each of the other photos, by its index.
    """

    draws: list[Draw]
    pixels: np.ndarray
    converted: Counter[str]
    turned: int
    unreadable: set[str]
    thumbnails: dict[int, np.ndarray]


def cut_crops(
    archive: Archive, photos: Sequence[Photo], size: int, upright: bool, faults: Faults, draws: list[Draw]
) -> Cut:
    """Return the crops of `draws`.

    Args:
        archive: the files.
        photos: all photos.
        size: the side of a crop in pixels, to which other squares are resized.
        upright: whether photos are turned as their EXIF orientation says.
        faults: a photo that cannot be decoded is added to it.
        draws: what to cut.
    """
    rows_by_photo: dict[int, list[int]] = {}
    for row, draw in enumerate(draws):
        rows_by_photo.setdefault(draw.photo, []).append(row)
    pixels = np.empty((len(draws), size, size, 3), np.uint8)
    converted: Counter[str] = Counter()
    turned = 0
    unreadable: set[str] = set()
    thumbnails: dict[int, np.ndarray] = {}
    faults.see(photos[index].image for index in rows_by_photo)
    progress = Progress("cropping", len(rows_by_photo), "photo")
    for done, index in enumerate(sorted(rows_by_photo), 1):
        try:
            photo, mode, was_turned = decode_image(archive, photos[index].image, upright)
        except UserError as error:
            faults.add(photos[index].image, str(error))
            unreadable.add(photos[index].image)
            continue
        turned += was_turned
        thumbnails[index] = label_worth.thumbnail(photo)
        if mode != "RGB":
            converted[mode] += 1
        for row in rows_by_photo[index]:
            window = draws[row].window
            square = photo[window.y0 : window.y0 + window.side, window.x0 : window.x0 + window.side]
            pixels[row] = square if window.side == size else resize_square(square, size)
        progress.update(done)
    progress.close()
    return Cut(draws, pixels, converted, turned, unreadable, thumbnails)


def crop_manifest(
    photos: Sequence[Photo],
    draws: Sequence[Draw],
    held_out_draws: Sequence[Draw],
    names: Sequence[str],
    labels: Sequence[int],
    pixels: np.ndarray,
) -> str:
    """Return manifest.csv, one row for each crop.

    Args:
        photos: all photos.
        draws: the training crops.
        held_out_draws: the held-out crops.
        names: the names of the classes.
        labels: the class of each crop, first of the training crops, then of the held-out ones.
        pixels: the crops in the same order.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(MANIFEST_COLUMNS)
    places = [("training", index, draw) for index, draw in enumerate(draws)]
    places += [("held_out", index, draw) for index, draw in enumerate(held_out_draws)]
    for (split, index, draw), label, crop in zip(places, labels, pixels, strict=True):
        box, window = draw.box, draw.window
        corners = (box.xmin, box.ymin, box.xmax, box.ymax, window.x0, window.y0, window.side)
        tags = "".join(map(str, box.tags))
        checksum = hashlib.sha256(crop.tobytes()).hexdigest()
        image, name = as_csv_text(photos[draw.photo].image), as_csv_text(names[label])
        writer.writerow((split, index, image, *corners, label, name, tags, checksum))
    return text.getvalue()
