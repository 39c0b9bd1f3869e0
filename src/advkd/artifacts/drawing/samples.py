"""Rows of images, one row per generator (OKD-SAGAN, Figure 3)."""

import numpy as np
from matplotlib.figure import Figure

from advkd.artifacts.drawing.page import margins

SIZE = 0.75  # inches, of an image
LEFT = 1.25  # inches, for the names of the rows
EDGE = 0.05  # inches


def draw(rows: list[tuple[str, np.ndarray]]) -> Figure:
    """Draw rows of images, uint8 (n, H, W, 3), each beside its name; shorter rows end in empty places."""
    most = max(len(images) for _, images in rows)
    figure = Figure(figsize=(SIZE * most + LEFT + EDGE, SIZE * len(rows) + 2 * EDGE))
    axes = figure.subplots(
        len(rows), most, squeeze=False,
        gridspec_kw={"wspace": 0.04, "hspace": 0.04, **margins(figure, LEFT, EDGE, EDGE, EDGE)},
    )  # fmt: skip
    for line, (name, images) in zip(axes, rows, strict=True):
        for axis in line:
            axis.set_axis_off()
        for axis, image in zip(line, images, strict=False):
            axis.imshow(image, interpolation="nearest")
        line[0].text(-0.15, 0.5, name, transform=line[0].transAxes, ha="right", va="center", fontsize=8)
    return figure
