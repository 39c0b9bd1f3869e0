"""SIGKILL at random moments: a job that is killed and started again ends as if nothing had happened.

By default each job is killed once. A series of kills, and one kill before every change of a file:

    python -m pytest tests/faults/test_kills.py --kills 25 --kill-figures kills.json
"""

import fcntl
import threading
from pathlib import Path

import numpy as np
import pytest
from killed import BRIEF_WORKS, WORKS
from kills import contents, endure, endure_everywhere, live, write_figures

from advkd import locks
from advkd.data import store
from advkd.data.store_draft import DRAFT_SUFFIX, draft_store, write_store

MANY = 25  # kills; enough to continue from many different steps
QUICK = ("gan_store",)  # jobs that are short enough for every run of the tests


@pytest.fixture(scope="module")
def ask(pytestconfig):
    """Return an option of the command line, or its default if pytest has not loaded this folder's options."""
    return pytestconfig.getoption


@pytest.mark.parametrize("name", WORKS)
def test_a_killed_job_ends_with_the_same_bytes_and_leaves_no_other_files(name, ask, tmp_path):
    work = WORKS[name](name, tmp_path)
    series = endure(work, ask("--kills", 1), ask("--kill-seed", 0))
    if file := ask("--kill-figures", None):
        write_figures(Path(file), series)
    assert not series.differences, f"seed {series.seed}: {series.differences}"
    assert series.kills == ask("--kills", 1)
    if work.run and series.kills >= MANY:
        assert any(series.from_steps), "some continued from a checkpoint"
        assert series.in_parts.keys() == work.parts.keys(), "some continued in each part of an epoch"


def pytest_generate_tests(metafunc):
    if "brief" in metafunc.fixturenames:
        series = metafunc.config.getoption("--kills", 1) >= MANY
        metafunc.parametrize("brief", BRIEF_WORKS if series else QUICK)


def test_a_job_killed_before_any_change_of_a_file_ends_the_same(brief, ask, tmp_path):
    work = BRIEF_WORKS[brief](brief, tmp_path)
    work.name += ", at every change"
    series = endure_everywhere(work)
    if file := ask("--kill-figures", None):
        write_figures(Path(file), series)
    assert not series.differences, series.differences
    assert series.kills > 5


def test_the_next_life_deletes_the_half_written_file_of_safetensors(tmp_path):
    work = BRIEF_WORKS["classifier"]("classifier", tmp_path)
    half = work.place / work.run / ".tmpA1b2C3"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    live(work)
    assert (half.parent / "model.safetensors").exists() and not half.exists()


ARRAYS = {name: np.zeros((2, 4, 4, 3), np.uint8) for name in store.ARRAYS}


def drafted(folder: Path, name: str) -> Path:
    """Make the draft of a store as a killed preparation leaves it; return its lock."""
    draft = folder / f".{name}{DRAFT_SUFFIX}"
    (draft / name).mkdir(parents=True)
    (draft / name / "images.npy").write_bytes(b"half")
    (draft / "lock").touch()
    return draft / "lock"


def test_a_preparation_deletes_only_the_draft_of_its_own_store(tmp_path):
    other, living = drafted(tmp_path, "other"), drafted(tmp_path, "living")
    drafted(tmp_path, "set")
    (tmp_path / f".empty{DRAFT_SUFFIX}").mkdir()  # killed before it made its lock
    write_store(tmp_path / "empty", ARRAYS, "", {})
    (elsewhere := tmp_path / "elsewhere").mkdir()
    (elsewhere / "file").touch()
    (tmp_path / f".link{DRAFT_SUFFIX}").symlink_to(elsewhere)
    with living.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = contents(living.parent)
        write_store(tmp_path / "set", ARRAYS, "", {})
        assert contents(living.parent) == before
    left = [f".link{DRAFT_SUFFIX}", living.parent.name, other.parent.name]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*left, "elsewhere", "empty", "set"]
    assert (elsewhere / "file").exists()
    assert len(store.Store.open(tmp_path / "set").images) == 2


def test_two_preparations_of_one_store_take_turns(tmp_path, monkeypatch):
    waits = threading.Event()
    monkeypatch.setattr(locks, "PATIENCE", 0.0)
    monkeypatch.setattr(locks, "say", lambda line: waits.set() if "waiting for it to end" in line else None)
    second = threading.Thread(target=write_store, args=(tmp_path / "set", ARRAYS, "second", {}))
    with draft_store(tmp_path / "set", 0) as first:
        second.start()
        assert waits.wait(30)
        for name, array in ARRAYS.items():
            first.save(name, array)
        first.finish("first", {})
        assert not (tmp_path / "set").exists()
    second.join(30)
    assert (tmp_path / "set/manifest.csv").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
