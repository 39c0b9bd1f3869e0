"""Drawing square crops from photos: the choice of photo, box and window. No image is opened here.

A class is one of the five defects. A folder of images has no tags; every image of it is drawn equally often.

Choices:
    - [okd] Open: how crops are drawn. Here: first a class, in rotation, then a box with its tag, then a window in the
      box (`crop`, `data_seed`); before that, whole photos are set aside for held-out crops (`held_out`). Why: the paper
      only says that it crops at random (section 4).
    - [okd] Open: the label of a crop with several tags. Here: the class for which it was drawn; the manifest has all
      tags.
    - [okd] Open: a box smaller than a crop. Here: the window is centred on the box and moved into the photo.
    - [okd] Open: flips. Here: none.
    - [okd] Open: photos that were taken twice, or stored twice. Here: a photo set aside that looks like a training
      photo is left out of the held-out crops. Why: no scenes are known of CODEBRIM's photos.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advkd.data.photos import Box, Photo
from advkd.data.scenes import draw_held_out
from advkd.data.settings import Crop
from advkd.errors import UserError

TRIES = 20  # draws of a window before a repeated one is accepted


@dataclass(frozen=True)
class Window:
    """A square of a photo: its first column, its first row and its side, in pixels of the photo."""

    x0: int
    y0: int
    side: int


@dataclass(frozen=True)
class Draw:
    """One crop to cut: the index of its photo, the box for which it was drawn, its square, and its class's index."""

    photo: int
    box: Box
    window: Window
    label: int


@dataclass(frozen=True)
class Streams:
    """Independent sources of randomness from one seed, so that the held-out crops do not depend on `crops`."""

    split: np.random.SeedSequence
    training: np.random.Generator
    held_out: np.random.Generator

    @classmethod
    def from_seed(cls, seed: int) -> "Streams":
        """Return the generators (PCG64) for the data seed `seed`."""
        split, training, held_out = np.random.SeedSequence(seed).spawn(3)
        return cls(
            split=split,
            training=np.random.Generator(np.random.PCG64(training)),
            held_out=np.random.Generator(np.random.PCG64(held_out)),
        )


def split_photos(photos: Sequence[Photo], fraction: float, seed: np.random.SeedSequence) -> tuple[list[int], list[int]]:
    """Return the sorted indices of the photos to train on and of those set aside. Photos without boxes are in neither.

    Photos of one scene are in one part.

    Args:
        photos: all photos.
        fraction: the fraction of the photos with boxes to set aside. Above 0, at least one photo is set aside if there
            are two or more. At least one photo always remains to train on.
        seed: the seed of the split.
    """
    usable = [index for index, photo in enumerate(photos) if photo.boxes]
    scenes = {"photos": [photos[index].scene for index in usable]}  # the classes are not looked at
    chosen = draw_held_out(scenes, fraction, seed)["photos"] if fraction > 0 else set()
    training = [index for place, index in enumerate(usable) if place not in chosen]
    aside = [index for place, index in enumerate(usable) if place in chosen]
    return training, aside


def labels_in(photos: Sequence[Photo], chosen: Sequence[int]) -> set[int]:
    """Return the classes of the boxes in the photos with the indices `chosen`."""
    return {label for index in chosen for box in photos[index].boxes for label in box.labels}


def draw_by_class(
    photos: Sequence[Photo],
    chosen: Sequence[int],
    labels: Sequence[int],
    count: int,
    mode: Crop,
    size: int,
    rng: np.random.Generator,
    counters: Counter[str],
) -> list[Draw]:
    """Draw crops from boxes, with the classes in fixed rotation.

    The rotation starts with the last class. So the later classes get one more crop if `count` is not a multiple of the
    number of classes (2,642 crops of five classes: 528, 528, 528, 529, 529), and a larger count begins with the same
    crops as a smaller one. If a window was drawn before, another one is drawn instead, in up to 20 tries.

    Args:
        photos: all photos.
        chosen: the indices of the photos to draw from.
        labels: the classes.
        count: the number of crops.
        mode: see `place_window`.
        size: see `place_window`.
        rng: the source of randomness.
        counters: counts "repeated", "expanded" and "enlarged" windows.
    """
    pools: dict[int, list[tuple[int, Box]]] = {label: [] for label in labels}
    for label, pool in pools.items():
        for index in chosen:
            pool.extend((index, box) for box in photos[index].boxes if label in box.labels)
    seen: set[tuple[int, Window]] = set()
    draws = []
    for turn in range(count):
        label = labels[(-1 - turn) % len(labels)]
        draws.append(_draw(photos, pools[label], label, mode, size, rng, seen, counters))
    return draws


