import re
import statistics

import pandas as pd
import pytest
from gip_runs import WEIGHTS, end, finish

from advkd.artifacts import latex, table_captions, table_cells, table_layout, table_marks, tables
from advkd.metrics.classification import evaluate
from advkd.report import explain
from advkd.report.content.agreement import Agreement
from advkd.report.content.cell_facts import cell_facts
from advkd.runs.lookup import folder_of, state_of
from advkd.settings import catalog, config

TABLES = [f"gip_table{number}" for number in range(1, 8)]
RESNET, WRN = "gip/cifar10/resnet34/baseline/seed0", "gip/cifar10/wrn28_10/baseline/seed0"
GIP, TAUGHT = "gip/cifar10/resnet18/gip", "gip/cifar10/resnet18/gip+teacher=wrn28_10"
ALONE = "gip/cifar100/resnet18/gip+batch=256+beta=0+delta=0+gamma=0"  # One-Hot Loss


@pytest.fixture
def user(checkout):
    return config.user({"scale": "paper", "seeds": 3})


@pytest.fixture
def run(user):
    return lambda name: config.resolve(name, user)


@pytest.fixture
def fill(user):
    """Fill a table: everybody is right about an image more with every seed; students about three with every group."""

    def filling(table):
        groups = {}
        for one in catalog.runs(table, user).values():
            teacher = one.run.model in ("resnet34", "wrn28_10")
            place = groups.setdefault(one.run.group, len(groups))
            finish(one, one.run.seed + (80 if teacher else 52 + 3 * place))
        return user

    return filling


def teacher(run, seed):
    return run(WRN.replace("seed0", f"seed{seed}"))


def cell(table, row, column):
    (found,) = [one for one in catalog.cells(table) if (one.row, one.column) == (row, column)]
    return found


def entries(table, user):
    """The table's text by (row, column, whose), rows named as printed."""
    found = table_layout.layout_entries(table_cells.collect_rows(table, user), user)
    return {(" / ".join(key), *column): entry.text for (key, column), entry in found.items()}


def marks(table, user):
    rows = table_cells.collect_rows(table, user)
    return {(rows[n]["row"], rows[n]["column"]): mark for n, mark in table_marks.best_marks(rows).items()}


# --- accuracies


def test_accuracy_with_its_companions(user, run):
    for seed, (right, best) in enumerate([(60, 61), (64, 64), (63, 66)]):
        finish(run(f"{GIP}/seed{seed}"), right, best)
    row = table_cells.cell_row(cell("gip_table1", "CIFAR-10", "Proposed Method (%)"), user)
    assert (row["status"], row["n"], row["values"]) == ("done", 3, "60 64 63")
    assert row["mean"] == pytest.approx(62.3333333) and row["std"] == pytest.approx(2.0816660)
    assert row["best.accuracy_mean"] == pytest.approx((61 + 64 + 66) / 3)
    values = evaluate(*folder_of(run(f"{GIP}/seed0")).predictions("logits", "best_logits"))["values"]
    assert row["accuracy_low_values"].split()[0] == f"{values['accuracy_low']:.6g}"
    assert row["accuracy_low_mean"] < row["mean"] < row["accuracy_high_mean"]


def test_teachers_have_a_spread_over_seeds(fill):
    user = fill("gip_table4")
    row = table_cells.cell_row(cell("gip_table4", "CIFAR-10 / Our method", "Teacher (%)"), user)
    assert (row["mean"], row["std"], row["n"]) == (81, 1, 3)
    assert row["runs"].split() == [RESNET.replace("seed0", f"seed{seed}") for seed in range(3)]
    assert row["best.accuracy_mean"] == 70 and row["evaluation"]["n_images"] == 100
    shown = entries("gip_table4", user)
    assert shown["CIFAR-10 / Our method", "Teacher (%)", "ours (paper)"] == "81.0 ± 1.0"
    assert "±" in shown["CIFAR-10 / Our method", "Student (%)", "ours (paper)"]


# --- restored ratios


def test_the_paper_s_own_ratio(user, run):
    """95.50 ± 0.04 over 96.17 is printed as 99.30 ± 0.04: as with teachers that are all alike."""
    for seed, right in enumerate((9546, 9550, 9554)):
        finish(teacher(run, seed), 9617, images=10_000)
        finish(run(f"{TAUGHT}/seed{seed}"), right, images=10_000)
    row = table_cells.cell_row(cell("gip_table3", "Our method", "Restored Ratio (%)"), user)
    assert row["mean"] == pytest.approx(100 * 95.50 / 96.17) and row["std"] == pytest.approx(100 * 0.04 / 96.17)
    assert row["values"] == " ".join(f"{100 * student / 96.17:.6g}" for student in (95.46, 95.50, 95.54))
    shown = entries("gip_table3", user)
    ours, theirs = (shown["Our method", "Restored Ratio (%)", whose] for whose in ("ours (paper)", "paper"))
    assert ours == theirs == "99.30 ± 0.04"


