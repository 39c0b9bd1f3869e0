"""Folders of images with what no folder of images should hold, given to the command line."""

import csv
import io
import json
import os
import signal
import socket
import stat
import struct
import tempfile
import zlib
from pathlib import Path

import pytest
from PIL import Image
from small_archives import jpeg

from advkd import cli
from advkd.data.store import Store

SETTINGS = {
    "classifier": {"dataset": "mine", "data": "folder", "held_out": 0.3, "data_seed": 0, "stored_size": 16},
    "gan": {
        "dataset": "mine", "data": "folder", "crops": 0, "crop": "window", "image_size": 64, "held_out": 0.3,
        "held_out_crops": 4, "windows_per_image": 1, "data_seed": 0,
    },
}  # fmt: skip
KINDS = pytest.mark.parametrize("kind", SETTINGS)


@pytest.fixture(autouse=True)
def _in_time():
    """Nothing here may wait for ever."""

    def late(*_):
        raise AssertionError("it hangs")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(300)
    yield
    signal.alarm(0)


@pytest.fixture
def mine(tmp_path):
    """Two classes of three images."""
    for name in ("cat", "dog"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "mine" / name / f"{number}.jpg").write_bytes(jpeg(70, 66, seed=number + 10 * (name == "dog")))
    return tmp_path / "mine"


def prepare(folder, kind, capfd, **changed):
    """Return the exit status of `advkd prepare`, what it printed, and the store, if there is one."""
    out = folder.parent / "store"
    settings = json.dumps({**SETTINGS[kind], **changed})
    status = cli.main(["prepare", str(folder), "--settings", settings, "--out", str(out)])
    return status, capfd.readouterr().err, Store.open(out) if out.exists() else None


def listed(store):
    """Return the names of the images of a store."""
    with (store.path / "manifest.csv").open(newline="") as file:
        return {row["image"] for row in csv.DictReader(file)}


def is_one_line(said):
    return [line for line in said.splitlines() if line.startswith("advkd prepare: ")] == said.splitlines()[-1:]


def fifo(place):
    os.mkfifo(place)


def device(place):
    try:
        os.mknod(place, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("only root makes devices")


def bound_socket(place):
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as one:  # the names of sockets are short
        one.bind(f"{short}/x")
        Path(short, "x").rename(place)


SPECIAL = {
    "fifo": fifo,
    "device": device,
    "socket": bound_socket,
    "link to a device": lambda place: place.symlink_to("/dev/zero"),
    "link to a process": lambda place: place.symlink_to("/proc/self/environ"),
    "link to itself": lambda place: place.symlink_to(place),
    "link to nothing": lambda place: place.symlink_to("gone"),
    "link to a private file": lambda place: place.symlink_to("/etc/passwd"),
}


@KINDS
@pytest.mark.parametrize("what", SPECIAL)
def test_what_is_no_file_is_left_out(mine, capfd, kind, what):
    expected = {f"{name}/{number}.jpg" for name in ("cat", "dog") for number in range(3)}
    SPECIAL[what](mine / "cat" / "x.png")
    status, said, store = prepare(mine, kind, capfd)
    assert status == 0, said
    assert listed(store) == expected


@KINDS
def test_folders_linked_in_a_circle_are_walked_once(mine, capfd, kind):
    (mine / "cat" / "again").symlink_to(mine)
    (mine / "dog" / "up").symlink_to("..")
    status, said, store = prepare(mine, kind, capfd)
    assert status == 0 and "2 links" in said and len(listed(store)) == 6


@KINDS
def test_a_file_larger_than_any_photo_is_refused(mine, capfd, kind, monkeypatch):
    with (mine / "cat" / "0.jpg").open("r+b") as file:
        file.truncate(1 << 34)  # a hole
    monkeypatch.setattr("advkd.data.archives.folder_archive.FolderArchive.digest", lambda self: "0" * 64)
    status, said, store = prepare(mine, kind, capfd)
    assert status == 2 and store is None and "0.jpg" in said and "larger than 512 MiB" in said and is_one_line(said)


def claiming(side, suffix):
    """Return a small image whose header claims to have `side` rows and columns."""
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, {".jpg": "JPEG"}.get(suffix, suffix[1:]))
    data = bytearray(file.getvalue())
    if suffix == ".png":
        data[16:24] = struct.pack(">LL", side, side)
        data[29:33] = struct.pack(">L", zlib.crc32(data[12:29]))
    elif suffix == ".gif":
        data[6:10] = struct.pack("<HH", side, side)
    else:
        start = data.index(b"\xff\xc0") + 5
        data[start : start + 4] = struct.pack(">HH", side, side)
    return bytes(data)


@KINDS
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif"])
def test_an_image_that_claims_gigabytes_of_pixels_is_refused(mine, capfd, kind, suffix):
    place = mine / "cat" / f"bomb{suffix}"
    place.write_bytes(claiming(60_000, suffix))
    status, said, store = prepare(mine, kind, capfd)
    assert status == 2 and store is None and "too large to be a photo" in said and is_one_line(said)


