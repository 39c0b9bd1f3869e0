import errno
import resource
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from advkd import files
from advkd.data.store import Store
from advkd.data.store_draft import draft_store, write_store
from advkd.errors import UserError

ARRAYS = {
    "images": np.arange(5 * 48, dtype=np.uint8).reshape(5, 4, 4, 3),
    "labels": np.arange(5),
    "held_out": np.zeros((0, 4, 4, 3), np.uint8),
    "held_out_labels": np.zeros(0, np.int64),
}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "stores" / "set"


def write(out, **changed):
    return write_store(out, {**ARRAYS, **changed}, "split\n", {"name": "set"})


def test_rows_may_come_in_any_order(out):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), dtype=np.uint8)
    with draft_store(out, 1000) as draft:
        with draft.row_writer("images", images.shape) as rows, draft.row_writer("held_out", (0, 4, 4, 3)):
            for index in (3, 0, 4, 1, 2):
                rows[index] = images[index]
        for name in ("labels", "held_out_labels"):
            draft.save(name, ARRAYS[name])
        meta = draft.finish("split\n", {"name": "set"})
    assert meta == write(out.with_name("whole"), images=images)
    for path in out.iterdir():
        assert path.read_bytes() == (out.with_name("whole") / path.name).read_bytes()


@pytest.mark.parametrize(
    ("index", "row"),
    [(2, np.zeros((4, 4, 3), np.uint8)), (-1, np.zeros((4, 4, 3), np.uint8)), (0, np.zeros((4, 4, 3))),
     (0, np.zeros((4, 3, 4), np.uint8))],
)  # fmt: skip
def test_a_row_that_does_not_belong_is_refused_and_nothing_left_behind(out, index, row):
    with (
        pytest.raises(ValueError, match="is not a row"),
        draft_store(out, 1000) as draft,
        draft.row_writer("images", (2, 4, 4, 3)) as rows,
    ):
        rows[index] = row
    assert list(out.parent.iterdir()) == []


def test_writing_again_replaces(out):
    write(out)
    write(out, images=ARRAYS["images"] + 1)
    assert Store.open(out).images[0, 0, 0, 0] == 1
    out.with_name("other").mkdir()
    write(out.with_name("other"))
    assert sorted(path.name for path in out.parent.iterdir()) == ["other", "set"]


def test_no_room_is_told_before_anything_is_written(out, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100))
    with pytest.raises(UserError, match=r"no room in .*0\.0 MB are needed.*free some"):
        write(out)
    assert not out.parent.exists()


@pytest.mark.parametrize("before", [False, True])
def test_a_disk_that_fills_up_leaves_nothing_behind(out, before):
    large = np.zeros((40, 64, 64, 3), np.uint8)
    if before:
        write(out)
    else:
        out.parent.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(UserError, match=r"cannot write .*set \(.*\): 0\.5 MB are needed"):
            write(out, images=large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in out.parent.iterdir()] == (["set"] if before else [])
    if before:
        assert len(Store.open(out).images) == 5


def test_a_disk_that_fills_up_while_rows_are_written(out):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with (
            pytest.raises(UserError, match=r"cannot write .*set \(.*\): 0\.5 MB are needed"),
            draft_store(out, 500_000) as draft,
            draft.row_writer("images", (40, 64, 64, 3)) as rows,
        ):
            for index in range(40):
                rows[index] = np.zeros((64, 64, 3), np.uint8)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(out.parent.iterdir()) == []


def test_no_space_while_writing_meta(out, monkeypatch):
    def full(path, value):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "write_json", full)
    with pytest.raises(UserError, match="No space left on device"):
        write(out)
    assert list(out.parent.iterdir()) == []


def test_an_interrupted_write_leaves_nothing_behind(out, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(out)
    assert list(out.parent.iterdir()) == []
