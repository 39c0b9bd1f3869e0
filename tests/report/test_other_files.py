"""No reader shows the number of a run whose folder, or whose parents, hold other files than it was trained with."""

import shutil
from pathlib import Path

import pytest
from gip_runs import WEIGHTS, finish

from advkd.artifacts import tables
from advkd.artifacts.figure_captions import figure_caption
from advkd.artifacts.table_cells import collect_rows, readable_row
from advkd.artifacts.table_records import table_record
from advkd.claims.evidence import data_cautions, join_all
from advkd.claims.our_numbers import OurNumbers
from advkd.claims.predicates.base import Quantity
from advkd.data.folder_source import folder_state, remember_content
from advkd.errors import UserError
from advkd.files import read_json, write_json
from advkd.report import explain, measure, status
from advkd.runs.folder_writer import WritableFolder
from advkd.runs.lookup import finished, folder_of, state_of
from advkd.runs.state import Kind
from advkd.runs.stores import store_of
from advkd.settings import catalog, config
from advkd.settings.evidence_plan import Contrast, Plan

STUDENT, TEACHER = "gip/cifar10/resnet18/gip", "gip/cifar10/resnet34/baseline"


@pytest.fixture
def user(checkout):
    return config.user({"scale": "paper", "seeds": 2})


@pytest.fixture
def runs(user):
    """Two finished students, and the teacher of the first."""
    students = [config.resolve(f"{STUDENT}/seed{seed}", user) for seed in range(2)]
    teachers = [student.parents["teacher"] for student in students]
    for run in (*students, *teachers):
        finish(run)
    return [*students, teachers[0]]


def train_again(run):
    """Give a run other weights, as another training would."""
    for name in ("result.json", "provenance.json"):
        path = folder_of(run).path / name
        content = read_json(path)
        result = content.get("result", content)
        result["sha256"]["model.safetensors"] = "cd" * 32
        write_json(path, content)


def rows_of(user):
    return [row for row in collect_rows("gip_table1", user) if row["run"] == STUDENT]


def test_nobody_shows_a_student_whose_teacher_was_trained_again(runs, user):
    student, _, teacher = runs
    name = str(student.run)
    assert state_of(student).done and all("mean" in row for row in rows_of(user))
    train_again(teacher)
    state = state_of(student)
    assert state.kind is Kind.STALE and not state.finished, "the Snakefile makes again what is stale"
    assert str(state) == (
        f"outdated: its teacher {TEACHER}/seed0 was trained again since; the next snakemake trains it again"
    )
    assert finished(student) is None and state_of(teacher).done
    assert {row["status"] for row in rows_of(user)} == {"1 of 2 seeds"}
    assert {row["seeds"] for row in rows_of(user)} == {"1"}
    assert "was trained again since" in status.report(user, everything=False)
    assert "was trained again since" in explain.report(name, [], user)
    with pytest.raises(UserError, match=r"outdated: its teacher .* was trained again since"):
        measure.report(name, None, user)
    assert OurNumbers(user).number(Quantity(STUDENT, "accuracy")).status == "1 of 2 seeds"


def test_a_student_is_stale_where_its_teacher_is(runs, user):
    student, _, teacher = runs
    for name in ("result.json", "provenance.json"):
        path = folder_of(teacher).path / name
        content = read_json(path)
        content.get("result", content)["config_hash"] = "of other settings"
        write_json(path, content)
    assert f"its teacher {TEACHER}/seed0 has other settings today" in str(state_of(student))


def test_a_student_is_shown_where_its_teacher_is_not_here(runs, user):
    """Results may come without the runs that they rest on."""
    student, _, teacher = runs
    shutil.rmtree(folder_of(teacher).path)
    assert state_of(student).done
    finish(teacher)
    assert WEIGHTS in str(folder_of(teacher).result()) and state_of(student).done


def test_nobody_shows_a_number_without_its_provenance(runs, user):
    student = runs[0]
    (folder_of(student).path / "provenance.json").unlink()
    with pytest.raises(UserError, match=r"provenance\.json is missing"):
        measure.report(str(student.run), None, user)
    assert {row["status"] for row in rows_of(user)} == {"damaged"}
    assert state_of(student).kind is Kind.DAMAGED


def name_itself(run):
    """Write the run's name into its files, as a training does."""
    folder = WritableFolder(folder_of(run).path)
    result = {"run": str(run.run), **folder.result()}
    write_json(folder.file("provenance.json"), {**folder.provenance(), "result": result})
    write_json(folder.file("result.json"), result)
    folder.write_document(run.document())


