"""The forest plots of the first view as data URIs: narrow ones, which fit a card and a phone, light and dark."""

import base64
import re
from typing import NamedTuple

from advkd.artifacts.drawing.forest import DARK, LIGHT
from advkd.report.content.answers import Answer
from advkd.report.content.forest_plots import forest_plot, forest_spoken

SIZE = re.compile(rb'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt"')


class Picture(NamedTuple):
    """A plot: its data URIs for a light and a dark page, its size in points, and what it shows as text."""

    light: str
    dark: str
    width: float
    height: float
    spoken: str


def draw_pictures(answers: list[Answer]) -> dict[str, Picture]:
    """Return the plot of each paper whose answer has tests."""
    return {answer.paper: _draw(answer) for answer in answers if answer.tests}


def _draw(answer: Answer) -> Picture:
    light, dark = (forest_plot(answer, ".svg", narrow=True, theme=theme) for theme in (LIGHT, DARK))
    size = SIZE.search(light)
    assert size is not None  # matplotlib writes it
    return Picture(_uri(light), _uri(dark), float(size[1]), float(size[2]), forest_spoken(answer))


def _uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
