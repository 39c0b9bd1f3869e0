"""The figures that the report shows: embedded in the page, and as files for the PDF."""

import base64
import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from advkd.artifacts.figure_records import FigureRecord, figure_record
from advkd.damage import attempt, readable
from advkd.opening import read_bytes
from advkd.report.content.runs import RunGroup
from advkd.settings.user import User


class EmbeddedImage(NamedTuple):
    """An image as a data URI, with its size in pixels."""

    uri: str
    width: int
    height: int


class Figure(NamedTuple):
    """A figure.

    Attributes:
        record: its name, title and command.
        groups: the names of the run groups that it shows.
        tags: their tags.
        image: the image in the page; None if there is none.
        image_error: why there is no image; otherwise empty.
        file: the file in the PDF; None if there is none.
        file_error: why there is no file; otherwise empty.
    """

    record: FigureRecord
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
    image, image_error = attempt(embed_png, record)
    file, file_error = attempt(record.file, ".pdf", ".png")
    return Figure(record, shown, [groups[group].tag for group in shown], image, image_error, file, file_error)


def embed_png(record: FigureRecord) -> EmbeddedImage:
    """Return the PNG file of a figure as a data URI.

    Raises:
        UserError: the figure is not drawn, or its file is damaged.
    """
    path = record.file(".png")
    with readable(str(path), "draw it again"):
        content = read_bytes(path)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            image.load()
            width, height = image.size
    return EmbeddedImage(f"data:image/png;base64,{base64.b64encode(content).decode()}", width, height)