@pytest.mark.parametrize(("right", "is_worse"), [(9300, True), (9617, False)])
def test_a_teacher_below_its_student_s_baseline_is_told(user, run, right, is_worse):
    baseline = TAUGHT.rpartition("/")[0] + "/baseline"
    for seed, correct in enumerate((9346, 9350, 9354)):
        finish(teacher(run, seed), right, images=10_000)
        finish(run(f"{TAUGHT}/seed{seed}"), correct + 200, images=10_000)
        finish(run(f"{baseline}/seed{seed}"), correct, images=10_000)
    rows = table_cells.collect_rows("gip_table3", user)
    row = next(row for row in rows if (row["row"], row["column"]) == ("Our method", "Restored Ratio (%)"))
    assert row["baseline_mean"] == pytest.approx(93.50)
    sentence = "The teacher is worse than its student's Baseline, trained without it: Our method (teacher 93.00"
    assert (sentence in table_captions.table_caption("gip_table3", rows, user)) is is_worse
    facts = dict(cell_facts(cell("gip_table3", "Our method", "Restored Ratio (%)"), row, Agreement()))
    assert facts["baseline"].endswith("the teacher is worse") is is_worse
    (ours,) = table_layout.our_entries(row, "").values()
    assert ours.endswith("¶") is is_worse
    text = explain.report("gip_table3", ["Our", "Ratio"], user)
    assert f"  ours        {ours}  at scale paper\n" in text and ("the teacher is worse\n" in text) is is_worse


def test_a_ratio_without_a_finished_baseline_says_that_its_teacher_is_not_judged(user, run):
    for seed in range(3):
        finish(teacher(run, seed), 96)
        finish(run(f"{TAUGHT}/seed{seed}"), 95)
    rows = table_cells.collect_rows("gip_table3", user)
    row = next(row for row in rows if (row["row"], row["column"]) == ("Our method", "Restored Ratio (%)"))
    caption = table_captions.table_caption("gip_table3", rows, user)
    assert "No Baseline is finished beside which the teacher could be judged: Our method." in caption
    facts = dict(cell_facts(cell("gip_table3", "Our method", "Restored Ratio (%)"), row, Agreement()))
    assert facts["baseline"].startswith("none finished")


def test_a_ratio_keeps_what_it_stands_on(fill, run, tmp_path):
    user = fill("gip_table3")
    row = table_cells.cell_row(cell("gip_table3", "Our method", "Restored Ratio (%)"), user)
    students, teachers = [run(f"{TAUGHT}/seed{seed}") for seed in range(3)], [teacher(run, seed) for seed in range(3)]
    runs = students + teachers
    assert row["runs"].split() == [str(one.run) for one in runs]
    assert row["config_hashes"].split() == [one.hash for one in runs]
    assert (row["status"], row["seeds"], row["n"]) == ("done", "0 1 2", 3)
    assert row["student_mean"] == pytest.approx(statistics.fmean(map(float, row["student_values"].split())))
    assert row["teacher_values"] == "80 81 82"
    own = [100 * right / (80 + seed) for seed, right in enumerate(map(float, row["student_values"].split()))]
    assert row["values"] == " ".join(f"{ratio:.6g}" for ratio in own), "each student's teacher is that of its seed"
    assert (row["mean"], row["std"]) == pytest.approx((statistics.fmean(own), statistics.stdev(own)))
    assert row["data"]["name"] == "cifar10" and row["evaluation"]["classes"] == 10
    tables.write_table("gip_table3", user, tmp_path)
    frame = pd.read_csv(tmp_path / "gip_table3.csv").set_index(["row", "column"])
    kept = frame.loc["Our method", "Restored Ratio (%)"]
    assert kept["mean"] == pytest.approx(row["mean"]) and kept["data"] == "published checksum"
    assert f"% {WRN} {teachers[0].hash}" in (tmp_path / "gip_table3.tex").read_text()


