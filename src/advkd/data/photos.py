"""Photos with the boxes to crop from, as the readers for GANs return them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle of a photo.

    Attributes:
        xmin: its first column, counted from 0.
        ymin: its first row, counted from 0.
        xmax: the column after its last one.
        ymax: the row after its last one.
        labels: the indices of the classes for which a crop of it may be drawn.
        tags: the data set's own tags as 0 and 1 (CODEBRIM's six, in the order of its annotations); empty if the data
            set has none.
    """

    xmin: int
    ymin: int
    xmax: int
    ymax: int
    labels: tuple[int, ...]
    tags: tuple[int, ...] = ()


@dataclass(frozen=True)
class Photo:
    """One photo of an archive.

    Attributes:
        image: the name of its file in the archive.
        size: its width and height in pixels; None for a photo without boxes, which is not opened.
        boxes: the boxes to crop from.
        scene: the scene that it shows, if that is known; see data/scenes.py.
    """

    image: str
    size: tuple[int, int] | None
    boxes: tuple[Box, ...] = ()
    scene: str | None = None
