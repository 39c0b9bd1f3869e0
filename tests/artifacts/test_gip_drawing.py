import itertools

import matplotlib
import numpy as np
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.colors import to_hex
from matplotlib.text import Text

from advkd.artifacts.drawing import frequencies, histories, moments, page, tsne
from advkd.artifacts.drawing.formats import METADATA, render


@pytest.fixture(autouse=True)
def _style():
    with matplotlib.rc_context(page.STYLE):
        yield


def boxes(figure, texts):
    figure.draw_without_rendering()
    return [text.get_window_extent().transformed(figure.dpi_scale_trans.inverted()) for text in texts]


def overlapping(figure, texts):
    """Pairs of texts that cover each other, by their words."""
    pairs = itertools.combinations(zip(texts, boxes(figure, texts), strict=True), 2)
    return [(one.get_text(), other.get_text()) for (one, a), (other, b) in pairs if a.padded(-0.005).overlaps(b)]


# --- images over training


def block(name, moments_, noises=3, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (moments_, noises, 8, 8, 3)).astype(np.uint8)
    names = [[f"aquarium_fish_{number}" for number in range(noises)] for _ in range(moments_)]
    return moments.Block(name, [1, 500, 1000, 1500, 2000][:moments_], images, names, rng.random((moments_, noises)))


@pytest.fixture
def blocks():
    return [block("a", 5), block("b", 2), block("d", 5, seed=1)]


def test_images_are_drawn_as_they_are_under_their_epochs(blocks):
    paper, other = moments.draw(blocks).axes
    a, b, d = (one.images.reshape(-1, 8, 8, 3) for one in blocks)
    expected = [*a, *d, *b]
    for drawn, image in zip([*paper.images, *other.images], expected, strict=True):
        np.testing.assert_array_equal(drawn.get_array(), image)
    centres = sorted({round(sum(drawn.get_extent()[:2]) / 2, 6) for drawn in paper.images[:15]})
    heads = [text for text in paper.texts if text.get_text().startswith("epoch")][:5]
    assert [text.get_position()[0] for text in heads] == pytest.approx(centres), "a column is a moment"
    assert [text.get_text() for text in heads] == ["epoch 1", "epoch 500", "epoch 1000", "epoch 1500", "epoch 2000"]


def test_each_image_has_the_teacher_s_class_and_confidence(blocks):
    (paper,) = moments.draw(blocks[:1]).axes
    words = [text for text in paper.texts if text.get_text().endswith(" %")]
    assert [text.get_text() for text in words] == [f"{100 * value:.0f} %" for value in blocks[0].confidence.ravel()]
    for text, drawn in zip(words, paper.images, strict=True):
        left, right, bottom, _ = drawn.get_extent()
        assert left < text.get_position()[0] < right and 0 < bottom - text.get_position()[1] < 0.25
    assert sum(text.get_text().startswith("aqua") for text in paper.texts) == 15


def test_words_of_a_page_do_not_touch(blocks):
    figure = moments.draw(blocks)
    texts = [*figure.texts, *(text for sheet in figure.axes for text in sheet.texts)]
    assert not overlapping(figure, texts)
    for box in boxes(figure, texts):
        assert box.x0 > 0 and box.x1 < 7 and box.y0 > 0 and box.y1 < figure.get_figheight()


@pytest.mark.parametrize("name", ["price $x^{2$", "a$b$", "caf\udce9 $", "$", "tab\tand\x00"])
@pytest.mark.parametrize("suffix", METADATA)
def test_any_name_of_a_class_is_drawn_as_text(name, suffix):
    """A user's folder may be called so; matplotlib would read a formula, or refuse the character."""
    images, confidence = np.zeros((1, 1, 8, 8, 3), np.uint8), np.ones((1, 1))
    counts = frequencies.Counts(1, np.array([3, 1]), 0.8)
    drawn = [
        moments.draw([moments.Block("a", [1], images, [[name]], confidence)]),
        frequencies.draw([frequencies.Panel("a", [name, "b"], [counts])]),
        tsne.draw([tsne.Column("a", np.zeros(2), np.zeros((2, 2)), None, None)], {0: name}),
        page.notice(f"of {name}"),
    ]
    for figure in drawn:
        assert len(render(figure, suffix, f"of {name}")) > 500
        for text in figure.findobj(Text):
            assert not is_math_text(text.get_text()), text.get_text()


def test_long_names_lose_their_middle_alone():
    assert moments.shorten_name("sweet_pepper") == "sweet pepper"
    cut = moments.shorten_name("007.Parakeet_Auklet_of_the_north")
    assert cut.startswith("007.") and cut.endswith("north") and "…" in cut
    assert page.text_width(cut) * 6.5 / 7 <= moments.PITCH
    long = [page.name_in_figure(f"{'damaged_' * 60}{end}", page.is_short) for end in ("wall", "pillar")]
    assert len(set(long)) == 2 and all(map(page.is_short, long))


def test_a_character_without_a_glyph_and_one_that_turns_the_text_are_drawn_as_codes():
    assert page.drawable("漢 a\u202eb\x00 é שלום\n") == "\\u6f22 a\\u202eb\\x00 é שלום\n"


# --- frequencies


def counts(epoch, values):
    return frequencies.Counts(epoch, np.array(values), 0.5)


