"""What is known of a prepared data set's labels: tags shared by crops, and images that are in both parts of a split.

Near-duplicates are found by thumbnails of the whole images. So two versions of one photo in other sizes, brightness or
compression are found, but not a part of a photo, or the same place photographed twice.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from advkd.data.crops import Draw
from advkd.data.photos import Photo
from advkd.progress import say

SIDE = 16  # of a thumbnail
COARSE = 8  # side of the thumbnails that are compared first
# Correlations of two thumbnails from which on the images count as near-duplicates. Of CIFAR-100, 34 pairs reach the
# second one, half of them with the same pixels up to 7 of 255 levels.
COARSE_ALIKE, ALIKE = 0.98, 0.99
ROWS = 4096  # thumbnails that are compared at a time


def describe_crops(photos: Sequence[Photo], draws: Sequence[Draw], classes: Sequence[str]) -> dict[str, object]:
    """Return how far the labels of crops tell the classes apart.

    Returns:
        "several_tags": how many crops are of a box with several classes. "overlapping": how many crops share pixels
        with a crop of another label. "same_boxes": groups of classes whose boxes are all the same.
    """
    crops_by_photo: dict[int, list[Draw]] = {}
    for draw in draws:
        crops_by_photo.setdefault(draw.photo, []).append(draw)
    return {
        "several_tags": sum(len(draw.box.labels) > 1 for draw in draws),
        "overlapping": sum(_count_overlapping(crops) for crops in crops_by_photo.values()),
        "same_boxes": _same_boxes(photos, classes),
    }


def _count_overlapping(crops: Sequence[Draw]) -> int:
    """Return how many crops of one photo share pixels with one of another label."""
    x, y, side, label = np.array([(draw.window.x0, draw.window.y0, draw.window.side, draw.label) for draw in crops]).T
    beside = (x[:, None] < (x + side)[None]) & (x[None] < (x + side)[:, None])
    above = (y[:, None] < (y + side)[None]) & (y[None] < (y + side)[:, None])
    return int((beside & above & (label[:, None] != label[None])).any(axis=1).sum())


def _same_boxes(photos: Sequence[Photo], classes: Sequence[str]) -> list[list[str]]:
    boxes_by_label: dict[int, set[tuple[int, int]]] = {}
    for photo_index, photo in enumerate(photos):
        for box_index, box in enumerate(photo.boxes):
            for label in box.labels:
                boxes_by_label.setdefault(label, set()).add((photo_index, box_index))
    groups: dict[frozenset[tuple[int, int]], list[str]] = {}
    for label in sorted(boxes_by_label):
        groups.setdefault(frozenset(boxes_by_label[label]), []).append(classes[label])
    return [names for names in groups.values() if len(names) > 1]


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Return a small grey version of an image.

    Args:
        pixels: uint8 (height, width, 3).

    Returns:
        uint8 (SIDE, SIDE).
    """
    step = max(1, min(pixels.shape[:2]) // (8 * SIDE))  # a large photo need not be read pixel by pixel
    image = Image.fromarray(np.ascontiguousarray(pixels[::step, ::step]))
    return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))


def near_duplicates(first: np.ndarray, second: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs of near-duplicates between two sets of images.

    Args:
        first: thumbnails, uint8 (N, SIDE, SIDE).
        second: thumbnails, uint8 (M, SIDE, SIDE).

    Returns:
        The index in `first` and the index in `second` of each pair, in order of the second.
    """
    fine, coarse = _normalised(second, SIDE), _normalised(second, COARSE)
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(first), ROWS):
        part = first[start : start + ROWS]
        rows, columns = np.nonzero(_normalised(part, COARSE) @ coarse.T > COARSE_ALIKE)
        alike = (_normalised(part, SIDE)[rows] * fine[columns]).sum(axis=1) > ALIKE
        pairs += zip((rows[alike] + start).tolist(), columns[alike].tolist(), strict=True)
    return sorted(pairs, key=lambda pair: (pair[1], pair[0]))


def report_duplicates(pairs: Sequence[Sequence[str]], left_out: bool) -> None:
    """Print which images are in both parts of the split, or would be if they were not left out."""
    if pairs:
        first, second = pairs[0]
        fate = "they are left out" if left_out else "they stay"
        say(
            f"{len({pair[1] for pair in pairs})} held-out images look like a training image, the first is {second}, "
            f"like {first}: {fate}; meta.json lists them (near_duplicates)"
        )


def _normalised(thumbnails: np.ndarray, side: int) -> np.ndarray:
    """Return thumbnails of `side` pixels as rows of mean 0 and norm 1, so that a product is a correlation."""
    cell = SIDE // side
    grey = thumbnails.reshape(len(thumbnails), side, cell, side, cell).mean(axis=(2, 4), dtype=np.float32)
    rows = grey.reshape(len(grey), side**2)
    rows = rows - rows.mean(axis=1, keepdims=True)
    # An image of one colour correlates with none.
    norms: np.ndarray = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1.0)
    normalised: np.ndarray = rows / norms
    return normalised