@pytest.mark.parametrize(
    ("student", "teacher", "expected", "entry"),
    [
        (None, None, "student not run, teacher not run", "–"),
        ({}, None, "teacher not run", "–"),
        (None, {}, "student not run", "–"),
        ("stale", {}, "student outdated", "–"),
        ({}, "stale", "student outdated, teacher outdated", "–"),  # the student learned from it
        ({"status": "diverged", "step": 900, "epoch": 3}, {}, "diverged (seed 0 at epoch 3)", "diverged, epoch 3"),
        ({}, {"status": "diverged", "step": 900, "epoch": 7}, "teacher diverged (seed 0 at epoch 7)",
         "teacher diverged, epoch 7"),
        ({"status": "blocked", "parent": WRN, "reason": "diverged"}, {"status": "diverged", "step": 9, "epoch": 7},
         f"blocked (seed 0 by {WRN})", "blocked"),
        ({}, {}, "done", "75.0 ± 6.1§"),
        ({}, {"right": 0}, "teacher without a right answer", "–"),
    ],
)  # fmt: skip
def test_a_ratio_needs_both_sides(checkout, student, teacher, expected, entry):
    user = config.user({"scale": "paper", "seeds": 1})
    for name, outcome in ((f"{TAUGHT}/seed0", student), (WRN, teacher)):
        one = config.resolve(name, user)
        if outcome == "stale":
            end(one, status="done", config_hash="other")
        elif outcome is not None and "status" in outcome:
            end(one, **outcome)
        elif outcome is not None:
            finish(one, **{"right": 80 if name == WRN else 60, **outcome})
    row = table_cells.cell_row(cell("gip_table3", "Our method", "Restored Ratio (%)"), user)
    assert row["status"] == expected
    assert row.get("mean") == (75 if expected == "done" else None)
    assert entries("gip_table3", user)["Our method", "Restored Ratio (%)", "ours (paper)"] == entry


def test_a_ratio_s_error_over_images_is_of_the_seeds_that_have_a_ratio(user, run):
    for seed, right in enumerate((20, 60, 70)):
        finish(run(f"{TAUGHT}/seed{seed}"), right)
    for seed, right in ((1, 80), (2, 90)):
        finish(teacher(run, seed), right)
    row = table_cells.cell_row(cell("gip_table3", "Our method", "Restored Ratio (%)"), user)
    errors = []
    for seed, right in ((1, 80), (2, 90)):
        values = evaluate(*folder_of(run(f"{TAUGHT}/seed{seed}")).predictions("logits", "best_logits"))["values"]
        errors.append(100 / right * (values["accuracy_high"] - values["accuracy_low"]) / 2 / 1.959963984540054)
    assert row["n"] == 2 and row["images_error"] == pytest.approx(statistics.fmean(errors))


def test_a_student_without_a_right_answer_has_a_ratio(checkout):
    user = config.user({"scale": "paper", "seeds": 1})
    finish(config.resolve(f"{TAUGHT}/seed0", user), 0)
    finish(config.resolve(WRN, user), 80)
    row = table_cells.readable_row(cell("gip_table3", "Our method", "Restored Ratio (%)"), user)
    assert (row["status"], row["mean"], row["images_error"]) == ("done", 0, 0)


# --- runs that ended badly


def test_a_diverged_combination_is_said_with_its_epoch_and_has_no_number(fill, run, tmp_path):
    user = fill("gip_table5")
    end(run(f"{ALONE}/seed1"), status="diverged", step=900, epoch=3)
    tables.write_table("gip_table5", user, tmp_path)
    frame = pd.read_csv(tmp_path / "gip_table5.csv").set_index("row")
    gone = frame.loc["One-Hot Loss"]
    assert gone["status"] == "diverged (seed 1 at epoch 3)" and gone["seeds"] == "0 2"
    assert gone[["mean", "std", "best.accuracy_mean"]].isna().all(), "a mean of the seeds left would be chosen by luck"
    assert len(gone["values"].split()) == 2
    (line,) = [line for line in (tmp_path / "gip_table5.md").read_text().splitlines() if line.startswith("| One-Hot ")
               and line.count("Loss") == 1]  # fmt: skip
    assert [part.strip() for part in line.split("|")[2:4]] == ["1.00", "diverged (1 of 3), epoch 3"]
    assert frame["mean"].notna().sum() == 14
    end(run(f"{ALONE}/seed0"), status="diverged", step=1500, epoch=5)
    assert entries("gip_table5", user)["One-Hot Loss", "Accuracy (%)", "ours (paper)"] == (
        "diverged (2 of 3), epochs 3, 5"
    )


