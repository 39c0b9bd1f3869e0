"""Forest plots: what is drawn where, and that no text leaves the page or lies on another one."""

import itertools

import pytest
from matplotlib.patches import Rectangle

from advkd.artifacts.drawing import forest
from advkd.artifacts.drawing.forest import DARK, LIGHT, Estimate, Row
from advkd.artifacts.drawing.formats import METADATA, render
from advkd.artifacts.drawing.page import style

LONG = "$a$ claim whose name is much too long for one line of any of the two plots"
ROWS = [
    Row("AI-KD", "holds", "holds", Estimate(2, 1, 3), Estimate(4, 3, 5), 0.5, (1.5, 2.5), ("here +2", "paper +4")),
    Row(LONG, "open", "open, 1 of 5 seeds", None, None, 0.5, (-1.0,)),
    Row("nothing is known", "", "no test", None, None, None, ()),
    Row("it fails", "fails", "fails", Estimate(-2, -3, -1), Estimate(1), 0.5, ()),
]


@pytest.fixture(autouse=True)
def _style():
    with style():
        yield


def boxes(figure):
    """Return the places of all words in inches, drawn once."""
    figure.draw_without_rendering()
    scale = figure.dpi_scale_trans.inverted()
    low, high = figure.axes[0].get_xlim()
    ticks = [tick.label1 for tick in figure.axes[0].xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    texts = [*figure.axes[0].texts, *ticks, figure.axes[0].xaxis.label]
    texts += figure.legends[0].get_texts()
    return [(text.get_text(), text.get_window_extent().transformed(scale)) for text in texts if text.get_text()]


@pytest.mark.parametrize("narrow", [False, True])
def test_words_stay_on_the_page_and_apart(narrow):
    figure = forest.draw(ROWS, "Top-1 error, lower by (points)", narrow)
    width, height = figure.get_size_inches()
    found = boxes(figure)
    assert {"✓ holds", "✗ fails", "? open, 1 of 5 seeds", "no test"} <= {words for words, _ in found}
    for words, box in found:
        assert min(box.x0, box.y0) >= 0 and box.x1 <= width and box.y1 <= height, words
    for (one, first), (other, second) in itertools.combinations(found, 2):
        assert not first.shrunk(0.98, 0.9).overlaps(second.shrunk(0.98, 0.9)), (one, other)


def test_effects_stand_where_their_numbers_are():
    figure = forest.draw(ROWS, "points")
    (axis,) = figure.axes
    lines = [tuple(line.get_xdata()) for line in axis.lines]
    assert all(ends in lines for ends in [(1, 3), (3, 5), (-3, -1), (1.5, 2.5), (-1,)])
    points = [line.get_xdata()[0] for line in axis.lines if line.get_marker() in "Dos" and len(line.get_xdata()) == 1]
    assert sorted(points) == [-2, 1, 2, 4], "an unfinished test has no mean"
    low, high = axis.get_xlim()
    assert low < -3 and high > 5
    bands = [patch for patch in axis.patches if isinstance(patch, Rectangle)]
    assert [(band.get_x(), band.get_width()) for band in bands] == [(0, 0.5)] * 3


def test_outcomes_differ_without_colour():
    figure = forest.draw(ROWS, "points")
    of_rows = [Row("", outcome, "", Estimate(1, 0, 2), None, None, ()) for outcome in ("holds", "fails", "open")]
    looks = set()
    for row in of_rows:
        figure = forest.draw([row], "points")
        (mark,) = [line for line in figure.axes[0].lines if line.get_marker() in "os"]
        looks.add((mark.get_marker(), mark.get_markerfacecolor() == mark.get_color()))
    assert len(looks) == 3


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_words_stand_out_from_their_ground(theme):
    """WCAG 2: a contrast of at least 4.5."""

    def luminance(colour):
        channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
        return sum(share * one for share, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    ground = luminance(theme.ground)
    for colour in (theme.ink, theme.faint, *theme.outcomes.values()):
        light, dark = sorted((luminance(colour), ground), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, colour


@pytest.mark.parametrize("suffix", METADATA)
def test_equal_drawings_are_equal_files(suffix):
    first, second = (render(forest.draw(ROWS, "points"), suffix, "a title") for _ in range(2))
    assert first == second and b"a title" in first


@pytest.mark.parametrize("narrow", [False, True])
def test_without_any_effect_there_are_words_and_no_axis(narrow):
    figure = forest.draw([Row("it is better", "open", "open, 0 of 5 seeds", None, None, 0.5, ())], "points", narrow)
    (axis,) = figure.axes
    assert not axis.axison and not figure.legends and not axis.lines
    assert {text.get_text() for text in axis.texts} == {"it is better", "? open, 0 of 5 seeds"}


def test_in_the_narrow_plot_the_line_at_0_runs_through_no_words():
    figure = forest.draw(ROWS, "points", narrow=True)
    (axis,) = figure.axes
    figure.draw_without_rendering()
    scale = axis.transData.inverted()
    words = [text.get_window_extent().transformed(scale) for text in axis.texts]
    lines = [line.get_ydata() for line in axis.lines if list(line.get_xdata()) == [0, 0]]
    assert len(lines) == sum(row.is_drawn for row in ROWS)
    for low, high in lines:
        assert not any(box.y0 < high - 0.02 and box.y1 > low + 0.02 and box.x0 < 0 < box.x1 for box in words)
