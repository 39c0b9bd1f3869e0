"""Drawing square crops from photos: which photo, which box, which pixels. Nothing here opens an image.

A class is one of the five defects; a photo set without tags (a folder of images) draws every image equally instead.

Choices:
    - [okd] Open: how crops are drawn. Here: class first, in rotation, then a box with that tag, then a window inside
      (`crop`, `data_seed`); whole photos are set aside before, for held-out crops (`held_out`). Why: the paper says no
      more than that it crops at random (section 4).
    - [okd] Open: the label of a crop with several tags. Here: the class it was drawn for; all tags stand in the
      manifest.
    - [okd] Open: a box smaller than a crop. Here: the window is centred on it and moved into the photo.
    - [okd] Open: flips. Here: none.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from advkd.data.photos import Box, Photo
from advkd.errors import UserError

Mode = Literal["window", "resized"]
TRIES = 20


@dataclass(frozen=True)
class Window:
    """A square of a photo: first column, first row and side in pixels of the photo."""

    x0: int
    y0: int
    side: int


@dataclass(frozen=True)
class Draw:
    """One crop to be made: the index of its photo, the box it was drawn for, its square and the index of its class."""

    photo: int
    box: Box
    window: Window
    label: int


@dataclass(frozen=True)
class Streams:
    """Independent generators of one seed, so that the held-out crops stay as they are when `crops` changes."""

    split: np.random.Generator
    training: np.random.Generator
    held_out: np.random.Generator

    @classmethod
    def of(cls, seed: int) -> "Streams":
        """Return the generators (PCG64) of the data seed `seed`."""
        children = np.random.SeedSequence(seed).spawn(3)
        return cls(*(np.random.Generator(np.random.PCG64(child)) for child in children))


def split(photos: Sequence[Photo], fraction: float, rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Return the indices, in order, of the photos to train on and of those set aside: `fraction` of those with boxes.

    Of two or more photos at least one is set aside if `fraction` > 0, and one is always left.
    """
    usable = [index for index, photo in enumerate(photos) if photo.boxes]
    aside = min(max(round(fraction * len(usable)), 1), len(usable) - 1) if fraction > 0 else 0
    chosen = set(rng.permutation(len(usable))[:aside].tolist()) if aside > 0 else set()
    training = [index for place, index in enumerate(usable) if place not in chosen]
    return training, [index for place, index in enumerate(usable) if place in chosen]


def carried(photos: Sequence[Photo], chosen: Sequence[int]) -> set[int]:
    """Return the classes that the boxes of the photos `chosen` carry."""
    return {label for index in chosen for box in photos[index].boxes for label in box.labels}


def by_class(
    photos: Sequence[Photo],
    chosen: Sequence[int],
    labels: Sequence[int],
    count: int,
    mode: Mode,
    size: int,
    rng: np.random.Generator,
    counters: Counter[str],
) -> list[Draw]:
    """Return `count` draws from the boxes of the photos `chosen`, the classes `labels` in fixed rotation.

    The rotation begins with the last class, so that it is the later classes that get one more where `count` is no
    multiple of their number (2,642 of five: 528, 528, 528, 529, 529), and the first draws of a larger count are those
    of a smaller. A square that was drawn before is drawn again, up to 20 times; then it is counted under "repeated".
    """
    pools = {
        label: [(index, box) for index in chosen for box in photos[index].boxes if label in box.labels]
        for label in labels
    }
    seen: set[tuple[int, Window]] = set()
    draws = []
    for turn in range(count):
        label = labels[(-1 - turn) % len(labels)]
        draws.append(_draw(photos, pools[label], label, mode, size, rng, seen, counters))
    return draws


def by_image(
    photos: Sequence[Photo],
    chosen: Sequence[int],
    count: int,
    per_image: int,
    mode: Mode,
    size: int,
    rng: np.random.Generator,
    counters: Counter[str],
) -> list[Draw]:
    """Return `count` draws, one square of each photo in random order, then a second of each, up to `per_image`.

    A square that repeats one of the same photo is drawn again, up to 20 times; then it is counted under "repeated".

    Raises:
        UserError: fewer than `count` squares can be drawn.
    """
    if count > len(chosen) * per_image:
        raise UserError(
            f"fewer images than asked crops: {len(chosen)} images, {per_image} crops of each, but {count} crops are "
            f"asked: lower crops, or raise windows_per_image"
        )
    order = rng.permutation(len(chosen)).tolist()
    seen: set[tuple[int, Window]] = set()
    draws = []
    for turn in range(count):
        index = chosen[order[turn % len(order)]]
        (box,) = photos[index].boxes
        draws.append(_draw(photos, [(index, box)], box.labels[0], mode, size, rng, seen, counters))
    return draws


def place(box: Box, photo: tuple[int, int], mode: Mode, size: int, rng: np.random.Generator) -> Window:
    """Return a random square for `box` inside a photo of `photo` = (width, height) pixels.

    "window": `size` pixels a side, anywhere in the box, all places equally likely. Along a side on which the box is
    shorter than that, the square lies around the box's centre, moved to stay within the photo. Where the photo itself
    is shorter, the square is as large as the photo allows, to be enlarged later.
    "resized": a side uniform in [0.5, 1] times the box's shorter side, anywhere in the box, to be resized later.
    """
    shorter = min(box.xmax - box.xmin, box.ymax - box.ymin)
    side = min(size, *photo) if mode == "window" else max(1, round(rng.uniform(0.5, 1.0) * shorter))
    x0 = _start(box.xmin, box.xmax, photo[0], side, rng)
    y0 = _start(box.ymin, box.ymax, photo[1], side, rng)
    return Window(x0, y0, side)


def _start(low: int, high: int, end: int, side: int, rng: np.random.Generator) -> int:
    if high - low >= side:
        return int(rng.integers(low, high - side + 1))
    return min(max((low + high - side) // 2, 0), end - side)


def _draw(
    photos: Sequence[Photo],
    pool: Sequence[tuple[int, Box]],
    label: int,
    mode: Mode,
    size: int,
    rng: np.random.Generator,
    seen: set[tuple[int, Window]],
    counters: Counter[str],
) -> Draw:
    for _ in range(TRIES):
        index, box = pool[int(rng.integers(len(pool)))]
        window = place(box, photos[index].size, mode, size, rng)
        if (index, window) not in seen:
            break
    else:
        counters["repeated"] += 1
    seen.add((index, window))
    shorter = min(box.xmax - box.xmin, box.ymax - box.ymin)
    counters["expanded"] += mode == "window" and shorter < window.side
    counters["enlarged"] += window.side < size
    return Draw(index, box, window, label)
