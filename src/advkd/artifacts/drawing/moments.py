"""What a generator draws from the same noise over its training, and what the teacher takes it for (GIP)."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from advkd.artifacts.drawing.page import breadth, page

WIDTH = 7.0  # inches, as all lengths here
COLUMNS = 2
EDGE = 0.05
PITCH = 0.68  # from picture to picture; five of them fill a column
PICTURE = 0.62
WORDS = 0.27  # below a picture
LINES = 0.105, 0.205  # from a picture to the base of its words
TITLE = 0.17
HEAD = 0.31  # title and epochs
BELOW = 0.1  # a block
EMPTY = 1.0  # a block without pictures
ROOM = 5 * PITCH - (PITCH - PICTURE)  # of a block
SMALL = 6.5  # points


class Block(NamedTuple):
    """One generator at m moments, or none and the reason.

    epochs: m numbers. images: uint8 (m, k, S, S, 3) of the same k noises. names: m lists of k classes that the teacher
    takes them for. confidence: (m, k), its probability of each.
    """

    name: str
    epochs: list[int]
    images: np.ndarray | None
    names: list[list[str]]
    confidence: np.ndarray | None
    missing: str = ""


def draw(blocks: list[Block], words: str) -> Figure:
    """Draw for every generator a column of pictures a moment, one below the other by noise, two beside each other."""
    lines = [blocks[first : first + COLUMNS] for first in range(0, len(blocks), COLUMNS)]
    heights = [max(map(_height, line)) for line in lines]
    figure, _ = page(WIDTH, sum(heights) + EDGE, words)
    top = figure.get_figheight()
    paper = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, top), autoscale_on=False)
    paper.set_axis_off()
    top -= EDGE
    for line, height in zip(lines, heights, strict=True):
        for column, block in enumerate(line):
            left = EDGE + column * (WIDTH / COLUMNS)
            paper.text(left, top, block.name, fontsize=7.5, fontweight="bold", ha="left", va="top")
            if block.images is None:
                room = height - TITLE - BELOW
                paper.add_patch(Rectangle((left, top - TITLE - room), ROOM, room, color="0.95", linewidth=0))
                paper.text(left + ROOM / 2, top - TITLE - room / 2, block.missing, ha="center", va="center")
            else:
                _pictures(paper, block, left, top - HEAD)
        top -= height
    return figure


def _height(block: Block) -> float:
    """Return the inches that a block takes; one without images leaves room for its reason."""
    return EMPTY if block.images is None else HEAD + block.images.shape[1] * (PICTURE + WORDS) + BELOW


def _pictures(paper: Axes, block: Block, left: float, top: float) -> None:
    """Draw a block's images with their words, the first one's upper left corner at `left` and `top`."""
    for moment, epoch in enumerate(block.epochs):
        start = left + moment * PITCH
        middle = start + PICTURE / 2
        _say(paper, middle, top + 0.04, f"epoch {epoch}")
        for number, image in enumerate(block.images[moment]):
            bottom = top - number * (PICTURE + WORDS) - PICTURE
            place = (start, start + PICTURE, bottom, bottom + PICTURE)
            paper.imshow(image, extent=place, aspect="auto", interpolation="nearest")
            _say(paper, middle, bottom - LINES[0], short(block.names[moment][number]))
            _say(paper, middle, bottom - LINES[1], f"{100 * block.confidence[moment, number]:.0f} %")


def _say(paper: Axes, x: float, y: float, words: str) -> None:
    paper.text(x, y, words, fontsize=SMALL, ha="center", va="baseline")


def short(name: str) -> str:
    """Return a class's name without underscores, cut where it is broader than a picture's place."""
    words = name.replace("_", " ")
    while words and breadth(words) * SMALL / 7 > PITCH - 0.03:
        words = words.removesuffix("…")[:-1].rstrip() + "…"
    return words
