"""The figures that the report shows: embedded in the page, and as files for the PDF. Captions are text."""

import base64
import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from advkd.artifacts.drawing.formats import DPI
from advkd.artifacts.figure_records import FigureRecord, figure_record
from advkd.damage import attempt, readable
from advkd.opening import read_bytes
from advkd.report.content.runs import RunGroup
from advkd.settings.user import User

VECTOR_PAYS = 2  # so many bytes of SVG for one of PNG
SCREEN_DPI = 130  # pixels of an inch on a page: letters of 7 points then have 12 pixels


class EmbeddedImage(NamedTuple):
    """An image as a data URI, with its size in pixels, and its parts for a phone (`FigureRecord.parts`)."""

    uri: str
    width: int
    height: int
    parts: list[list[float]]


class Figure(NamedTuple):
    """A figure.

    Attributes:
        record: its name, title and command.
        caption: what it shows, and what is left out; empty if it is not known.
        groups: the names of the run groups that it shows.
        tags: their tags.
        image: the image in the page; None if there is none, as without a finished run.
        image_error: why there is no image; empty otherwise, and where the caption says it.
        file: the file in the PDF; None if there is none.
        file_error: why there is no file, as `image_error`.
    """

    record: FigureRecord
    caption: str
    groups: list[str]
    tags: list[str]
    image: EmbeddedImage | None
    image_error: str
    file: Path | None
    file_error: str


def read_figure(name: str, groups: dict[str, RunGroup], user: User) -> Figure:
    """Return a figure as far as it can be read, and note it in the run groups that it shows."""
    record = figure_record(name, user)
    shown = [group for group in record.groups if group in groups]
    for group in shown:
        groups[group].figures.append((name, record.title))
    caption, untold = attempt(record.caption)
    tags = [groups[group].tag for group in shown]
    if untold or not record.is_drawn:
        return Figure(record, caption or "", shown, tags, None, untold, None, untold)
    image, image_error = attempt(embed, record)
    file, file_error = attempt(record.file, ".pdf", ".png")
    return Figure(record, caption or "", shown, tags, image, image_error, file, file_error)


def embed(record: FigureRecord) -> EmbeddedImage:
    """Return a figure as a data URI: as SVG, unless its many points or images make that much larger than the PNG.

    Raises:
        UserError: the figure is not drawn, or its files are damaged.
    """
    png, width, height = read_png(record.file(".png"))
    svg, _ = attempt(lambda: read_bytes(record.file(".svg")))
    content, kind = (svg, "svg+xml") if svg and len(svg) < VECTOR_PAYS * len(png) else (png, "png")
    uri = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    width, height = (round(side * SCREEN_DPI / DPI) for side in (width, height))
    return EmbeddedImage(uri, width, height, record.parts())


def read_png(path: Path) -> tuple[bytes, int, int]:
    """Return the content of a PNG file with its width and height in pixels; raises UserError if it is damaged."""
    with readable(str(path), "draw it again"):
        content = read_bytes(path)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            image.load()
            return content, *image.size
