"""A figure as a file: PDF, SVG or PNG, with equal bytes for equal drawings."""

import io
from typing import Any

from matplotlib.figure import Figure

from advkd.artifacts.drawing.page import style
from advkd.artifacts.plain_text import printable

DPI = 200  # of PNG, and of images within the other formats
# The metadata of each format: matplotlib would add the time and its own version, which change the bytes.
METADATA: dict[str, dict[str, Any]] = {
    ".pdf": {"CreationDate": None},
    ".svg": {"Date": None, "Creator": None},
    ".png": {"Software": None},
}


def render(figure: Figure, suffix: str, title: str = "") -> bytes:
    """Return the file of a figure.

    Args:
        figure: what is drawn.
        suffix: ".pdf", ".svg" or ".png".
        title: what the file's metadata say that it shows.
    """
    metadata = METADATA[suffix] | ({"Title": printable(title)} if title else {})
    content = io.BytesIO()
    with style():
        figure.savefig(content, format=suffix[1:], dpi=DPI, metadata=metadata)
    return content.getvalue()
