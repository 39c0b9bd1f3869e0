"""A figure as a file: PDF, SVG or PNG, with equal bytes for equal drawings."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from matplotlib.figure import Figure
from matplotlib.text import Text

from advkd.artifacts.drawing.page import style
from advkd.artifacts.plain_text import printable

DPI = 200  # of PNG, and of images within the other formats
# The metadata of each format: matplotlib would add the time and its own version, which change the bytes.
METADATA: dict[str, dict[str, Any]] = {
    ".pdf": {"CreationDate": None},
    ".svg": {"Date": None, "Creator": None},
    ".png": {"Software": None},
}

# A serif that suits the PDF's Latin Modern. Computer Modern's own files have other signs in the places of ± and §.
SERIF = ["STIXGeneral", "DejaVu Sans"]  # the latter for what the former lacks
LARGER = 0.5  # points: its letters are lower and narrower than DejaVu's


@contextmanager
def in_serif(figure: Figure) -> Iterator[None]:
    """Give all words of a figure a font that suits the PDF's text, for as long as the PDF is written.

    The font is narrower than that for which the words were placed.
    """
    figure.draw_without_rendering()  # ticks get their words
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    before = [text.get_fontproperties().copy() for text in texts]
    for text in texts:
        text.set_fontfamily(SERIF)
        text.set_math_fontfamily("stix")
        text.set_fontsize(text.get_fontproperties().get_size_in_points() + LARGER)
    yield
    for text, properties in zip(texts, before, strict=True):
        text.set_fontproperties(properties)


def render(figure: Figure, suffix: str, title: str = "") -> bytes:
    """Return the file of a figure.

    Args:
        figure: what is drawn.
        suffix: ".pdf", ".svg" or ".png".
        title: what the file's metadata say that it shows.
    """
    metadata = METADATA[suffix] | ({"Title": printable(title)} if title else {})
    content = io.BytesIO()
    with style(), in_serif(figure) if suffix == ".pdf" else nullcontext():
        figure.savefig(content, format=suffix[1:], dpi=DPI, metadata=metadata)
    return content.getvalue()
