"""The parts of a figure for a phone: narrow enough to be read, in order, and together all that the figure shows."""

import numpy as np
import pytest

from advkd.artifacts.drawing import frequencies, histories, moments, reliability, samples, sweeps, tsne
from advkd.artifacts.drawing.page import style
from advkd.artifacts.drawing.parts import WIDEST, parts
from advkd.metrics.calibration import reliability as binned

READABLE = WIDEST + 0.1  # inches: letters of 6.5 points then have 9 pixels on a phone of 390 pixels


@pytest.fixture(autouse=True)
def _style():
    with style():
        yield


def _bins(seed):
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.1, 1, 400)
    return binned(confidence, rng.random(400) < confidence)


def _reliability(sets):
    names = ("Baseline", "CS-KD", "TF-KD", "PS-KD", "AI-KD", "AI-KD + TS")
    curves = [reliability.Curve(name, _bins(seed)) for seed, name in enumerate(names)]
    return reliability.draw({f"CIFAR-100 {number}": curves for number in range(sets)}, ("AI-KD", "AI-KD + TS"))


def _tsne(methods):
    places = np.random.default_rng(0).normal(size=(40, 2))
    columns = [tsne.Column(f"M{k}", np.arange(40) % 20, places, places + 1, places) for k in range(methods)]
    return tsne.draw(columns, {label: f"{label:03d}.Black_footed_Albatross" for label in range(20)})


def _histories(sets):
    tracks = [histories.Track(name, [{"epoch": np.arange(1.0, 9), "L": np.arange(1.0, 9)}]) for name in ("GIP", "DAFL")]
    terms = [histories.Term("L", "BNS distance", "log", 1.7), histories.Term("L", "One-hot, $L_{OH}$", "linear", 1)]
    return histories.draw({f"CIFAR-{number}": tracks for number in range(sets)}, terms, {})


def _frequencies(panels):
    counts = frequencies.Counts(1, np.array([3, 1, 0]), 0.8)
    names = ["plain square", "striped triangle", "striped cross"]
    return frequencies.draw([frequencies.Panel("CIFAR-10 / GIP", names, [counts, counts])] * panels)


def _moments(blocks):
    images = np.zeros((5, 4, 8, 8, 3), np.uint8)
    names = [["striped triangle"] * 4] * 5
    return moments.draw([moments.Block("CIFAR-10 / GIP", [1, 2, 3, 4, 5], images, names, np.ones((5, 4)))] * blocks)


def _samples(generators):
    return samples.draw([(f"OKD-SAGAN G{k}", np.zeros((10, 8, 8, 3), np.uint8)) for k in range(generators)])


def _sweeps(lines):
    grid = {(x, y): sweeps.Point(60.0 + x, 1.0, "60.4 ± 7.4") for x in (8, 16) for y in (8, 16)}
    line = sweeps.Line("temperature (superior)", 3, {k: sweeps.Point(60.0, 1.0) for k in range(1, 8)})
    return sweeps.draw(grid, (8, 8), ("a", "b"), [line] * lines, "Top-1 error (%)")


def _shown(figure):
    """Yield all words that are drawn; a tick beyond the ends of its axis is not."""
    for legend in figure.legends:
        yield from legend.get_texts()
    for axis in figure.axes:
        yield from axis.texts
        found = [axis.title, axis._left_title]
        for one in (axis.xaxis, axis.yaxis) if axis.axison else ():
            found.append(one.label)
            low, high = sorted(one.get_view_interval())
            for tick in one.get_major_ticks():
                if low <= tick.get_loc() <= high and tick.label1.get_visible():
                    found.append(tick.label1)
        yield from (text for text in found if text.get_text())


DRAWN = {
    "reliability": (_reliability, (1, 2, 6)),
    "t-SNE": (_tsne, (1, 2, 3, 4)),
    "histories": (_histories, (1, 2)),
    "frequencies": (_frequencies, (1, 2, 4)),
    "moments": (_moments, (1, 2, 3)),
    "samples": (_samples, (1, 2, 8)),
    "sweeps": (_sweeps, (0, 1, 2)),
}
CASES = [pytest.param(draw, number, id=f"{name}-{number}") for name, (draw, all_) in DRAWN.items() for number in all_]


@pytest.mark.parametrize(("draw", "number"), CASES)
def test_every_part_fits_a_phone_and_nothing_is_lost(draw, number):
    figure = draw(number)
    width, height = figure.get_size_inches()
    found = parts(figure)
    for part in found:
        assert part.width * width <= READABLE and min(part) >= 0
        assert part.left + part.width <= 1.001 and part.top + part.height <= 1.001
    for text in _shown(figure):
        box = text.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
        assert any(
            part.left * width <= box.x0 + 0.01
            and box.x1 - 0.01 <= (part.left + part.width) * width
            and (1 - part.top - part.height) * height <= box.y0 + 0.01
            and box.y1 - 0.01 <= (1 - part.top) * height
            for part in found
        ), text.get_text()


def test_parts_are_read_from_the_top_and_from_the_left():
    legend, *blocks = parts(_reliability(6))
    assert len(blocks) == 3 and legend.top < blocks[0].top
    assert [part.left for part in blocks] == sorted(part.left for part in blocks)
    classes, left, right, both = parts(_tsne(4))
    assert classes.top < left.top < both.top and left.left < right.left
