import os
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from advkd.artifacts.drawing import page, reliability, samples, sweeps, tsne
from advkd.artifacts.drawing.formats import render
from advkd.metrics.calibration import reliability as binned

METHODS = ["Baseline", "CS-KD", "TF-KD", "PS-KD", "AI-KD", "AI-KD + TS"]


@pytest.fixture(autouse=True)
def _style():
    with matplotlib.rc_context(page.STYLE):
        yield


def bins(images=2000, lean=0.0, low=0.1, seed=0):
    """Bins of predictions whose accuracy is their confidence plus `lean`."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(low, 1, images)
    return binned(confidence, rng.random(images) < confidence + lean)


def texts(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_a_notice_stays_on_its_sheet_and_loses_no_word():
    words = " ".join(["WIDE", "illi", "under-confident", "τ_G"] * 60)
    figure = page.notice(words)
    figure.draw_without_rendering()
    (text,) = figure.texts
    box = text.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
    assert text.get_text().split() == words.split()
    assert 0 < box.x0 < box.x1 < 7.0 and box.x1 > 6.0 and 0 < box.y0 < box.y1 < figure.get_figheight()


def test_wrapping_keeps_a_word_that_is_longer_than_the_line():
    assert page.wrap_text(f"a {'b' * 300} c", 2.0) == ["a", "b" * 300, "c"]


def test_margins_are_inches():
    figure = Figure(figsize=(4.0, 2.0))
    (axis,) = figure.subplots(1, 1, squeeze=False, gridspec_kw=page.margins(figure, 0.5, 0.25, 0.75, 0.1)).ravel()
    box = axis.get_position()
    height = figure.get_figheight()
    assert (box.x0 * 4, 4 - box.x1 * 4) == pytest.approx((0.5, 0.25))
    assert (box.y0 * height, height - box.y1 * height) == pytest.approx((0.75, 0.1))


def test_letters_are_never_below_six_and_a_half_points():
    sizes = [value for key, value in page.STYLE.items() if key.endswith("size") and "major" not in key]
    assert min(sizes) >= 6.5


def test_images_are_drawn_as_they_are():
    rows = [(f"G{i}", np.random.default_rng(i).integers(0, 255, (4, 8, 8, 3)).astype(np.uint8)) for i in range(3)]
    figure = samples.draw(rows)
    drawn = [axis.images[0].get_array() for axis in figure.axes]
    np.testing.assert_array_equal(np.concatenate([images for _, images in rows]), np.stack(drawn))


@pytest.fixture
def panels():
    return {
        name: [reliability.Curve(method, bins(lean=0.2, seed=place)) for place, method in enumerate(METHODS)]
        for name in "ABCDEF"
    }


def test_curves_gaps_and_shares_are_those_of_the_bins(panels):
    found = panels["A"][4].bins
    figure = reliability.draw(panels, ("AI-KD", "AI-KD + TS"))
    assert len(figure.axes) == 18
    top, gaps, shares = figure.axes[:3]
    seen = found.count > 0
    (line,) = [line for line in top.lines if line.get_color() == page.ORANGE and line.get_linestyle() == "-"]
    np.testing.assert_array_equal(line.get_xydata(), np.stack([found.confidence, found.accuracy], 1)[seen])
    orange = [bar for bar in gaps.patches if to_hex(bar.get_facecolor()).upper() == page.ORANGE]
    np.testing.assert_allclose([bar.get_height() for bar in orange], (found.accuracy - found.confidence)[seen])
    assert sum(bar.get_height() for bar in shares.patches[: len(found.count)]) == pytest.approx(100)
    limits = gaps.get_ylim()
    assert limits[1] >= np.nanmax(np.abs(found.accuracy - found.confidence)) and limits[0] == -limits[1]
    for bar in gaps.patches:
        place = bar.get_x() * 10
        assert int(place) == int(place + 10 * bar.get_width()), "within its bin"


def test_bins_of_few_images_are_hollow_and_empty_ones_absent():
    rng = np.random.default_rng(0)
    confidence = np.concatenate([rng.uniform(0.91, 1, 500), rng.uniform(0.41, 0.5, reliability.FEW - 1)])
    few = binned(confidence, rng.random(len(confidence)) < confidence)
    top, gaps, *_ = reliability.draw({"A": [reliability.Curve("AI-KD", few)]}, ("AI-KD",)).axes
    _, line, filled, hollow = top.lines
    assert [len(part.get_xdata()) for part in (line, filled, hollow)] == [2, 1, 1]
    assert hollow.get_markerfacecolor() == "white" and hollow.get_xdata()[0] < 0.5
    assert len(gaps.patches) == 2, "one bar filled, one hollow, none for an empty bin"


def test_missing_curves_are_left_out_everywhere(panels):
    panels["C"][2] = reliability.Curve("TF-KD", None)
    for name in panels:
        panels[name][1] = reliability.Curve("CS-KD", None)
    figure = reliability.draw(panels, ("AI-KD", "AI-KD + TS"))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["Baseline", *METHODS[2:], "calibrated"]
    assert not texts(figure) and len(figure.axes[0].lines) - len(figure.axes[6].lines) == 2, "a line, its marks"
    figure.draw_without_rendering()
    box = legend.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
    title = figure.axes[0].title.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
    assert 0 < box.x0 < box.x1 < 7.0 and box.y0 > title.y1, "the longest legend stays on the page, above the title"


def test_seeds_give_error_bars_where_their_spread_is_known():
    found = bins(low=0.5)
    spread = np.where(found.count > 200, 0.02, np.nan)
    (top, *_) = reliability.draw({"A": [reliability.Curve("AI-KD", found, spread)]}, ("AI-KD",)).axes
    (bars,) = top.containers[0].lines[2]
    ends = {round(float(low), 6): (low, high) for (_, low), (_, high) in bars.get_segments()}
    known = found.accuracy[~np.isnan(spread) & (found.count > 0)]
    assert len(ends) == len(known) > 1
    assert sorted(low for low, _ in ends.values()) == pytest.approx(sorted(known - 0.02))


def test_methods_differ_by_more_than_colour(panels):
    (legend,) = reliability.draw(panels, ("AI-KD",)).legends
    markers = [line.get_marker() for line in legend.get_lines()][:6]
    assert len(set(markers)) == 6


def test_chosen_classes_are_a_seeded_draw():
    labels = np.repeat(np.arange(10, 60), 3)
    chosen = tsne.choose(labels, 20, 0)
    assert len(set(chosen)) == 20 and set(chosen) <= set(labels) and sorted(chosen) == list(chosen)
    assert np.array_equal(chosen, tsne.choose(labels[::-1], 20, 0)), "the order of images does not matter"
    assert not np.array_equal(chosen, tsne.choose(labels, 20, 1))
    assert tsne.choose(labels % 4, 20, 0).tolist() == [0, 1, 2, 3]


def clusters(count, each, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(count), each)
    return labels, 20 * rng.normal(size=(count, 16))[labels] + rng.normal(size=(count * each, 16))


def test_embedding_keeps_neighbours_and_repeats_itself():
    labels, features = clusters(5, 12)
    places = tsne.embed(features, 0)
    distance = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e9 * np.eye(60)
    assert (labels[distance.argmin(1)] == labels).all()
    np.testing.assert_array_equal(places, tsne.embed(features, 0))


@pytest.mark.parametrize("points", [2, 3, 8])
def test_embedding_of_few_points(points):
    places = tsne.embed(np.random.default_rng(0).normal(size=(points, 5)), 0)
    assert places.shape == (points, 2) and np.isfinite(places).all()


def test_embedding_of_features_that_died():
    assert not tsne.embed(np.zeros((9, 5)), 0).any()


def test_maps_show_every_point_with_its_class(monkeypatch):
    labels = np.repeat(np.arange(21), 4)
    places = np.random.default_rng(0).normal(size=(84, 2))
    columns = [
        tsne.Column("AI-KD", labels, places, places + 1, places - 1),
        tsne.Column("TF-KD", labels, places, None, None, "superior: diverged"),
    ]
    figure = tsne.draw(columns, {label: f"{label + 1:03d}.Black_footed_Albatross" for label in range(21)})
    top, joint = figure.axes[0], figure.axes[2]
    drawn = np.concatenate([found.get_offsets() for found in top.collections])
    np.testing.assert_array_equal(drawn, places)
    looks = {(to_hex(found.get_facecolor()[0]), len(found.get_paths()[0].vertices)) for found in top.collections}
    assert len(looks) == 21, "no two classes share colour and marker"
    assert [len(found.get_offsets()) for found in joint.collections] == [84, 84]
    assert texts(figure) == ["superior: diverged"]
    who, classes = figure.legends
    assert [text.get_text() for text in who.get_texts()] == ["student", "superior"]
    assert classes.get_texts()[0].get_text() == "Black footed Albatross"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("200.Common_Yellowthroat", "Common Yellowthroat"),
        ("747-300", "747-300"),
        ("a" * 29 + " bc", "a" * 15 + "…" + "a" * 11 + " bc"),
        ("class 3", "class 3"),
    ],
)
def test_names_in_the_legend(name, shown):
    places = np.zeros((2, 2))
    figure = tsne.draw([tsne.Column("AI-KD", np.zeros(2), places, None, None)], {0: name})
    assert figure.legends[-1].get_texts()[0].get_text() == shown


def point(mean, std=None):
    return sweeps.Point(mean, std, f"{mean:.2f} ± {std}")


@pytest.fixture
def sweep():
    grid = {(x, y): point(20 + x / 16 + y / 8, 0.1) for x in (16, 32, 64) for y in (8, 16)}
    grid[64, 16] = sweeps.Point(None, missing="diverged")
    first = sweeps.Line("a", 3, {value: point(20.0 + value, 0.5) for value in range(1, 6)})
    second = sweeps.Line("b", 1, {value: point(21.0 + value) for value in range(1, 6)})
    second.points[4] = sweeps.Point(None, missing="not run")
    return grid, [first, second]


def test_map_shows_each_number_at_its_place(sweep):
    grid, lines = sweep
    figure = sweeps.draw(grid, (32, 8), ("x", "y"), lines, "error")
    shown = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    assert shown[0, 0] == "22.00\n± 0.1" and shown[1, 1] == "24.00\n± 0.1" and shown[2, 1] == "diverged"
    image = figure.axes[0].images[0].get_array()
    assert image[1, 0] == 23 and np.ma.is_masked(image[1, 2])
    (outline,) = figure.axes[0].patches
    assert (outline.get_x() + 0.47, outline.get_y() + 0.47) == pytest.approx((1, 0))


def test_lines_break_where_a_run_is_missing(sweep):
    grid, lines = sweep
    axis = sweeps.draw(grid, (32, 8), ("x", "y"), lines, "error").axes[1]
    first, second = axis.containers
    np.testing.assert_allclose(first.lines[0].get_ydata(), [21, 22, 23, 24, 25])
    assert np.isnan(second.lines[0].get_ydata()[3]) and second.lines[0].get_ydata()[4] == 26
    assert first.has_yerr and not second.has_yerr
    assert [text.get_text() for text in axis.texts] == ["not run"]


def test_a_part_of_a_sweep_without_a_number_is_left_out(sweep):
    grid, lines = sweep
    gone = sweeps.Point(None, missing="not run")
    empty = [sweeps.Line(line.name, line.chosen, dict.fromkeys(line.points, gone)) for line in lines]
    names = ("x", "y"), "error"
    (lines_alone,) = sweeps.draw(dict.fromkeys(grid, gone), (32, 8), names[0], lines, names[1]).axes
    assert lines_alone.get_title("left") == "(b)"
    map_alone, _ = sweeps.draw(grid, (32, 8), names[0], empty, names[1]).axes
    assert map_alone.get_title("left") == "(a) error"


def test_the_backend_of_the_environment_does_not_matter():
    code = "import advkd.artifacts.figures, matplotlib; print(matplotlib.get_backend())"
    environment = {**os.environ, "MPLBACKEND": "nosuch"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip().lower()) == (0, "agg"), done.stderr


def test_a_pdf_has_a_serif_and_what_is_written_afterwards_has_not(panels):
    figure = reliability.draw(panels, ("AI-KD",))
    before = render(figure, ".svg")
    assert b"STIXGeneral" in render(figure, ".pdf") and b"DejaVuSans" not in render(figure, ".pdf")
    assert render(figure, ".svg") == before
