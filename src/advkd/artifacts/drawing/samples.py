"""Rows of images, one row a generator (OKD-SAGAN, Figure 3)."""

import numpy as np
from matplotlib.figure import Figure

from advkd.artifacts.drawing.page import margins, page

SIZE = 0.75


def draw(rows: list[tuple[str, np.ndarray]], words: str) -> Figure:
    """Draw rows of images, uint8 (n, H, W, 3), each beside its name; shorter rows end in empty places."""
    shown = max(len(images) for _, images in rows)
    figure, foot = page(SIZE * shown + 1.3, SIZE * len(rows) + 0.1, words)
    axes = figure.subplots(
        len(rows), shown, squeeze=False,
        gridspec_kw={"wspace": 0.04, "hspace": 0.04, **margins(figure, 1.25, 0.05, foot + 0.05, 0.05)},
    )  # fmt: skip
    for line, (name, images) in zip(axes, rows, strict=True):
        for axis in line:
            axis.set_axis_off()
        for axis, image in zip(line, images, strict=False):
            axis.imshow(image, interpolation="nearest")
        line[0].text(-0.15, 0.5, name, transform=line[0].transAxes, ha="right", va="center", fontsize=8)
    return figure