def test_a_blocked_student_names_its_parent(checkout):
    user = config.user({"scale": "paper", "seeds": 1})
    end(config.resolve(f"{GIP}/seed0", user), status="blocked", parent=RESNET, reason="diverged at step 9")
    row = table_cells.cell_row(cell("gip_table1", "CIFAR-10", "Proposed Method (%)"), user)
    assert (row["status"], row["ended"]) == (f"blocked (seed 0 by {RESNET})", "blocked") and "mean" not in row
    assert "Ours at scale paper: no number." in table_captions.table_caption(
        "gip_table1", table_cells.collect_rows("gip_table1", user), user
    )


def test_status_says_epoch_or_step(user, run):
    end(run(f"{GIP}/seed0"), status="diverged", step=900, epoch=3)
    assert str(state_of(run(f"{GIP}/seed0"))).startswith("diverged: at epoch 3; see ")
    gan = "gip/cifar10/acgan/acgan/seed0"
    end(run(gan), status="diverged", step=40)
    assert str(state_of(run(gan))).startswith("diverged: at step 40; see ")


# --- quoted numbers


def test_quoted_numbers_and_their_ratios_are_marked(user):
    quoted = {
        "gip_table3": {("GAN-TSC", column, "paper") for column in
                       ("Teacher (WideResNet-28-10) (%)", "Student (ResNet-18) (%)", "Restored Ratio (%)")},
        "gip_table4": {(f"{name} / DAFL", column, "paper") for name in ("CIFAR-10", "CIFAR-100")
                       for column in ("Teacher (%)", "Student (%)", "Restored Ratio (%)")},
    }  # fmt: skip
    for table in catalog.tables():
        assert {key for key, text in entries(table, user).items() if "‡" in text} == quoted.get(table, set())
        words = table_captions.table_caption(table, table_cells.collect_rows(table, user), user)
        assert words.count("‡Quoted by the paper from elsewhere") == (table in quoted)


def test_quoted_numbers_stay_beside_our_re_implementation_s(fill, tmp_path):
    tables.write_table("gip_table4", fill("gip_table4"), tmp_path)
    frame = pd.read_csv(tmp_path / "gip_table4.csv").set_index(["row", "column"])
    both = frame.loc["CIFAR-10 / DAFL", "Student (%)"]
    assert both["quoted"] and both["published"] == 92.22 and 50 < both["mean"] < 80
    assert not frame.loc["CIFAR-10 / Our method", "Student (%)"]["quoted"]
    assert "92.22‡" in (tmp_path / "gip_table4.md").read_text()
    assert latex.escape("92.22‡") in (tmp_path / "gip_table4.tex").read_text()
    assert len({latex.escape(mark) for mark in "*†‡"}) == 3, "marks stay distinct"


# --- captions


def test_captions_say_what_is_measured(fill):
    words = {name: table_captions.table_caption(name, table_cells.collect_rows(name, user), user)
             for name in ("gip_table1", "gip_table3") for user in [fill(name)]}  # fmt: skip
    for text in words.values():
        assert "Accuracy: in %, after the last epoch" in text
        assert "Ours at scale paper: 3 seeds, mean ± sample standard deviation." in text
    ratio = "Restored ratio: the student's accuracy in % of the accuracy of its own teacher, which has the same seed."
    assert ratio in words["gip_table3"]
    assert "teacher" not in words["gip_table1"]


def test_the_reconstruction_of_table_5_is_said_once(user):
    words = table_captions.table_caption("gip_table5", table_cells.collect_rows("gip_table5", user), user)
    assert words.count("In our copy of the text: no check marks;") == 1
    assert words.count("row inferred from lexicographic order") == 1
    assert "confirmed" not in words and "chance" not in words, "what is said of single rows stands in the CSV"
    for table in set(catalog.tables()) - {"gip_table5"}:
        assert "Of every published number" not in table_captions.table_caption(
            table, table_cells.collect_rows(table, user), user
        )


# --- marks


def test_methods_are_compared_within_a_data_set(fill):
    user = fill("gip_table1")
    shown = {key: table_cells.cell_row(cell("gip_table1", *key), user)["mean"] for key in marks("gip_table1", user)}
    for name in ("CIFAR-10", "CIFAR-100"):
        ranked = sorted((key for key in shown if key[0] == name), key=shown.get, reverse=True)
        assert [marks("gip_table1", user)[key] for key in ranked] == ["bold", "underline"]
    assert len(shown) == 4


def test_teachers_are_not_compared(fill):
    for table in ("gip_table3", "gip_table4"):
        found = marks(table, fill(table))
        assert found and not any(column.startswith("Teacher") for _, column in found)
    rows = {name.partition(" / ")[0] for name, _ in found}
    assert rows == {"CIFAR-10", "CIFAR-100"} and len(found) == 8, "student and ratio, best and second, each data set"