def test_few_classes_have_bars_for_both_epochs():
    panel = frequencies.Panel("a", ["sea", "sky_blue", "sun"], [counts(1, [30, 0, 10]), counts(9, [10, 20, 20])])
    (axis,) = frequencies.draw([panel]).axes
    bars = axis.patches
    np.testing.assert_allclose([bar.get_height() for bar in bars], [75, 0, 25, 20, 40, 40])
    assert [int(bar.get_x() + bar.get_width() / 2 + 0.5) for bar in bars] == [0, 1, 2] * 2
    assert [label.get_text() for label in axis.get_xticklabels()] == ["sea", "sky blue", "sun"]
    assert axis.lines[0].get_ydata()[0] == pytest.approx(100 / 3)
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert labels == ["epoch 1: entropy 0.500, 1 of 3 classes never", "epoch 9: entropy 0.500"]
    first, last = bars[0], bars[3]
    assert to_hex(first.get_facecolor()) != to_hex(last.get_facecolor()) and first.get_hatch() != last.get_hatch()
    assert axis.get_yticks().max() <= 100


def test_many_classes_are_sorted_and_end_with_the_last_that_occurs():
    rng = np.random.default_rng(0)
    early, late = rng.permutation([500] * 2 + [10] * 40 + [0] * 58), rng.integers(90, 110, 100)
    panel = frequencies.Panel("a", ["c"] * 100, [counts(1, early), counts(200, late)])
    (axis,) = frequencies.draw([panel]).axes
    first, last, uniform = axis.lines
    np.testing.assert_allclose(first.get_ydata(), np.array([500] * 2 + [10] * 40) / early.sum() * 100)
    np.testing.assert_allclose(last.get_ydata(), np.sort(late)[::-1] / late.sum() * 100)
    assert uniform.get_ydata()[0] == 1 and axis.get_yscale() == "log" and axis.get_ylim()[0] < 1
    assert first.get_linestyle() != last.get_linestyle()


def test_one_epoch_is_drawn_as_the_last():
    panels = [frequencies.Panel("a", ["c"] * size, [counts(1, [1] * size)]) for size in (4, 40)]
    bars, lines = frequencies.draw(panels).axes
    assert len(bars.patches) == 4 and bars.patches[0].get_hatch() == "" and lines.lines[0].get_linestyle() == "-"


# --- histories

TERMS = [histories.Term("bns", "BNS", "log", 1.7), histories.Term("L_OH", "one-hot", "linear", 1)]


def track(name, length, seeds=1, columns=("bns", "L_OH")):
    rng = np.random.default_rng(length)
    found = [{"epoch": np.arange(1.0, length + 1), **{c: rng.uniform(0.1, 3, length) for c in columns}}
             for _ in range(seeds)]  # fmt: skip
    return histories.Track(name, found)


def test_every_seed_is_a_line_of_its_method_s_look():
    tracks = [track("GIP", 20, 2), track("DAFL", 200, 1)]
    figure = histories.draw({"A": tracks, "B": tracks}, TERMS, {("A", "L_OH"): -1.0})
    top, _, bottom, other = figure.axes
    for axis, column in ((top, "bns"), (bottom, "L_OH")):
        for line, found in zip(axis.lines, [*tracks[0].seeds, *tracks[1].seeds], strict=False):
            np.testing.assert_array_equal(line.get_xydata(), np.stack([found["epoch"], found[column]], 1))
    assert (top.get_yscale(), bottom.get_yscale(), bottom.get_xscale()) == ("log", "linear", "log")
    looks = [(line.get_color(), line.get_linestyle(), line.get_marker()) for line in top.lines]
    assert looks[0] == looks[1] and all(a != b for a, b in zip(looks[0], looks[2], strict=True))
    assert len(bottom.lines) == 4 and bottom.lines[3].get_ydata()[0] == -1 and len(other.lines) == 3
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["GIP", "DAFL"]
    assert bottom.get_xticks().tolist() == [1, 2, 5, 10, 20, 50, 100, 200]


def test_weights_of_zero_are_said_where_they_are():
    figure = histories.draw({"A": [track("GIP", 9, 2, ("bns",)), track("DAFL", 9)]}, TERMS, {})
    assert [[text.get_text() for text in axis.texts] for axis in figure.axes] == [[], ["GIP: weight 0"]]
    alone = histories.draw({"A": [track("GIP", 9, 1, ("bns",))]}, TERMS, {}).axes[1]
    assert not alone.lines and alone.texts[0].get_text() == "GIP: weight 0"


@pytest.mark.parametrize("length", [1, 2, 15, 2000])
def test_numbers_beside_the_axes_do_not_touch(length):
    tracks = [track("GIP", length), track("DAFL", max(1, length // 10))]
    tracks[0].seeds[0]["bns"] *= np.logspace(0, -3, length)
    figure = histories.draw({"A": tracks, "B": tracks}, TERMS, {})
    figure.draw_without_rendering()
    for axis in figure.axes:
        texts = [axis.yaxis.label, *axis.get_yticklabels(), *axis.get_xticklabels()]
        low, high = axis.get_ylim()
        shown = [text for text in texts if text.get_text() and (text.axes is None or _within(text, axis, low, high))]
        assert not overlapping(figure, shown)


def _within(text, axis, low, high):
    return text not in axis.get_yticklabels() or low <= text.get_position()[1] <= high
