"""Table S2, its figure and its sheets: what generated crops are worth to a classifier."""

import numpy as np
import pytest
from crop_runs import finish_on_crops
from PIL import Image

from advkd.artifacts import sheets, table_cells, table_marks, tables, usefulness_figures
from advkd.artifacts.changed_settings import changed_by_kind
from advkd.artifacts.table_captions import table_caption
from advkd.data.store_draft import write_store
from advkd.report import explain
from advkd.runs.stores import store_of
from advkd.settings import catalog, config
from advkd.settings.evidence_plan import USEFULNESS, load_plan
from advkd.settings.published_cells import Cell

TABLE, FIGURE = "okd_tableS2", "okd_figureS1"
SKILLS = {"Real crops": 0.6, "Flips": 1.5, "Flips, OKD-SAGAN": 2.6}


@pytest.fixture
def user(checkout):
    return config.user({"scale": "small", "seeds": 3})


@pytest.fixture
def filled(user):
    """Finished runs of three rows with 50 real crops."""
    for cell in catalog.cells(TABLE):
        if cell.column == "50 real crops" and cell.row in SKILLS:
            for run in catalog.resolved(cell, user):
                finish_on_crops(run, SKILLS[cell.row])
    return user


def rows_of(user) -> dict[str, dict]:
    rows = table_cells.collect_rows(TABLE, user)
    return {row["row"]: row for row in rows if row["column"] == "50 real crops"}


@pytest.mark.parametrize("scale", ["smoke", "small", "paper"])
def test_all_runs_can_be_built_at_every_scale(scale):
    user = config.user({"scale": scale})
    assert all(catalog.why_not_built(cell, user) == "" for cell in catalog.cells(TABLE))
    classes = 6 if scale == "paper" else 3
    of_okd = next(cell for cell in catalog.cells(TABLE) if cell.row == "Flips, OKD-SAGAN")
    assert all(len(run.generators) == classes for run in catalog.resolved(of_okd, user))


def test_the_table_has_the_runs_of_the_tests_with_their_seeds_and_the_figure_shows_the_same():
    plan = load_plan(USEFULNESS)
    user = config.user({"scale": plan.scale})
    assert {group for wave in plan.waves() for group in wave} <= {cell.run for cell in catalog.cells(TABLE)}
    assert len(config.seeds(catalog.cells(TABLE)[0].run, user)) == plan.seeds
    table, figure = ([(cell.row, cell.column, cell.run) for cell in catalog.cells(name)] for name in (TABLE, FIGURE))
    assert table == figure


def test_rows_of_one_column_differ_in_what_is_added_alone(user):
    """The real crops are the same in all rows of a column, and in no row is anything else to be evaluated on."""

    def photos(cell: Cell) -> set[str]:
        return {run.base_store for run in catalog.resolved(cell, user)}

    for number in (20, 50, 100):
        cells = [cell for cell in catalog.cells(TABLE) if cell.column == f"{number} real crops"]
        assert len({frozenset(photos(cell)) for cell in cells}) == 1 and len(photos(cells[0])) == 3
        assert all(run.settings["train_per_class"] == number for cell in cells for run in catalog.resolved(cell, user))


def test_numbers_are_means_over_seeds_of_several_draws_with_an_error_over_photos(filled):
    row = rows_of(filled)["Flips"]
    values = [float(value) for value in row["values"].split()]
    assert row["status"] == "done" and row["n"] == 3 and row["mean"] == pytest.approx(np.mean(values), abs=1e-3)
    assert row["std"] == pytest.approx(np.std(values, ddof=1), abs=1e-3) and row["images_error"] > 0
    low, high = row["map_low_mean"], row["map_high_mean"]
    assert low < row["mean"] < high and row["images_error"] == pytest.approx((high - low) / 2 / 1.96, rel=0.01)
    assert row["ap.1_mean"] > 0 and "ap.4_mean" not in row


def test_numbers_with_as_many_real_crops_are_compared(filled):
    rows = table_cells.collect_rows(TABLE, filled)
    for row in rows:
        if "mean" not in row:
            row["ended"] = "diverged"  # so that the column lacks no number
    marks = {rows[place]["row"]: mark for place, mark in table_marks.best_marks(rows).items()}
    assert marks["Flips, OKD-SAGAN"] == "bold" and marks.get("Real crops", "") != "bold"
    groups = {table_marks.group_of(row) for row in rows}
    assert len(groups) == 3, "20, 50 and 100 crops are no rivals"