def test_training_lengths_stand_beside_each_other_and_are_compared(fill):
    assert marks("gip_table6", fill("gip_table6")) == {
        ("ResNet-18", "Accuracy (%) / 300 Epochs"): "bold",
        ("ResNet-18", "Accuracy (%) / 200 Epochs"): "underline",
    }


def test_the_paper_s_marks_are_what_our_rule_gives(user):
    """Ranked by the published numbers, our rule marks what AI-KD's Table 4 marks."""
    certain = {"std": 0.001, "n": 3}
    rows = table_cells.collect_rows("aikd_table4", user)
    rows = [{**row, "mean": float(row["published"]), **certain} for row in rows]
    found = table_marks.best_marks(rows)
    assert [found.get(number, "") for number in range(len(rows))] == [row["published_mark"] for row in rows]


# --- LaTeX


@pytest.mark.parametrize("table", TABLES)
def test_latex_is_balanced_ascii(table, fill, tmp_path):
    tables.write_table(table, fill(table), tmp_path)
    text = (tmp_path / f"{table}.tex").read_text()
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert text.isascii() and body.count("{") == body.count("}") and body.count("$") % 2 == 0
    assert not re.search(r"(?<!\\)[%#_]", re.sub(r"\\label\{[^}]*\}", "", body)), "special characters are escaped"


# --- explain


def test_a_ratio_is_explained_by_both_sides(fill):
    text = explain.report("gip_table3", ["Our", "Ratio"], fill("gip_table3"))
    row = table_cells.cell_row(cell("gip_table3", "Our method", "Restored Ratio (%)"), fill("gip_table3"))
    student = f"{row['student_mean']:.1f} ± {row['student_std']:.1f}"
    assert f"  student     {student}, done; values 58.0 59.0 60.0\n" in text
    assert "  teacher     81.0 ± 1.0, done\n" in text
    for seed in range(3):
        assert f"  run         {TAUGHT}/seed{seed}: " in text
        own = WRN.replace("seed0", f"seed{seed}")
        assert f"  run         {own}: " in text
        assert f"    teacher            learned from {own}, weights {WEIGHTS}\n" in text


def test_quoted_numbers_are_explained(fill):
    user = fill("gip_table4")
    text = explain.report("gip_table4", ["CIFAR-10", "DAFL", "Student"], user)
    assert "  published   92.22\n" in text
    assert "  quoted      by the paper from elsewhere; ours is of our re-implementation\n" in text
    assert re.search(r"  ours        \d\d\.\d ± 1\.0  at scale paper\n", text)
    assert "  status      done\n" in text and re.search(r"  values      \d\d\.0 \d\d\.0 \d\d\.0\n", text)
    assert "  best.accuracy 70" in text and "gip/cifar10/resnet18/dafl/seed2" in text
    text = explain.report("gip_table4", ["CIFAR-10", "DAFL", "Ratio"], user)
    assert "  published   96.48\n" in text
    assert "  quoted      a ratio of numbers that the paper quotes from elsewhere; " in text


def test_parents_of_every_role_are_explained(user, run):
    for seed in range(3):
        finish(run(f"gip/cifar10/reactnet18/gip/seed{seed}"))
        finish(run(f"gip/cifar10/resnet18/gantsc+teacher=wrn28_10/seed{seed}"))
    text = explain.report("gip_table2", ["CIFAR-10", "Proposed"], user)
    start = "gip/cifar10/reactnet18/gip+binary=activations/seed1"
    assert f"    start              started from {start}, weights" in text
    assert f"    teacher            learned from {RESNET}" in text
    text = explain.report("gip_table3", ["GAN-TSC", "Student"], user)
    assert "    gan                learned from gip/cifar10/acgan/acgan/seed0" in text and f"learned from {WRN}" in text


def test_survivors_are_told_without_a_mean(user, run):
    for seed, right in ((0, 60), (2, 64)):
        finish(run(f"{GIP}/seed{seed}"), right)
    end(run(f"{GIP}/seed1"), status="diverged", step=900, epoch=3)
    text = explain.report("gip_table1", ["CIFAR-10", "Proposed"], user)
    assert "  ours        –  at scale paper\n" in text
    assert "  status      diverged (seed 1 at epoch 3)\n  values      60.00 64.00\n" in text
    assert "    outcome            diverged at epoch 3\n" in text
    assert "    sha256 model       none (diverged)" in text
