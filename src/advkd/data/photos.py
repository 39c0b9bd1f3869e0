"""What every reader returns: photos with boxes to crop from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle of a photo, pixels from 0, `xmax` and `ymax` beyond its last column and row.

    `labels` are the indices of the classes a crop of it may be drawn for; `tags` are the data set's own marks as 0
    and 1 (CODEBRIM's six in the order of its annotations; empty where a data set has none).
    """

    xmin: int
    ymin: int
    xmax: int
    ymax: int
    labels: tuple[int, ...]
    tags: tuple[int, ...] = ()


@dataclass(frozen=True)
class Photo:
    """An image of an archive by its member's name, its width and height in pixels, and its boxes.

    `size` is None where no box makes the image worth opening.
    """

    image: str
    size: tuple[int, int] | None
    boxes: tuple[Box, ...] = ()
