import re
import statistics

import numpy as np
import pandas as pd
import pytest

from advkd.artifacts import latex, number_format, table_captions, table_cells, table_layout, table_marks, tables
from advkd.files import read_json, write_json
from advkd.report import status
from advkd.runs.lookup import folder_of, state_of
from advkd.runs.state import Kind, State
from advkd.settings import catalog, config
from advkd.settings.feature_networks import NETWORKS

GROUPS = ["acgan/single", "acgan/okd", "sagan/single", "sagan/okd"]
META = {
    "features": "inception",
    "dims": 2048,
    "n_real": 2642,
    "n_held_out": 2643,
    "n_fake": 10000,
    "rank_deficient": False,
    "fid_leads": True,
}
DATA = {"name": "codebrim", "source": {"verified": "published checksum", "content": "0" * 64},
        "sha256": {"images.npy": "1" * 64}}  # fmt: skip
SEEDS = {"n": 3, "std": 0.1}  # two such means differ beyond 2.776 * 0.1 * √(2/3) = 0.227
COMPARED = {"kind": "run", "run": "okd/codebrim/sagan/okd", "decimals": "2", "status": "done"}


@pytest.fixture
def reduced(checkout):
    return config.user({"scale": "reduced", "seeds": 3, "override": {"okd": {"features": "inception"}}})


def metrics(one, **values):
    """Write a run's metrics as evaluation does: FIDs that depend on model, method and seed."""
    base = 100 + 10 * GROUPS.index(f"{one.run.model}/{one.run.method}") + one.run.seed
    found = {f"fid.G{i}": base + 0.1 * i for i in (1, 2, 3)} | {"fid.mean": base + 0.2, "kid.G1": 0.001 * base}
    folder = folder_of(one).path
    write_json(folder / "metrics.json", {"status": "done", "values": {**found, **values}, "meta": META})
    result = {"config_hash": one.hash, "status": "done", "sha256": {}}
    write_json(folder / "provenance.json", {"code": "0" * 12, "data": DATA, "result": result})
    write_json(folder / "result.json", result)


def fill(user, groups=GROUPS):
    for group in groups:
        for seed in range(3):
            metrics(config.resolve(f"okd/codebrim/{group}/seed{seed}", user))


def test_mean_and_sample_deviation_over_seeds(reduced):
    fill(reduced)
    row = next(row for row in table_cells.collect_rows("okd_table1", reduced) if row["row"] == "OKD-SAGAN G2")
    expected = np.array([130.2, 131.2, 132.2])
    assert row["mean"] == pytest.approx(expected.mean())
    assert row["std"] == pytest.approx(expected.std(ddof=1))
    assert (row["status"], row["n"], row["seeds"]) == ("done", 3, "0 1 2")


def test_missing_and_diverged_runs_are_said(reduced):
    fill(reduced, ["sagan/okd"])
    gone = config.resolve("okd/codebrim/acgan/single/seed1", reduced)
    result = {"config_hash": gone.hash, "status": "diverged", "step": 77, "sha256": {}}
    write_json(folder_of(gone).path / "result.json", result)
    found = {row["row"]: row["status"] for row in table_cells.collect_rows("okd_table1", reduced)}
    assert found["SAGAN"] == "not run" and found["OKD-SAGAN G1"] == "done"
    assert found["ACGAN"] == "diverged (seed 1 at step 77)"
    frame = table_layout.layout_table(table_cells.collect_rows("okd_table1", reduced), reduced).map(
        lambda entry: entry.text
    )
    words = frame.loc["ACGAN"].tolist()
    assert words.count("diverged (1 of 3), step 77") == 2, "in the columns that the others have"
    assert not [column for column in frame.columns if frame[column].eq("").all()]


def test_numbers_of_other_settings_are_not_shown_as_these(reduced):
    fill(reduced)
    other = config.user({"scale": "reduced", "seeds": 3, "override": {"okd": {"features": "inception", "rho": 0.3}}})
    found = {row["row"]: row["status"] for row in table_cells.collect_rows("okd_table1", other)}
    assert found["SAGAN"] == "done", "rho is none of its settings"
    assert found["OKD-SAGAN G1"] == "outdated"


def test_questions_are_answered_while_the_first_seed_is_missing(reduced):
    metrics(config.resolve("okd/codebrim/sagan/okd/seed1", reduced))
    found = {row["row"]: row["status"] for row in table_cells.collect_rows("okd_table1", reduced)}
    assert found["OKD-SAGAN G1"] == "1 of 3 seeds"


