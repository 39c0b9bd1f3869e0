"""What all figures share: fonts, and colours that the colour-blind can tell apart.

A figure's caption is no part of the drawing: whatever shows the figure writes it as text. Lengths are inches in print:
a page is 7 wide, and no letter is smaller than 6.5 points.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

from advkd.artifacts.plain_text import code, printable


class Drawing(NamedTuple):
    """A figure, drawn.

    Attributes:
        figure: the drawing; None where no run is finished.
        caption: what it shows, and what is left out.
        numbers: the numbers in it.
    """

    figure: Figure | None
    caption: str
    numbers: dict[str, Any]


STYLE: dict[Any, Any] = {  # matplotlib types its keys as a union of all names
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
    "pdf.fonttype": 42,  # embed TrueType fonts: text can be searched, and publishers accept the file
    "svg.hashsalt": "advkd",  # names within an SVG are equal every time
}
# The palette of Okabe and Ito, without its yellow, which is faint on white.
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, BLACK)
WIDTH = 7.0
SMALL = 6.5  # points
EDGE = 0.05
LINE = 0.125  # the height of a line of text
POINTS_PER_INCH = 72
LONGEST_NAME = 30  # characters of a class's name in a legend or on an axis


def style() -> AbstractContextManager[None]:
    """Return the context in which figures are drawn and written."""
    return rc_context(STYLE)


def notice(text: str) -> Figure:
    """Return a sheet with a text alone, in place of a figure that cannot be drawn."""
    lines = wrap_text(drawable(text), WIDTH - 2 * EDGE)
    figure = Figure(figsize=(WIDTH, LINE * len(lines) + 0.1))
    written = without_math("\n".join(lines))
    figure.text(EDGE / WIDTH, 0.5, written, ha="left", va="center", linespacing=1.25)
    return figure


def drawable(text: str) -> str:
    """Return a text in which a character that the figures' font lacks, or that cannot be shown, stands as its code."""
    font = get_font(findfont(FontProperties()))

    def draw(character: str) -> str:
        has_glyph = character == "\n" or font.get_char_index(ord(character))
        return character if has_glyph else code(character)

    return "".join(map(draw, printable(text)))


def without_math(text: str) -> str:
    """Return a text in which matplotlib takes no dollar for the start of a formula."""
    return text.replace("$", r"\$")


def name_in_figure(name: str, fits: Callable[[str], bool]) -> str:
    """Return the name of a class as a figure shows it, whatever a user's folder is called.

    Args:
        name: the name.
        fits: tells whether a text has room. Of a longer one the middle is left out: names differ at an end mostly. The
            JSON file beside the figure has them whole.
    """
    shown = cut = drawable(name.replace("_", " "))
    kept = len(shown)
    while kept > 2 and not fits(cut):
        kept -= 1
        cut = f"{shown[: (kept + 1) // 2].rstrip()}…{shown[len(shown) - kept // 2 :].lstrip()}"
    return without_math(cut)


def is_short(text: str) -> bool:
    """Tell whether the name of a class has room in a legend or on an axis."""
    return len(text) <= LONGEST_NAME


def wrap_text(text: str, width: float) -> list[str]:
    """Return a text in lines of at most `width` in the figures' font; a longer word gets a line of its own."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and text_width(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def text_width(line: str) -> float:
    """Return the width of a line in the figures' font."""
    points, _, _ = text_to_path.get_text_width_height_descent(line, FontProperties(size=STYLE["font.size"]), False)
    return points / POINTS_PER_INCH


def page_width(columns: int) -> float:
    """Return the width of a figure of so many columns of axes: one column takes half of a page."""
    return WIDTH if columns > 1 else WIDTH / 2


def put_label(axis: Axes, distance: float) -> None:
    """Put the middle of the label of a vertical axis at a distance to the left of the axis."""
    figure = axis.get_figure(root=True)
    assert figure is not None
    axis.yaxis.set_label_coords(-distance / (axis.get_position().width * figure.get_size_inches()[0]), 0.5)


def margins(figure: Figure, left: float, right: float, bottom: float, top: float) -> dict[str, float]:
    """Return the edges of a grid of axes, given their distances to the edges of the figure."""
    width, height = figure.get_size_inches()
    return {"left": left / width, "right": 1 - right / width, "bottom": bottom / height, "top": 1 - top / height}
