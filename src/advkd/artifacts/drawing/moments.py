"""What a generator makes of the same noise over its training, and the class that the teacher assigns to it (GIP)."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from advkd.artifacts.drawing.page import EDGE, SMALL, STYLE, WIDTH, name_in_figure, text_width

# Lengths in inches.
COLUMNS = 2
PITCH = 0.68  # from picture to picture; five of them fill a column
PICTURE = 0.62
TEXT = 0.27  # the height of the text below a picture
BASELINES = 0.105, 0.205  # from a picture to the baselines of its text
HEAD = 0.31  # title and epochs
BELOW = 0.1  # the space below a block


class Block(NamedTuple):
    """One generator at m moments.

    Attributes:
        name: the names of the data set and the method.
        epochs: m numbers.
        images: uint8 (m, k, S, S, 3), of the same k noises at each moment.
        names: for each moment and noise, the class that the teacher assigns to the image.
        confidence: (m, k), the teacher's probability of this class.
    """

    name: str
    epochs: list[int]
    images: np.ndarray
    names: list[list[str]]
    confidence: np.ndarray


def draw(blocks: list[Block]) -> Figure:
    """Draw two blocks beside each other. A block has one column of pictures per moment and one row per noise."""
    lines = [blocks[first : first + COLUMNS] for first in range(0, len(blocks), COLUMNS)]
    heights = [_line_height(line) for line in lines]
    width = WIDTH / COLUMNS * min(COLUMNS, len(blocks))
    figure = Figure(figsize=(width, sum(heights) + EDGE))
    top = figure.get_figheight()
    column_width = WIDTH / COLUMNS
    sheets = []
    for column in range(round(width / column_width)):
        place = (column * column_width / width, 0, column_width / width, 1)
        sheets.append(figure.add_axes(place, xlim=(0, column_width), ylim=(0, top), autoscale_on=False))
        sheets[-1].set_axis_off()
    top -= EDGE
    for line, height in zip(lines, heights, strict=True):
        for sheet, block in zip(sheets, line, strict=False):
            sheet.text(EDGE, top, block.name, fontsize=STYLE["axes.titlesize"], fontweight="bold", ha="left", va="top")
            _draw_pictures(sheet, block, EDGE, top - HEAD)
        top -= height
    return figure


def _line_height(line: list[Block]) -> float:
    return max(_block_height(block) for block in line)


def _block_height(block: Block) -> float:
    noises: int = block.images.shape[1]
    return HEAD + noises * (PICTURE + TEXT) + BELOW


def _draw_pictures(sheet: Axes, block: Block, left: float, top: float) -> None:
    """Draw a block's images with their texts; the upper left corner of the first image is at `left` and `top`."""
    for moment, epoch in enumerate(block.epochs):
        start = left + moment * PITCH
        middle = start + PICTURE / 2
        _write(sheet, middle, top + 0.04, f"epoch {epoch}")
        for noise, image in enumerate(block.images[moment]):
            bottom = top - noise * (PICTURE + TEXT) - PICTURE
            place = (start, start + PICTURE, bottom, bottom + PICTURE)
            sheet.imshow(image, extent=place, aspect="auto", interpolation="nearest")
            _write(sheet, middle, bottom - BASELINES[0], shorten_name(block.names[moment][noise]))
            percent = f"{100 * block.confidence[moment, noise]:.0f} %"  # of one image, without an error
            _write(sheet, middle, bottom - BASELINES[1], percent)


def _write(sheet: Axes, x: float, y: float, text: str) -> None:
    sheet.text(x, y, text, fontsize=SMALL, ha="center", va="baseline")


def shorten_name(name: str) -> str:
    """Return a class's name without underscores, cut where it is wider than a picture's place."""
    return name_in_figure(name, lambda text: text_width(text) * SMALL / STYLE["font.size"] <= PITCH - 0.03)
