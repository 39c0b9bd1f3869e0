import numpy as np
import pytest

from advkd import files
from advkd.data.store import Store
from advkd.data.store_draft import write_store
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


def test_what_is_written_is_opened(out):
    meta = write(out)
    opened = Store.open(out)
    for name, array in ARRAYS.items():
        loaded = getattr(opened, name)
        np.testing.assert_array_equal(loaded, array)
        assert loaded.dtype == array.dtype and not loaded.flags.writeable
    assert isinstance(opened.images, np.memmap)
    assert opened.meta == meta
    assert set(meta["sha256"]) == {f"{name}.npy" for name in ARRAYS} | {"manifest.csv"}
    assert opened.sizes is opened.held_out_sizes is None
    assert [path.name for path in out.parent.iterdir()] == ["set"]


SIZES = {"sizes": np.arange(10, dtype=np.int32).reshape(5, 2), "held_out_sizes": np.zeros((0, 2), np.int32)}


def test_sizes_are_kept_where_there_are_some(out):
    meta = write(out, **SIZES)
    opened = Store.open(out)
    for name, array in SIZES.items():
        np.testing.assert_array_equal(getattr(opened, name), array)
        assert f"{name}.npy" in meta["sha256"]
    (out / "sizes.npy").unlink()
    with pytest.raises(UserError, match=r"sizes\.npy is missing"):
        Store.open(out)


@pytest.mark.parametrize("name", [*(f"{name}.npy" for name in ARRAYS), "manifest.csv", "meta.json"])
def test_a_missing_file_is_named(out, name):
    write(out)
    (out / name).unlink()
    with pytest.raises(UserError, match=f"no prepared data set in .*{name} is missing"):
        Store.open(out)


def test_damage_is_found(out):
    write(out)
    path = out / "images.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"images\.npy is not what was prepared"):
        Store.open(out)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"sha256": {}}', '{"schema": "x"}'])
def test_damaged_meta(out, text):
    write(out)
    (out / "meta.json").write_text(text)
    with pytest.raises(UserError, match="is damaged"):
        Store.open(out)


def test_an_array_that_numpy_cannot_map_is_damage(out):
    meta = write(out)
    (out / "labels.npy").write_text("text")
    meta["sha256"]["labels.npy"] = files.sha256(out / "labels.npy")
    files.write_json(out / "meta.json", files.with_digest(meta))
    with pytest.raises(UserError, match="is damaged"):
        Store.open(out)


def test_the_summary_says_how_much_is_used_and_what_is_left_out(out):
    meta = {
        "name": "mit67", "classes": ["a", "b"], "statistics": {"classes": 67, "train": 5360, "valid": 1340},
        "left_out": ["x.jpg"],
    }  # fmt: skip
    write_store(out, ARRAYS, "split\n", meta)
    assert Store.open(out).summary() == (
        "trains on 5 images of 2 classes of mit67, evaluates on 0; left out: 65 classes, 5,355 training images, "
        "1,340 evaluation images (of these images 1 is faulty)"
    )


def test_the_summary_of_crops_counts_photos(out):
    photos = {"all": 9, "faulty": 1, "training_used": 5, "held_out_used": 1}
    left_out = ["a.jpg", "b.xml", "object 1 of c.xml"]
    meta = {"name": "codebrim", "classes": ["a"], "photos": photos, "left_out": left_out}
    write_store(out, ARRAYS, "split\n", meta)
    assert Store.open(out).summary() == (
        "trains on 5 crops of 1 classes of codebrim, evaluates on 0; left out: 2 photos without a crop, "
        "1 faulty photo, 2 faulty annotations or boxes"
    )