def draw_by_image(
    photos: Sequence[Photo],
    chosen: Sequence[int],
    count: int,
    per_image: int,
    mode: Crop,
    size: int,
    rng: np.random.Generator,
    counters: Counter[str],
) -> list[Draw]:
    """Draw one crop of each photo in random order, then a second of each, and so on.

    If a window was drawn before from the same photo, another one is drawn instead, in up to 20 tries.

    Args:
        photos: all photos; each has one box.
        chosen: the indices of the photos to draw from.
        count: the number of crops.
        per_image: the largest number of crops from one photo.
        mode: see `place_window`.
        size: see `place_window`.
        rng: the source of randomness.
        counters: counts "repeated", "expanded" and "enlarged" windows.

    Raises:
        UserError: `count` is larger than `per_image` crops of each photo.
    """
    if count > len(chosen) * per_image:
        raise UserError(
            f"too few images: {len(chosen)} images with {per_image} crops of each are fewer than the {count} crops "
            f"asked for: lower crops, or raise windows_per_image"
        )
    order = rng.permutation(len(chosen)).tolist()
    seen: set[tuple[int, Window]] = set()
    draws = []
    for turn in range(count):
        index = chosen[order[turn % len(order)]]
        box = photos[index].boxes[0]
        draws.append(_draw(photos, [(index, box)], box.labels[0], mode, size, rng, seen, counters))
    return draws


def place_window(box: Box, photo: tuple[int, int], mode: Crop, size: int, rng: np.random.Generator) -> Window:
    """Return a random square for `box` in a photo.

    Args:
        box: the box to crop from.
        photo: width and height of the photo in pixels.
        mode: "window": a square of `size` pixels at a uniformly random place in the box. Along a side on which the box
            is shorter, the square is centred on the box and moved into the photo. If the photo itself is shorter, the
            square is as large as the photo allows, and is enlarged later. "resized": a square at a random place in the
            box, whose side is uniform in [0.5, 1] times the box's shorter side; it is resized later.
        size: the side of a crop in pixels.
        rng: the source of randomness.
    """
    shorter = min(box.xmax - box.xmin, box.ymax - box.ymin)
    side = min(size, *photo) if mode == "window" else max(1, round(rng.uniform(0.5, 1.0) * shorter))
    x0 = _place_side(box.xmin, box.xmax, photo[0], side, rng)
    y0 = _place_side(box.ymin, box.ymax, photo[1], side, rng)
    return Window(x0, y0, side)


def _place_side(low: int, high: int, end: int, side: int, rng: np.random.Generator) -> int:
    """Return where a side starts: at random within [low, high); if too long, centred on it and moved into [0, end)."""
    if high - low >= side:
        return int(rng.integers(low, high - side + 1))
    return min(max((low + high - side) // 2, 0), end - side)


def _draw(
    photos: Sequence[Photo],
    pool: Sequence[tuple[int, Box]],
    label: int,
    mode: Crop,
    size: int,
    rng: np.random.Generator,
    seen: set[tuple[int, Window]],
    counters: Counter[str],
) -> Draw:
    """Draw one crop from a random box of `pool` and add its window to `seen`."""
    for _ in range(TRIES):
        index, box = pool[int(rng.integers(len(pool)))]
        photo_size = photos[index].size
        assert photo_size is not None  # every photo with a box was opened
        window = place_window(box, photo_size, mode, size, rng)
        if (index, window) not in seen:
            break
    else:
        counters["repeated"] += 1
    seen.add((index, window))
    shorter = min(box.xmax - box.xmin, box.ymax - box.ymin)
    counters["expanded"] += mode == "window" and shorter < window.side
    counters["enlarged"] += window.side < size
    return Draw(index, box, window, label)
