"""What all figures share: fonts, colours that the colour-blind tell apart, and a page with its caption.

Sizes are inches at print: 7 is the width of a page, and no letter is below 6.5 points.
"""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

Drawing = tuple[Figure, dict[str, Any]]  # a figure and the numbers in it, as the JSON file beside it holds them

STYLE: dict[str, Any] = {
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
    "axes.titlepad": 5,
    "axes.labelpad": 2,
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,  # letters stay letters: searchable, and accepted by publishers
}
# Okabe and Ito's palette, without its yellow, which is faint on white.
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, BLACK)
EDGE = 0.05
LINE = 0.125


def page(width: float, height: float, words: str) -> tuple[Figure, float]:
    """Return a figure of `width` with the caption `words` below `height` inches of room, and where that room begins."""
    lines = wrapped(words, width - 2 * EDGE)
    foot = LINE * len(lines) + 0.1
    figure = Figure(figsize=(width, height + foot))
    figure.text(EDGE / width, EDGE / (height + foot), "\n".join(lines), ha="left", va="bottom", linespacing=1.25)
    return figure, foot


def wrapped(words: str, width: float) -> list[str]:
    """Return `words` in lines of at most `width` inches in the figures' font; a longer word is a line of its own."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and breadth(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def breadth(line: str) -> float:
    """Return the inches that a line takes in the figures' font."""
    points, _, _ = text_to_path.get_text_width_height_descent(line, FontProperties(size=STYLE["font.size"]), False)
    return points / 72


def margins(figure: Figure, left: float, right: float, bottom: float, top: float) -> dict[str, float]:
    """Return the edges of a grid of axes from its distances, in inches, to the edges of the figure."""
    width, height = figure.get_size_inches()
    return {"left": left / width, "right": 1 - right / width, "bottom": bottom / height, "top": 1 - top / height}