@KINDS
def test_no_other_program_is_started_for_an_image(mine, capfd, kind, tmp_path, monkeypatch):
    """PIL would give a file that begins like PostScript, whatever its name, to Ghostscript."""
    for name in ("gs", "gswin32c"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    words = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 70 66\n%%EndComments\n(x) show\nshowpage\n%%EOF\n"
    (mine / "cat" / "x.png").write_bytes(words)
    status, said, store = prepare(mine, kind, capfd)
    assert status == 2 and store is None and "not an image" in said and is_one_line(said)
    assert not (tmp_path / "started").exists()


NAMES = [
    b"with space.jpg", b" .jpg", b"'single'.jpg", b'"double".jpg', b"new\nline.jpg", b"back\\slash.jpg", b"tab\t.jpg",
    b"$(touch x).jpg", b"`touch x`.jpg", b"; touch x;.jpg", b"-rf.jpg", b"*.jpg", b"{run}.jpg", b"%s.jpg", b"a,b.jpg",
    "日本語 ü é 😀.jpg".encode(), b"caf\xe9.jpg", b"\xff\xfe.jpg", "e\u0301.jpg".encode(), b"\x1b[31mred.jpg",
    b"=cmd|'calc'!A0.jpg", b"a" * 251 + b".jpg", "\u202egpj.jpg".encode(),
]  # fmt: skip


@KINDS
def test_images_may_be_called_anything(mine, capfd, kind):
    for number, name in enumerate(NAMES):
        (mine / "cat" / os.fsdecode(name)).write_bytes(jpeg(70, 66, seed=100 + number))
    status, said, store = prepare(mine, kind, capfd)
    assert status == 0, said
    assert len(store.images) + len(store.held_out) >= len(NAMES)
    assert {"cat/with space.jpg", "cat/new\nline.jpg", 'cat/"double".jpg', "cat/a,b.jpg"} <= listed(store)
    assert not (mine / "x").exists() and not os.path.lexists("x")


@KINDS
def test_classes_may_be_called_anything(mine, capfd, kind):
    names = [os.fsdecode(name.removesuffix(b".jpg")) for name in NAMES]
    for name in names:
        (mine / name).mkdir()
        for number in range(2):
            (mine / name / f"{number}.jpg").write_bytes(jpeg(70, 66))
    status, said, store = prepare(mine, kind, capfd)
    assert status == 0, said
    assert {*names, "cat", "dog"} == {*store.meta["classes"], *store.meta.get("skipped_classes", [])}


@pytest.mark.parametrize("seed", range(6))
def test_a_class_of_which_every_image_is_set_aside(mine, capfd, seed):
    """Nothing is trained on it, and so nothing is held out of it."""
    for name in ("owl", "fox", "elk"):
        (mine / name).mkdir()
        (mine / name / "0.jpg").write_bytes(jpeg(70, 66))
    status, said, store = prepare(mine, "gan", capfd, data_seed=seed, held_out=0.5)
    assert status == 0, said
    with (store.path / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["class"] for row in rows} == set(store.meta["classes"])


def test_ten_thousand_classes(tmp_path, capfd):
    for label in range(10_000):
        place = tmp_path / "mine" / f"{label:05d}"
        place.mkdir(parents=True)
        for number in range(2):
            (place / f"{number}.ppm").write_bytes(b"P6 1 1 255 rgb")
    status, said, store = prepare(tmp_path / "mine", "classifier", capfd, stored_size=8)
    assert status == 0, said
    assert store.meta["statistics"] == {"classes": 10_000, "train": 10_000, "valid": 10_000}


@KINDS
def test_one_class(tmp_path, capfd, kind):
    (tmp_path / "mine" / "only").mkdir(parents=True)
    for number in range(4):
        (tmp_path / "mine" / "only" / f"{number}.jpg").write_bytes(jpeg(70, 66))
    status, said, store = prepare(tmp_path / "mine", kind, capfd)
    if kind == "classifier":
        assert status == 2 and "a classifier needs two" in said and is_one_line(said)
    else:
        assert status == 0 and store.meta["classes"] == ["only"]


@KINDS
def test_links_to_a_shared_copy_are_used_where_the_user_says_so(mine, kind, capfd):
    shared = mine.parent / "shared"
    (mine / "dog").rename(shared)
    (mine / "dog").symlink_to(shared)
    (shared.parent / "other.jpg").write_bytes(jpeg(70, 66, seed=30))
    (mine / "cat" / "3.jpg").symlink_to(shared.parent / "other.jpg")
    (mine / "bird").mkdir()
    for number in range(3):
        (mine / "bird" / f"{number}.jpg").write_bytes(jpeg(70, 66, seed=20 + number))
    settings, out = json.dumps(SETTINGS[kind]), mine.parent / "followed"
    words = ["prepare", str(mine), "--settings", settings, "--out", str(out)]
    assert cli.main([*words, "--config", "folders={mine: /x}", "links=[mine]"]) == 0
    assert {"cat/3.jpg", "dog/0.jpg", "dog/2.jpg"} <= listed(Store.open(out))
    status, said, store = prepare(mine, kind, capfd)
    if kind == "classifier":  # a class without images is refused
        assert (
            status == 2
            and "linked folders are left out, unless `links` names the data set" in said
            and is_one_line(said)
        )
    else:
        assert "2 links to folders or out of the folder are left out" in said
        assert not {"cat/3.jpg", "dog/0.jpg", "dog/2.jpg"} & listed(store)


def test_other_data_sets_do_not_follow_links(mine, capfd):
    assert cli.main(["status", "--config", "links=[other]"]) == 2
    assert "links names 'other', which is neither one of folders nor of" in capfd.readouterr().err
