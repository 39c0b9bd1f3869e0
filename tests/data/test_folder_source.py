"""Whether a store was prepared from what a user's folder of images holds today."""

import json
import os
import shutil

import pytest
from small_archives import jpeg

from advkd.cli import main
from advkd.data import folder_source
from advkd.data.folder_source import check_folder, folder_state, recorded_content, seen_content
from advkd.errors import UserError

SETTINGS = {"dataset": "mine", "data": "folder", "stored_size": 16, "held_out": 0.5, "data_seed": 0}


def images(folder, seed):
    """Write two classes of two pictures; another seed gives other pictures of the same names."""
    for number, name in enumerate(("crack/1.jpg", "crack/2.jpg", "sound/1.jpg", "sound/2.jpg")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(jpeg(seed=seed + number))
    return folder


def prepare(folder, store):
    return main(["prepare", str(folder), "--settings", json.dumps(SETTINGS), "--out", str(store)])


@pytest.fixture
def prepared(tmp_path):
    """Return a folder of images and the store that was prepared from it."""
    folder, store = images(tmp_path / "a", 0), tmp_path / "stores" / "mine-12345678"
    assert prepare(folder, store) == 0
    return folder, store


def test_a_folder_that_was_prepared_is_not_read_again(prepared, monkeypatch):
    folder, store = prepared
    assert seen_content(folder, store) == recorded_content(store)
    monkeypatch.setattr(folder_source.FolderArchive, "digest", lambda self: pytest.fail("it was read"))
    check_folder(folder, store)


def test_another_folder_of_the_same_name_is_refused(prepared, tmp_path):
    """As two checkouts that share a data folder trained on each other's pictures."""
    _, store = prepared
    other = images(tmp_path / "b", 50)
    assert seen_content(other, store) is None
    for _ in range(2):  # also in a state that was seen
        with pytest.raises(UserError, match=r"mine-12345678 was prepared from other images .* than .*/b holds today"):
            check_folder(other, store)
    assert seen_content(other, store) != recorded_content(store)
    assert prepare(other, store) == 0
    check_folder(other, store)


def test_a_copy_holds_the_same(prepared, tmp_path):
    folder, store = prepared
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / ".hidden").write_text("not read")
    assert seen_content(copy, store) is None
    check_folder(copy, store)
    assert seen_content(copy, store) == recorded_content(store)


@pytest.mark.parametrize("change", ["bytes", "new", "gone", "name"])
def test_every_change_is_seen(prepared, change):
    folder, store = prepared
    photo = folder / "crack" / "1.jpg"
    data, times = photo.read_bytes(), photo.stat()
    if change == "bytes":  # of the same size, and its time set back
        photo.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        os.utime(photo, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert photo.stat().st_mtime_ns == times.st_mtime_ns
    elif change == "new":
        (folder / "crack" / "3.jpg").write_bytes(data)
    elif change == "gone":
        photo.unlink()
    else:
        photo.rename(photo.with_name("0.jpg"))
    with pytest.raises(UserError, match="was prepared from other images"):
        check_folder(folder, store)


@pytest.mark.parametrize("content", ["{", "[]", "\udcff"])
def test_a_damaged_memory_is_as_none(prepared, content):
    folder, store = prepared
    (store.parent / ".mine-12345678.seen.json").write_text(content, errors="surrogateescape")
    assert seen_content(folder, store) is None
    check_folder(folder, store)
    assert seen_content(folder, store) == recorded_content(store)


def test_a_folder_that_does_not_exist_is_refused(prepared, tmp_path):
    _, store = prepared
    with pytest.raises(UserError, match=r"nothing is not a folder of images: correct `folders`"):
        check_folder(tmp_path / "nothing", store)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is not a folder"):
        folder_state(tmp_path / "file")


def test_a_training_is_refused_on_another_folder(prepared, tmp_path, monkeypatch, capsys):
    """`folders={mine: /nonexistent}` said "finished"."""
    asked = []

    def refuse(folder, store, links):
        asked.append((str(folder), str(store)))
        raise UserError("other images")

    monkeypatch.setattr(folder_source, "check_folder", refuse)
    words = ["train", "aikd/mine/resnet18/baseline/seed0", "--config", "folders={mine: /nonexistent}",
             f"data_root={tmp_path}"]  # fmt: skip
    assert main(words) == 2 and "other images" in capsys.readouterr().err
    assert asked[0][0] == "/nonexistent" and asked[0][1].startswith(f"{tmp_path}/stores/mine-")


def test_what_links_lead_to_counts_where_they_are_followed(prepared, tmp_path):
    folder, store = prepared
    shared = tmp_path / "elsewhere"
    (folder / "sound" / "2.jpg").rename(shared)
    (folder / "sound" / "2.jpg").symlink_to(shared)
    with pytest.raises(UserError, match="was prepared from other images"):
        check_folder(folder, store)
    check_folder(folder, store, links=True)  # the same images
    shared.write_bytes(jpeg(seed=99))
    assert seen_content(folder, store, links=True) is None
    with pytest.raises(UserError, match="was prepared from other images"):
        check_folder(folder, store, links=True)
