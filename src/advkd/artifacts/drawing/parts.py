"""The parts into which a figure is cut for a phone: its legends, and its columns of axes.

A page is 7 inches wide, and a phone shows half of that with letters that can be read. So that a figure is drawn once,
it says where it may be cut.
"""

from collections.abc import Iterable
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

WIDEST = 3.6  # inches
SPACE = 0.04  # inches around a part


class Part(NamedTuple):
    """A rectangle in shares of the figure's width and height, from its upper left corner."""

    left: float
    top: float
    width: float
    height: float


def parts(figure: Figure) -> list[Part]:
    """Return the parts of a figure: legends above its axes, columns of axes from the left, legends below.

    Neighbouring columns are one part as long as it is no wider than WIDEST.
    """
    figure.draw_without_rendering()
    columns = _merge(_columns(figure.axes))
    legends = [legend.get_window_extent().transformed(figure.dpi_scale_trans.inverted()) for legend in figure.legends]
    middle = Bbox.union(columns).y0 + Bbox.union(columns).height / 2
    legends.sort(key=lambda box: -box.y0)
    above = [box for box in legends if box.y0 > middle]
    below = [box for box in legends if box.y0 <= middle]
    return [_part(box, figure) for box in (*above, *columns, *below)]


def _columns(axes: Iterable[Axes]) -> list[Bbox]:
    """Return the place in inches of each column of axes, with its labels, from the left. A colour bar is no column."""
    columns: list[tuple[Bbox, Bbox]] = []  # the bare axes, and with labels
    for axis in sorted(axes, key=lambda one: one.get_position().x0):
        bare, whole = axis.get_position(), axis.get_tightbbox()
        assert whole is not None  # every axis is visible
        if columns and (bare.x0 < columns[-1][0].x1 or axis.get_label() == "<colorbar>"):
            before, with_labels = columns.pop()
            bare, whole = Bbox.union([before, bare]), Bbox.union([with_labels, whole])
        columns.append((bare, whole))
    figure = axis.get_figure(root=True)
    assert figure is not None  # it was drawn
    return [whole.transformed(figure.dpi_scale_trans.inverted()) for _, whole in columns]


def _merge(columns: list[Bbox]) -> list[Bbox]:
    merged: list[Bbox] = []
    for column in columns:
        joined = Bbox.union([*merged[-1:], column])
        if merged and joined.width <= WIDEST:
            merged[-1] = joined
        else:
            merged.append(column)
    return merged


def _part(box: Bbox, figure: Figure) -> Part:
    width, height = figure.get_size_inches()
    left, right = max(0, box.x0 - SPACE), min(width, box.x1 + SPACE)
    bottom, top = max(0, box.y0 - SPACE), min(height, box.y1 + SPACE)
    shares = (left / width, 1 - top / height, (right - left) / width, (top - bottom) / height)
    return Part(*(round(float(share), 4) for share in shares))
