"""No reader shows the number of a run whose folder, or whose parents, hold other files than it was trained with."""

import shutil

import pytest
from gip_runs import WEIGHTS, finish

from advkd.artifacts.table_cells import collect_rows
from advkd.claims.our_numbers import OurNumbers
from advkd.claims.predicates.base import Quantity
from advkd.errors import UserError
from advkd.files import read_json, write_json
from advkd.report import explain, measure, status
from advkd.runs.lookup import finished, folder_of, state_of
from advkd.runs.state import Kind
from advkd.settings import catalog, config

STUDENT, TEACHER = "gip/cifar10/resnet18/gip", "gip/cifar10/resnet34/baseline"


@pytest.fixture
def user(checkout):
    return config.user({"scale": "paper", "seeds": 2})


@pytest.fixture
def runs(user):
    """Two finished students and their teacher."""
    names = [f"{STUDENT}/seed0", f"{STUDENT}/seed1", f"{TEACHER}/seed0"]
    resolved = [config.resolve(name, user) for name in names]
    for run in resolved:
        finish(run)
    return resolved


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
        f"stale: its teacher {TEACHER}/seed0 was trained again since; the next snakemake trains it again"
    )
    assert finished(student) is None and state_of(teacher).done
    assert [row["status"] for row in rows_of(user)] == ["stale"] * len(rows_of(user))
    assert not any("mean" in row for row in rows_of(user))
    assert "was trained again since" in status.report(user, everything=False)
    assert "was trained again since" in explain.report(name, [], user)
    with pytest.raises(UserError, match="stale: its teacher .* was trained again since"):
        measure.report(name, None, user)
    assert OurNumbers(user).number(Quantity(STUDENT, "accuracy")).sample is None


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
    folder = folder_of(run)
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
    with pytest.raises(UserError, match="holds the files of|differs from the copy"):
        measure.report(str(own.run), None, user)
    assert {row["status"] for row in rows_of(user)} == {"damaged"}
    assert catalog.all_runs(user)
