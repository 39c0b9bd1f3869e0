"""Drawing the crops of annotated photos that a classifier sees: some of every class, and some of the background.

A class's crops are drawn photo after photo: one of each photo in random order, then a second of each, and so on. So few
crops are of many photos, and the first crops of a longer draw are those of a shorter one. The background is drawn where
no box is: in the boxes of background alone of photos that have such, otherwise anywhere in a photo.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from advkd.data.crops import TRIES, Draw, Window, place_window
from advkd.data.photos import Box, Photo
from advkd.data.readers.codebrim import CLASSES
from advkd.data.settings import LabelledCrops

BACKGROUND = "background"
CRACK = 0  # its place in CLASSES
NO_PLACE = 50  # draws of a place in one photo after which there is none


def class_names(labels: str) -> tuple[str, ...]:
    """Return the names of the classes that the setting `labels` asks for; the background is the last."""
    return (*CLASSES, BACKGROUND) if labels == "defects" else (CLASSES[CRACK], "other damage", BACKGROUND)


def relabelled(photos: Sequence[Photo], labels: str) -> list[Photo]:
    """Return photos whose boxes have the labels of the classes that the setting `labels` asks for."""
    if labels == "defects":
        return list(photos)
    return [
        replace(photo, boxes=tuple(replace(box, labels=_of_crack(box.labels)) for box in photo.boxes))
        for photo in photos
    ]


def _of_crack(labels: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted({int(label != CRACK) for label in labels}))


@dataclass(frozen=True)
class Drawing:
    """What crops are drawn from.

    Attributes:
        photos: all photos; those that are drawn from have a size.
        classes: the number of classes; the last one is the background.
        settings: how crops are cut.
        size: the side of a crop in pixels.
    """

    photos: Sequence[Photo]
    classes: int
    settings: LabelledCrops
    size: int

    def draw(self, label: int, chosen: Sequence[int], count: int, part: int, counters: Counter[str]) -> list[Draw]:
        """Draw crops of one class; no windows twice, if there are others.

        Args:
            label: the class.
            chosen: the indices of the photos to draw from.
            count: the number of crops.
            part: another number gives another draw.
            counters: counts "repeated", "expanded" and "enlarged" windows.

        Returns:
            The crops; none where no photo shows the class.
        """
        rng = np.random.Generator(
            np.random.PCG64(np.random.SeedSequence(self.settings.data_seed, spawn_key=(part, label)))
        )
        background = label == self.classes - 1
        shown = [index for index in chosen if background or self._boxes(index, label)]
        order = [shown[number] for number in rng.permutation(len(shown))]
        sides = [box for index in chosen for box in self.photos[index].boxes if box.labels]
        seen: set[tuple[int, Window]] = set()
        draws: list[Draw] = []
        turn = 0
        while len(draws) < count and order:
            index = order[turn % len(order)]
            place = self._beside(index, sides, rng, seen) if background else self._inside(index, label, rng, seen)
            if place is None:  # nothing of this photo is background
                order.remove(index)
                turn = turn % (len(order) + 1)
                continue
            turn += 1
            box, window = place
            counters["repeated"] += (index, window) in seen
            shorter = min(box.xmax - box.xmin, box.ymax - box.ymin)
            counters["expanded"] += self.settings.cut == "window" and shorter < window.side
            counters["enlarged"] += window.side < self.size
            seen.add((index, window))
            draws.append(Draw(index, box, window, label))
        return draws

    def tags(self, draw: Draw) -> np.ndarray:
        """Return which classes a crop shows, bool (classes,): its own, and those of the boxes that hold its centre."""
        tags = np.zeros(self.classes, bool)
        tags[draw.label] = True
        if draw.label < self.classes - 1:
            x, y = draw.window.x0 + draw.window.side / 2, draw.window.y0 + draw.window.side / 2
            for box in (draw.box, *self.photos[draw.photo].boxes):
                if box is draw.box or (box.xmin <= x < box.xmax and box.ymin <= y < box.ymax):
                    tags[list(box.labels)] = True
        return tags

    def _boxes(self, index: int, label: int) -> list[Box]:
        return [box for box in self.photos[index].boxes if label in box.labels]

    def _inside(
        self, index: int, label: int, rng: np.random.Generator, seen: set[tuple[int, Window]]
    ) -> tuple[Box, Window]:
        """Return a window in a random box of a class, a new one if that is found."""
        boxes = self._boxes(index, label)
        for _ in range(TRIES):
            box = boxes[int(rng.integers(len(boxes)))]
            window = self._window(box, self._photo_size(index), rng)
            if (index, window) not in seen:
                break
        return box, window

    def _beside(
        self, index: int, sides: Sequence[Box], rng: np.random.Generator, seen: set[tuple[int, Window]]
    ) -> tuple[Box, Window] | None:
        """Return a window that touches no box, and where it was sought; None where no place is found.

        Its side is drawn as that of a random box's crop, so that the scale does not tell the background.
        """
        width, height = self._photo_size(index)
        boxes = self.photos[index].boxes
        wanted = [box for box in boxes if _is_background(box)] or [Box(0, 0, width, height, ())]
        others = [box for box in boxes if not _is_background(box)]
        for _ in range(NO_PLACE):
            region = wanted[int(rng.integers(len(wanted)))]
            window = place_window(region, (width, height), "window", self._side(sides, rng), rng)
            if (index, window) not in seen and not any(_touches(window, box) for box in others):
                return region, window
        return None

    def _side(self, sides: Sequence[Box], rng: np.random.Generator) -> int:
        if not sides:
            return self.size
        box = sides[int(rng.integers(len(sides)))]
        return self._window(box, (box.xmax, box.ymax), rng).side

    def _window(self, box: Box, photo: tuple[int, int], rng: np.random.Generator) -> Window:
        """Return a random window in a box, given the width and height of the photo."""
        if self.settings.cut == "box":
            side = min(box.xmax - box.xmin, box.ymax - box.ymin)
            return place_window(box, photo, "window", side, rng)
        return place_window(box, photo, self.settings.cut, self.size, rng)

    def _photo_size(self, index: int) -> tuple[int, int]:
        size = self.photos[index].size
        assert size is not None  # every photo that is drawn from was opened
        return size


def _is_background(box: Box) -> bool:
    return not box.labels and box.tags[:1] == (1,)


def _touches(window: Window, box: Box) -> bool:
    beside = window.x0 < box.xmax and box.xmin < window.x0 + window.side
    return beside and window.y0 < box.ymax and box.ymin < window.y0 + window.side


def kind_of(photo: Photo) -> tuple[int, ...]:
    """Return what a photo shows: the sorted labels of its boxes."""
    return tuple(sorted({label for box in photo.boxes for label in box.labels}))
