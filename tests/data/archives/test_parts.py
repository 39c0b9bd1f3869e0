"""Where the published files of a data set are found, and what they are together."""

import dataclasses

import pytest
from small_archives import TINY, members, pack, pack_tar, unpack

from advkd.data.archives.parts import join_parts, locate_parts, open_archive, open_parts
from advkd.data.registry import RemoteFile
from advkd.errors import UserError

IMAGES = {f"Images/{name}.jpg": name.encode() for name in ("cat/1", "cat/2", "dog/1")}


def remote(file, *files):
    return RemoteFile(file, f"http://localhost:9/{file}", None, None, files=dict.fromkeys(files))


DOGS = dataclasses.replace(
    TINY,
    name="dogs",
    folder="Images",
    archives=(remote("images.tar"), remote("lists.tar", "train.mat", "test.mat")),
)
ROOMS = dataclasses.replace(
    TINY, name="rooms", folder="Images", archives=(remote("rooms.tar"), remote("Train.txt"), remote("Test.txt"))
)
NAMES = {"dogs": [*IMAGES, "test.mat", "train.mat"], "rooms": [*IMAGES, "Test.txt", "Train.txt"]}


def put(folder, *wanted):
    """Put archives, loose files or, where names end in `/`, what is extracted from them into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        if name == "Images/":
            unpack(pack(folder / "x.zip", IMAGES), folder)
            (folder / "x.zip").unlink()
        elif name.endswith("lists.tar"):
            pack_tar(folder / name, {"train.mat": b"1", "test.mat": b"2", "file.mat": b"3"})
        elif name.endswith(".tar"):
            pack_tar(folder / name, IMAGES)
        else:
            (folder / name).write_text(name)
    return folder


def opened(dataset, mirror):
    parts = open_parts(dataset, locate_parts(dataset, mirror))
    return [part.kind for part in parts], join_parts(dataset, parts)


@pytest.mark.parametrize("place", [".", "dogs"])
@pytest.mark.parametrize(
    ("files", "kinds"),
    [
        (("images.tar", "lists.tar"), ["tar", "tar"]),
        (("Images/", "train.mat", "test.mat"), ["folder", "folder"]),
        (("images.tar", "train.mat", "test.mat"), ["tar", "folder"]),
        (("Images/", "lists.tar"), ["folder", "tar"]),
    ],
)
def test_archives_and_what_was_extracted_may_be_mixed(tmp_path, place, files, kinds):
    found_kinds, archive = opened(
        DOGS, put(tmp_path / place, *files) if place == "." else put(tmp_path / place, *files).parent
    )
    assert found_kinds == kinds
    assert archive.names() == sorted(NAMES["dogs"])
    assert archive.read("Images/cat/2.jpg") == b"cat/2"


@pytest.mark.parametrize("files", [("rooms.tar", "Train.txt", "Test.txt"), ("Images/", "Train.txt", "Test.txt")])
def test_loose_files_are_joined_to_an_archive(tmp_path, files):
    kinds, archive = opened(ROOMS, put(tmp_path, *files))
    assert kinds == ["folder" if "Images/" in files else "tar", "file", "file"]
    assert archive.names() == sorted(NAMES["rooms"])
    assert archive.read("Train.txt") == b"Train.txt"


def test_subfolders_tell_apart_data_sets_whose_folders_are_called_the_same(tmp_path):
    put(tmp_path / "dogs", "Images/", "lists.tar")
    put(tmp_path / "rooms", "Images/", "Train.txt", "Test.txt")
    put(tmp_path, "Images/")
    for dataset in (DOGS, ROOMS):
        assert locate_parts(dataset, tmp_path)[0] == tmp_path / dataset.name / "Images"


def test_a_folder_named_like_its_archive(tmp_path):
    put(tmp_path / "lists", "train.mat", "test.mat")
    put(tmp_path / "images", "Images/")
    assert locate_parts(DOGS, tmp_path) == [tmp_path / "images" / "Images", tmp_path / "lists"]


BIRDS = dataclasses.replace(TINY, name="birds", folder="CUB", archives=(remote("birds.tgz"),))
PICKLES = dataclasses.replace(TINY, name="pickles", folder="batches-py", archives=(remote("pickles.tgz", "1", "2"),))


@pytest.mark.parametrize(
    ("dataset", "contents", "found"),
    [
        (DOGS, ["images/Images/a.jpg", "images/train.mat", "images/test.mat"], ["images/Images", "images"]),
        (DOGS, ["Images/Images/a.jpg", "lists/lists/train.mat", "lists/lists/test.mat"],
         ["Images/Images", "lists/lists"]),
        (ROOMS, ["rooms/rooms/Images/a.jpg", "Train.txt", "Test.txt"], ["rooms/rooms/Images", "Train.txt", "Test.txt"]),
        (ROOMS, ["rooms/Images/a.jpg", "rooms/Train.txt", "Images/Test.txt"],
         ["rooms/Images", "rooms/Train.txt", "Images/Test.txt"]),
        (ROOMS, ["rooms/rooms.tar", "rooms/Train.txt", "rooms/Test.txt"],
         ["rooms/rooms.tar", "rooms/Train.txt", "rooms/Test.txt"]),
        (BIRDS, ["CUB/CUB/a.jpg", "CUB/README"], ["CUB/CUB"]),
        (BIRDS, ["birds/CUB/CUB/a.jpg"], ["birds/CUB/CUB"]),
        (BIRDS, ["birds/birds/birds/CUB/a.jpg"], ["birds/birds/birds/CUB"]),
        (PICKLES, ["1", "2", "3"], ["."]),
        (PICKLES, ["pickles/1", "pickles/2"], ["pickles"]),
    ],
)  # fmt: skip
def test_data_sets_are_found_in_the_nestings_in_which_they_are_handed_around(tmp_path, dataset, contents, found):
    for name in contents:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert locate_parts(dataset, tmp_path) == [tmp_path / name for name in found]
    for mirror in (tmp_path / found[0], (tmp_path / found[0]).parent):
        if mirror != tmp_path.parent:  # a nested folder may be named itself
            assert [path.resolve() for path in locate_parts(dataset, mirror)] == [tmp_path / name for name in found]


def test_folders_of_other_names_are_not_searched(tmp_path):
    put(tmp_path / "other" / "rooms", "Images/", "Train.txt", "Test.txt")
    with pytest.raises(UserError, match=r"neither the archive rooms\.tar nor the extracted folder Images of rooms"):
        locate_parts(ROOMS, tmp_path)


def test_an_archive_of_a_nested_folder(tmp_path):
    for packed in (
        pack(tmp_path / "a.zip", {"x/CUB/CUB/images/b.jpg": b"1", "x/CUB/README": b"2"}),
        pack_tar(tmp_path / "a.tgz", {"x/CUB/CUB/images/b.jpg": b"1", "x/CUB/README": b"2"}),
    ):
        assert open_archive(packed, "CUB").names() == ["images/b.jpg"]


def test_the_mirror_may_be_the_official_folder_or_an_archive_itself(tmp_path, monkeypatch):
    put(tmp_path, "Images/", "train.mat", "test.mat")
    for mirror in (tmp_path / "Images", tmp_path):
        assert opened(DOGS, mirror)[1].names() == sorted(NAMES["dogs"])
    monkeypatch.chdir(tmp_path / "Images")
    assert opened(DOGS, type(tmp_path)("."))[1].names() == sorted(NAMES["dogs"])
    put(tmp_path / "packed", "images.tar", "lists.tar", "other.tar")
    assert opened(DOGS, tmp_path / "packed" / "lists.tar")[0] == ["tar", "tar"]
    with pytest.raises(UserError, match=r"other\.tar is one file: name the folder that holds images\.tar, lists\.tar"):
        locate_parts(DOGS, tmp_path / "packed" / "other.tar")


@pytest.mark.parametrize(
    ("dataset", "files", "fault"),
    [
        (DOGS, ["lists.tar"], r"neither the archive images\.tar nor the extracted folder Images of dogs"),
        (DOGS, ["Images/", "train.mat"], r"neither the archive lists\.tar nor its files train\.mat, test\.mat of dogs"),
        (ROOMS, ["Images/", "Train.txt"], r"holds no Test\.txt of rooms"),
    ],
)
def test_a_missing_part_is_named(tmp_path, dataset, files, fault):
    with pytest.raises(UserError, match=fault):
        locate_parts(dataset, put(tmp_path, *files))


def test_lists_without_what_is_needed_are_told(tmp_path):
    put(tmp_path, "images.tar")
    pack_tar(tmp_path / "lists.tar", {"test.mat": b"2"})
    with pytest.raises(UserError, match=r"lists\.tar lacks train\.mat"):
        opened(DOGS, tmp_path)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tgz", "no suffix"])
def test_an_archive_is_told_by_its_bytes(tmp_path, name):
    for kind, packed in (
        ("zip", pack(tmp_path / "x.zip", members())),
        ("tar", pack_tar(tmp_path / "x.tgz", members())),
    ):
        archive = open_archive(packed.rename(tmp_path / name), "original_dataset")
        assert archive.kind == kind and len(archive.names()) == 10


@pytest.mark.parametrize(("name", "kind"), [("a.zip", "zip"), ("a.tar", "tar"), ("a.tar.gz", "tar")])
def test_what_is_no_archive_is_told_by_its_name(tmp_path, name, kind):
    (tmp_path / name).write_text("<html>not found</html>")
    with pytest.raises(UserError, match=f"not a complete {kind} archive"):
        open_archive(tmp_path / name, "original_dataset")


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*a\.zip: No such file"):
        open_archive(tmp_path / "a.zip", "original_dataset")