def test_where_kid_leads_it_is_kid_that_is_ranked():
    few = {**META, "fid_leads": False}
    row = {**COMPARED, "column": "FID", "metric": "fid.G1", "better": "lower", "meta": few}
    values = [("a", 10.0, 0.9), ("b", 20.0, 0.1), ("c", 30.0, 0.5), ("d", 5.0, 0.01)]
    exact = {"n": 1, "kid_n": 1, "kid_se_mean": 0.001}
    rows = [{**row, **exact, "row": name, "mean": fid, "kid_mean": kid} for name, fid, kid in values]
    del rows[-1]["mean"], rows[-1]["kid_mean"]
    rows[-1] |= {"status": "diverged (seed 0 at step 3)", "ended": "diverged, step 3"}
    assert table_marks.best_marks(rows) == {1: "bold", 2: "underline"}


@pytest.mark.parametrize("lack", [{"status": "not run"}, {"status": "damaged", "ended": "damaged"}])
def test_the_best_of_those_that_happen_to_be_there_is_not_marked(lack):
    row = {**COMPARED, "row": "Top-1 / a", "column": "x", "metric": "top1_error", "better": "lower"}
    rows = [{**row, **SEEDS, "mean": mean} for mean in (3.0, 2.0)] + [{**row, **lack}]
    rows += [{**row, **SEEDS, "row": "Top-5 / a", "mean": mean} for mean in (3.0, 2.0)]
    assert table_marks.best_marks(rows) == {4: "bold", 3: "underline"}


def test_best_is_bold_and_second_underlined(reduced):
    fill(reduced)
    rows = table_cells.collect_rows("okd_table1", reduced)
    marks = table_marks.best_marks(rows)
    named = {rows[n]["row"]: mark for n, mark in marks.items() if rows[n]["column"] == "FID"}
    # The FIDs are 101.2, 111.1, 111.2, …; of the generators of OKD-ACGAN none stands out.
    second = {f"OKD-ACGAN G{i}": "underline" for i in (1, 2, 3)}
    assert named == {"ACGAN": "bold", **second}
    assert table_marks.MEANING in table_captions.table_caption("okd_table1", rows, reduced)


@pytest.mark.parametrize(
    ("errors", "means", "marks"),
    [
        (SEEDS, (9.9, 10.0, 9.0, 8.0), {0: "bold", 1: "bold", 2: "underline"}),
        (SEEDS, (9.6, 10.0, 9.5, 8.0), {1: "bold", 0: "underline", 2: "underline"}),
        (SEEDS, (9.9, 10.0, 9.8), {}),
        ({"n": 1, "images_error": 0.1}, (9.7, 10.0, 9.8), {1: "bold", 2: "bold", 0: "underline"}),
        ({"n": 1}, (1.0, 10.0), {}),
        ({"n": 1}, (10.0, 10.0), {}),
    ],
)
def test_numbers_share_a_mark_unless_they_differ_by_more_than_their_error(errors, means, marks):
    row = {**COMPARED, **errors, "row": "a", "column": "x", "metric": "f1", "better": "higher"}
    rows = [{**row, "mean": mean} for mean in means]
    assert table_marks.best_marks(rows) == marks
    assert table_marks.marks_in_words(rows) == [table_marks.MEANING if marks else table_marks.UNMARKED]
    assert table_marks.marks_in_words(rows[:1]) == [], "one number is compared with none"


def test_smoke_marks_nothing(checkout):
    smoke = config.user({"scale": "smoke", "seeds": 3})
    fill(smoke)
    marks = table_layout.layout_table(table_cells.collect_rows("okd_table1", smoke), smoke).map(
        lambda entry: entry.mark
    )
    ours = [column for column in marks.columns if "ours" in column[1]]
    assert set(marks[ours].to_numpy().ravel()) == {""}


def test_the_three_forms_hold_the_same_numbers(reduced, tmp_path):
    fill(reduced)
    tables.write_table("okd_table1", reduced, tmp_path)
    frame = pd.read_csv(tmp_path / "okd_table1.csv")
    for row in frame.itertuples():
        shown = f"{row.mean:.2f} ± {row.std:.2f}"
        assert shown in (tmp_path / "okd_table1.md").read_text()
        assert latex.escape(shown) in (tmp_path / "okd_table1.tex").read_text()
    tex = (tmp_path / "okd_table1.tex").read_text()
    assert tex.count("{") == tex.count("}") and r"\bottomrule" in tex and "°" not in tex
    assert re.search(r"\\textbf\{10[01]\.\d\d", tex), "the best is bold"


def test_every_published_number_appears_as_printed(reduced, tmp_path):
    for table in ("aikd_table2", "gip_table5", "okd_table1"):
        tables.write_table(table, reduced, tmp_path)
        text = (tmp_path / f"{table}.md").read_text()
        for row in table_cells.collect_rows(table, reduced):
            assert number_format.format_published(row["published"], row["published_std"]) in text


