"""Images of generators, a block for each (OKD-SAGAN, Figure 3)."""

import math

import numpy as np
from matplotlib.figure import Figure

from advkd.artifacts.drawing.page import EDGE, STYLE, WIDTH

# Lengths in inches.
COLUMNS = 2  # blocks beside each other
PER_LINE = 5  # images of a block
GAP = 0.15  # between the columns of blocks
PITCH = (WIDTH - 2 * EDGE - GAP) / COLUMNS / PER_LINE  # from image to image
SIZE = PITCH - 0.03  # of an image
HEAD, BELOW = 0.2, 0.08  # the title of a block, and the space below it


def draw(rows: list[tuple[str, np.ndarray]]) -> Figure:
    """Draw the images of each generator, uint8 (n, H, W, 3), below its name; two blocks stand beside each other."""
    block = PITCH * math.ceil(max(len(images) for _, images in rows) / PER_LINE) + HEAD + BELOW
    columns = min(COLUMNS, len(rows))
    width = 2 * EDGE + columns * PER_LINE * PITCH + (columns - 1) * GAP
    height = block * math.ceil(len(rows) / COLUMNS) + EDGE
    figure = Figure(figsize=(width, height))
    for place, (name, images) in enumerate(rows):
        line, column = divmod(place, COLUMNS)
        left = EDGE + column * (PER_LINE * PITCH + GAP)
        top = height - EDGE - line * block
        for number, image in enumerate(images):
            down, across = divmod(number, PER_LINE)
            x, y = left + across * PITCH, top - HEAD - down * PITCH - SIZE
            axis = figure.add_axes((x / width, y / height, SIZE / width, SIZE / height))
            axis.imshow(image, interpolation="nearest", aspect="auto")
            axis.set_axis_off()
            if number == 0:
                axis.set_title(name, loc="left", fontsize=STYLE["axes.titlesize"], fontweight="bold")
    return figure
