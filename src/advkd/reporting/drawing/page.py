"""What all figures share: fonts, colours that the colour-blind tell apart, and a page with its caption.

Sizes are inches at print: 7 is the width of a page, and no letter is below 6.5 points.
"""

import textwrap

from matplotlib.figure import Figure

STYLE = {
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.titlepad": 3,
    "axes.labelpad": 2,
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,  # letters stay letters: searchable, and accepted by publishers
}
# Okabe and Ito's palette, without its yellow, which is faint on white.
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, BLACK)
LETTERS_PER_INCH = 21.0
LINE = 0.125


def page(width: float, height: float, words: str) -> tuple[Figure, float]:
    """Return a figure of `width` with the caption `words` below `height` inches of room, and where that room begins."""
    lines = textwrap.wrap(words, int((width - 0.1) * LETTERS_PER_INCH))
    foot = LINE * len(lines) + 0.1
    figure = Figure(figsize=(width, height + foot))
    figure.text(0.05 / width, 0.05 / (height + foot), "\n".join(lines), ha="left", va="bottom", linespacing=1.25)
    return figure, foot


def margins(figure: Figure, left: float, right: float, bottom: float, top: float) -> dict[str, float]:
    """Return the edges of a grid of axes from its distances, in inches, to the edges of the figure."""
    width, height = figure.get_size_inches()
    return {"left": left / width, "right": 1 - right / width, "bottom": bottom / height, "top": 1 - top / height}