def test_latex_needs_no_more_than_ascii(reduced, tmp_path):
    fill(reduced)
    tables.write_table("okd_table1", reduced, tmp_path)
    assert (tmp_path / "okd_table1.tex").read_text().isascii()


def test_few_images_put_kid_first_and_mark_the_rank(reduced):
    fill(reduced)
    rows = table_cells.collect_rows("okd_table1", reduced)
    row = next(row for row in rows if "kid_mean" in row)
    meta = {**META, "n_fake": 250, "rank_deficient": True, "fid_leads": False, "features": "efficientnet_lite0"}
    few = {**row, "meta": meta}
    entries = table_layout.our_entries(few, "ours")
    assert list(entries) == ["KID×10³, ours", "Fréchet*, ours"] and entries["Fréchet*, ours"].endswith("†")
    assert list(table_layout.our_entries(row, "ours")) == ["FID, ours", "KID×10³, ours"]


def test_the_caption_says_that_the_fid_of_real_crops_is_no_floor(reduced):
    fill(reduced)
    rows = table_cells.collect_rows("okd_table1", reduced)
    first = next(row for row in rows if "meta" in row)
    first |= {"fid.floor_mean": 25.345, "kid.floor_mean": 0.001234, "kid_se.floor_mean": 0.00051}
    text = table_captions.table_caption("okd_table1", rows, reduced)
    assert "held-out real crops: FID 25.34, KID×10³ 1.23." in text
    biased = "The FID falls with the number of images, and a generator draws 10,000, not 2,643: a perfect one"
    assert biased in text
    first["meta"] = {**first["meta"], "n_fake": 2643}
    text = table_captions.table_caption("okd_table1", rows, reduced)
    assert "held-out real crops: FID 25.34" in text and "FID falls with" not in text


@pytest.mark.parametrize("features", sorted(NETWORKS))
def test_the_caption_names_the_features(reduced, features):
    fill(reduced)
    rows = table_cells.collect_rows("okd_table1", reduced)
    first = next(row for row in rows if "meta" in row)
    first |= {"fid.floor_mean": 25.345, "kid.floor_mean": 0.001234}
    first["meta"] = {**first["meta"], "features": features}
    text = table_captions.table_caption("okd_table1", rows, reduced)
    assert f"KID on {NETWORKS[features].words}" in text
    warned = "comparable within this table only, never with published FIDs" in text
    called_fid = "held-out real crops: FID" in text
    assert warned != called_fid and called_fid == NETWORKS[features].is_fid == (features == "inception")


def test_an_evaluation_on_other_features_is_not_shown(checkout):
    user = config.user({"scale": "reduced", "seeds": 3})
    fill(user)  # on Inception's features, while this scale's are others
    rows = table_cells.collect_rows("okd_table1", user)
    assert {row["status"] for row in rows} == {"trained, not evaluated"} and not any("mean" in row for row in rows)


def test_a_run_that_older_code_evaluated_is_told(reduced, monkeypatch):
    fill(reduced)
    older = "okd/codebrim/sagan/okd/seed1"
    monkeypatch.setattr(
        table_cells, "state_of", lambda run: State(Kind.OLDER_EVALUATION if str(run.run) == older else Kind.DONE)
    )
    rows = table_cells.collect_rows("okd_table1", reduced)
    caption = table_captions.table_caption("okd_table1", rows, reduced)
    assert f"Measured before a change of advkd's code, and still counted: {older}." in caption
    marked = {row["row"] for row in rows if "evaluated_by_older_code" in row}
    assert marked == {row["row"] for row in rows if row["run"] == "okd/codebrim/sagan/okd"}


def test_the_official_number_stands_beside_a_paper_s_wrong_one(reduced, tmp_path):
    tables.write_table("aikd_table1", reduced, tmp_path)
    frame = pd.read_csv(tmp_path / "aikd_table1.csv")
    wrong = frame[frame["published"] != frame["official"]]
    assert set(zip(wrong["run"], wrong["metric"], strict=True)) == {("cifar100", "classes"), ("fgvc_aircraft", "valid")}
    assert frame["mean"].isna().all() if "mean" in frame else True


def test_states_of_runs(reduced):
    one = config.resolve("okd/codebrim/sagan/okd/seed0", reduced)
    folder = folder_of(one).path
    assert str(state_of(one)) == "not started"
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("2026-01-01 00:00:00 iteration 5/10\n")
    assert str(state_of(one)).startswith("unfinished: no checkpoint; see ")
    write_json(folder / "result.json", {"config_hash": "old", "status": "done", "sha256": {}})
    assert str(state_of(one)).startswith("outdated")
    write_json(folder / "result.json", {"config_hash": one.hash, "status": "diverged", "step": 3, "sha256": {}})
    assert str(state_of(one)).startswith("diverged: at step 3")
    assert f"{one.run}  diverged: at step 3" in status.report(reduced, False)