def test_the_caption_says_what_the_numbers_are_in_few_words(filled, tmp_path):
    tables.write_table(TABLE, filled, tmp_path)
    rows = table_cells.collect_rows(TABLE, filled)
    caption = table_caption(TABLE, rows, filled)
    assert "Seeds take turns with draws of the real crops" in caption and "over photos (30, resampled whole)" in caption
    assert len(caption) < 1500 and caption.count("subset=1to5") < 5
    assert f"{rows_of(filled)['Flips']['mean']:.1f}" in (tmp_path / f"{TABLE}.tex").read_text()


def test_settings_that_many_rows_change_stand_together(user):
    runs = [catalog.resolved(cell, user)[0] for cell in catalog.cells(TABLE)]
    kinds = changed_by_kind(runs, config.user({"scale": "smoke"}))
    assert all(len(kind) < 300 for kind in kinds)


def test_the_figure_has_the_numbers_of_the_table(filled):
    drawing = usefulness_figures.draw_learning_curves(FIGURE, filled)
    rows = rows_of(filled)
    for name in SKILLS:
        assert drawing.numbers[name]["50 real crops"]["mean"] == rows[name]["mean"]
    axis = drawing.figure.axes[0]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == list(SKILLS)
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["50"]
    heights = sorted(
        line.get_ydata()[0] for line in axis.lines if len(line.get_ydata()) == 1 and line.get_marker() != "_"
    )
    assert set(np.round([rows[name]["mean"] for name in SKILLS], 6)) <= set(np.round(heights, 6))
    assert "Left out: Real crops, 20 real crops" in drawing.caption


def test_without_runs_the_figure_says_so(user):
    drawing = usefulness_figures.draw_learning_curves(FIGURE, user)
    assert drawing.figure is None and "No run is finished" in drawing.caption


def test_explain_leads_from_a_cell_to_the_generators(filled):
    text = explain.report(TABLE, ["OKD-SAGAN", "real"], filled)
    assert text.count("images of ") >= 9 and "only_class=3+subset=2+training_set=classifier/seed2, of class 3" in text


def test_a_sheet_shows_real_and_generated_images_of_each_class_apart(user, tmp_path, monkeypatch):
    name = "aikd/codebrim/preact_resnet18/baseline+generator=sagan_okd/seed0"
    run = config.resolve(name, user)
    gans = [str(gan.run) for gan in run.generators.values()]
    colours = np.repeat(np.arange(12, dtype=np.uint8)[:, None, None, None] * 20, 64, 1).repeat(64, 2).repeat(3, 3)
    labels = np.array([0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2], np.int64)
    lines = ["split,index,image"]
    lines += [f"training,{index},photo {index}.jpg" for index in range(6)]
    lines += [f"training,{index},{gans[labels[index]]} G1 {index}" for index in range(6, 12)]
    arrays = {"images": colours, "labels": labels, "held_out": colours[:1], "held_out_labels": labels[:1]}
    meta = {"name": "codebrim", "classes": ["crack", "other damage", "background"], "images": 12, "held_out": 1}
    write_store(store_of(run, user), arrays, "\n".join(lines) + "\n", meta)
    seen, draw = [], sheets.samples.draw
    monkeypatch.setattr(sheets.samples, "draw", lambda rows: seen.append(rows) or draw(rows))
    sheets.write_sheet(run, user, tmp_path / "sheet.png")
    assert [(name, images[:, 0, 0, 0].tolist()) for name, images in seen[0]] == [
        ("crack, real", [0, 20]), ("crack, generated", [120, 140]),
        ("other damage, real", [40, 60]), ("other damage, generated", [160, 180]),
        ("background, real", [80, 100]), ("background, generated", [200, 220]),
    ]  # fmt: skip
    assert Image.open(tmp_path / "sheet.png").size[0] > 100


def test_one_sheet_for_each_data_set(user):
    runs = catalog.one_of_each_store(TABLE, user)
    assert len({run.store for run in runs}) == len(runs) == 3 * (3 + 5)