@pytest.mark.parametrize("kept", [(), ("config.yaml",), ("config.yaml", "provenance.json"), ("result.json",)])
def test_the_files_of_another_run_are_told(runs, user, kept):
    """Whichever of its own files the folder keeps."""
    own, other = runs[:2]
    for run in (own, other):
        name_itself(run)
    folder = folder_of(own).path
    for path in folder_of(other).path.iterdir():
        if path.name not in kept:
            shutil.copy(path, folder)
    state = state_of(own)
    assert state.kind is Kind.DAMAGED, "which the Snakefile leaves alone"
    if "provenance.json" not in kept and "result.json" not in kept:
        assert f"{folder} holds the files of {other.run}: move them" in str(state)
    with pytest.raises(UserError, match=r"holds the files of|differs from the copy"):
        measure.report(str(own.run), None, user)
    assert {row["status"] for row in rows_of(user)} == {"damaged"}
    assert catalog.all_runs(user)


@pytest.fixture
def own(checkout, tmp_path):
    """A user with a folder of images in CIFAR-10's place, two students, their teachers and the store of all."""
    images = tmp_path / "images"
    images.mkdir()
    user = config.user({"scale": "paper", "seeds": 2, "folders": {"cifar10": str(images)}})
    for group in (STUDENT, TEACHER):
        for seed in range(2):
            finish(config.resolve(f"{group}/seed{seed}", user))
    first = config.resolve(f"{STUDENT}/seed0", user)
    data = folder_of(first).provenance()["data"]
    store = store_of(first, user)
    write_json(store / "meta.json", {"name": "cifar10", "source": data["source"], "sha256": data["sha256"]})
    remember_content(store, folder_state(images), data["source"]["content"])
    return user


def change_content(user):
    (Path(user.folders["cifar10"]) / "new.png").write_bytes(b"new")


def remove_folder(user):
    Path(user.folders["cifar10"]).rmdir()


def prepare_for_another_clone(user):
    path = store_of(config.resolve(f"{STUDENT}/seed0", user), user) / "meta.json"
    write_json(path, {**read_json(path), "sha256": {"images.npy": "2" * 64}})


def texts_of_all_readers(user):
    run = config.resolve(f"{STUDENT}/seed0", user)
    one = Contrast(id="a", claim="b", metric="accuracy", direction="higher", better=STUDENT, than=TEACHER, margin="1",
                   made="c")  # fmt: skip
    plan = Plan(scale="paper", seeds=2, contrasts=(one,), later=())
    return {
        "measure": measure.report(str(run.run), None, user),
        "table": table_record("gip_table1", user).caption,
        "figure": figure_caption("gip_figureS1", user, [run], "note", {}),
        "status": status.report(user, everything=False),
        "explain a run": explain.report(str(run.run), [], user),
        "explain a cell": explain.report("gip_table1", ["Proposed", "CIFAR-10"], user),
        "claims": " ".join(OurNumbers(user).number(Quantity(STUDENT, "accuracy")).cautions),
        "evidence": " ".join(data_cautions(join_all(plan, user), user)),
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (change_content, "its folder of images changed, or is another one"),
        (remove_folder, "the folder of images that `folders` names for cifar10 is gone"),
        (prepare_for_another_clone, "it holds other images than the run was trained on"),
    ],
)
def test_every_reader_tells_that_the_images_changed(own, change, reason, tmp_path):
    caution = f"data set {store_of(config.resolve(f'{STUDENT}/seed0', own), own).name}: "
    before = texts_of_all_readers(own)
    assert not [text for text in before.values() if reason in text]
    change(own)
    after = texts_of_all_readers(own)
    assert not [reader for reader, text in after.items() if caution not in text or reason not in text]
    assert not [reader for reader, text in after.items() if own.folders["cifar10"] in text], "a person's path"
    tables.write_table("gip_table1", own, tmp_path)
    for ending in ("md", "tex"):
        text = (tmp_path / f"gip_table1.{ending}").read_text()
        assert "Of outdated data" in text and own.folders["cifar10"] not in text


def test_a_statistic_that_cannot_be_counted_names_no_path(checkout, tmp_path):
    user = config.user({"scale": "paper", "seeds": 1, "data_root": str(tmp_path / "data")})
    cells = {table: [cell for cell in catalog.cells(table) if cell.kind == "data"] for table in catalog.tables()}
    table = next(table for table, counted in cells.items() if counted)
    one = catalog.counted_stores(table, user)[cells[table][0].run]
    write_json(store_of(one, user) / "meta.json", {"name": "another"})
    row = readable_row(cells[table][0], user)
    assert row["damage"].startswith(f"{one.store} holds another, not ")
    tables.write_table(table, user, tmp_path)
    assert [path for path in tmp_path.glob(f"{table}.*") if str(tmp_path) in path.read_text()] == []