# --- a table of our own: the controls of Table 1


@pytest.fixture
def controls(reduced):
    """Fill Table S1: three generators whose best is another with every seed, and by KID another than by FID."""
    for number, one in enumerate(catalog.runs("okd_tableS1", reduced).values()):
        sets = [1, 2, 3][: one.settings["sets"]]
        fid = {i: 100 + number + 5 * ((i + one.run.seed) % 3) for i in sets}
        kid = {i: 0.3 - 0.001 * fid[i] for i in sets}
        values = {f"fid.G{i}": fid[i] for i in sets} | {f"kid.G{i}": kid[i] for i in sets}
        values |= {"fid.mean": statistics.fmean(fid.values()), "kid.mean": statistics.fmean(kid.values()),
                   "fid.mixture": 90.0, "kid.mixture": 0.02, "kid_se.G1": 0.0}  # fmt: skip
        metrics(one, **values, **({"inter_kid.final": 0.0123456} if len(sets) > 1 else {}))
    return reduced


COLUMNS = ("Mean", "Best", "Mixture")  # of Table S1, whose numbers are better the lower they are


def control_row(run, column, user):
    (found,) = [
        row for row in table_cells.collect_rows("okd_tableS1", user) if (row["run"], row["column"]) == (run, column)
    ]
    return found


def test_the_best_generator_is_chosen_run_by_run_and_then_averaged(controls):
    row = control_row("okd/codebrim/sagan/okd+rho=3", "Best", controls)
    folders = [f"{row['run']}/seed{seed}" for seed in range(3)]
    files = [read_json(folder_of(config.resolve(name, controls)).path / "metrics.json") for name in folders]
    for measure, prefix in (("fid", ""), ("kid", "kid_")):
        lowest = [min(file["values"][f"{measure}.G{i}"] for i in (1, 2, 3)) for file in files]
        assert row[f"{prefix}mean"] == pytest.approx(np.mean(lowest))
        assert row[f"{prefix}std"] == pytest.approx(np.std(lowest, ddof=1))
    chosen = [min((1, 2, 3), key=lambda i: file["values"][f"fid.G{i}"]) for file in files]
    assert len(set(chosen)) == 3 and "best" not in str(files), "of what was evaluated already"
    single = control_row("okd/codebrim/sagan/single", "Best", controls)
    assert single["mean"] == control_row("okd/codebrim/sagan/single", "Mean", controls)["mean"], (
        "one generator is the best"
    )


def test_nothing_published_no_column_for_it(controls, tmp_path):
    tables.write_table("okd_tableS1", controls, tmp_path)
    frame = table_layout.layout_table(table_cells.collect_rows("okd_tableS1", controls), controls)
    pairs = [(head, sub) for head in ("Mean", "Best", "Mixture") for sub in ("FID", "KID×10³")]
    assert list(frame.columns) == [*pairs, ("Neighbours", "KID×10³")]
    shown = frame.map(lambda entry: entry.text).loc[("SAGAN", "OKD rho = 1")]
    assert shown["Neighbours", "KID×10³"] == "12.35 ± 0.00" and shown["Mixture", "KID×10³"] == "20.00 ± 0.00"
    text = (tmp_path / "okd_tableS1.md").read_text()
    assert "Table S1: Controls for Table 1" in text and "(not in the paper)" in text and "Published" not in text
    assert "Best: the lowest FID, or KID, among the generators" in text
    assert "Published" in table_captions.table_caption(
        "okd_table1", table_cells.collect_rows("okd_table1", controls), controls
    )


def test_controls_are_compared_within_their_column_and_base(controls):
    rows = table_cells.collect_rows("okd_tableS1", controls)
    compared = []
    for ranking in table_marks.rankings(rows):
        places = {(rows[place]["row"].split(" / ")[0], rows[place]["column"]) for _, place in ranking}
        compared += places
        assert len(places) == 1 and len(ranking) > 1
    assert sorted(compared) == sorted((base, column) for base in ("SAGAN", "ACGAN") for column in COLUMNS)


def test_controls_that_are_not_run_say_so(reduced):
    frame = table_layout.layout_table(table_cells.collect_rows("okd_tableS1", reduced), reduced).map(
        lambda entry: entry.text
    )
    assert set(frame.to_numpy().ravel()) == {"–", ""} and "paper" not in frame.columns.get_level_values(1)
