import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_archives import members, pack, unpack

from advkd.data.archives.members import FolderArchive
from advkd.data.archives.zip import ZipArchive
from advkd.errors import UserError

NAME = st.text("abcXYZ09 _-é", min_size=1, max_size=8).filter(lambda text: text.strip() == text)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(st.lists(NAME, min_size=1, max_size=3).map("/".join), st.binary(max_size=40), max_size=6))
def test_archive_and_extraction_have_the_same_digest(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("same")
    # a file cannot lie where a folder does
    files = {name: data for name, data in files.items() if not any(other.startswith(name + "/") for other in files)}
    contents = {"original_dataset/kept": b"k", **{f"original_dataset/{name}": data for name, data in files.items()}}
    path = pack(folder / "a.zip", contents)
    extracted = unpack(path, folder) / "original_dataset"
    zipped, unzipped = ZipArchive(path, "original_dataset"), FolderArchive(extracted)
    assert unzipped.kind == "folder"
    assert zipped.names() == unzipped.names()
    assert zipped.digest() == unzipped.digest()
    assert zipped.suffixes() == unzipped.suffixes()


def test_what_macos_adds_is_no_part_of_the_data(tmp_path):
    junk = {
        "__MACOSX/original_dataset/images/._image_0.jpg": b"x",
        "original_dataset/.DS_Store": b"y",
        "original_dataset/__MACOSX/image_0.jpg": b"y",
        "original_dataset/images/._image_0.jpg": b"z",
    }
    with_junk = pack(tmp_path / "junk.zip", {**junk, **members()})
    clean = pack(tmp_path / "clean.zip", members())
    extracted = FolderArchive(unpack(with_junk, tmp_path / "out") / "original_dataset")
    digests = {ZipArchive(with_junk, "original_dataset").digest(), ZipArchive(clean, "original_dataset").digest()}
    assert digests == {extracted.digest()}


@pytest.mark.parametrize("change", ["name", "byte", "missing", "more"])
def test_the_digest_sees_every_change(tmp_path, change):
    contents = members()
    before = ZipArchive(pack(tmp_path / "a.zip", contents), "original_dataset").digest()
    name = next(iter(contents))
    data = contents.pop(name)
    if change == "name":
        contents[name + "x"] = data
    elif change == "byte":
        contents[name] = bytes([data[0] ^ 1]) + data[1:]
    elif change == "more":
        contents.update({name: data, "original_dataset/new": b""})
    assert ZipArchive(pack(tmp_path / "b.zip", contents), "original_dataset").digest() != before


def test_links_out_of_a_folder_are_left_out(tmp_path, said):
    (tmp_path / "secret.jpg").write_text("secret")
    folder = tmp_path / "set"
    (folder / "real").mkdir(parents=True)
    (folder / "real" / "a.jpg").write_text("a")
    (folder / "inside.jpg").symlink_to(folder / "real" / "a.jpg")
    (folder / "outside.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "linked").symlink_to(folder / "real")
    (folder / "broken.jpg").symlink_to(tmp_path / "nothing")
    assert FolderArchive(folder).names() == ["inside.jpg", "real/a.jpg"]
    assert any("3 links" in line for line in said)


def test_an_unreadable_file_is_told(tmp_path):
    (tmp_path / "a.jpg").write_text("a")
    found = FolderArchive(tmp_path)
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(UserError, match=r"cannot read .*a\.jpg"):
        found.digest()
    with pytest.raises(UserError, match=r"a\.jpg in .* is damaged"):
        found.read("a.jpg")


def test_a_folder_is_the_same_by_a_relative_path(archive, tmp_path):
    folder = unpack(archive, tmp_path) / "original_dataset"
    code = (
        "from pathlib import Path; from advkd.data.archives.members import FolderArchive; "
        "print(FolderArchive(Path('original_dataset')).digest())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == FolderArchive(folder).digest()


def test_only_some_files_of_a_folder(archive, tmp_path):
    folder = unpack(archive, tmp_path / "x") / "original_dataset"
    names = ("images/image_1.jpg", "annotations/image_1.xml")
    found = FolderArchive(folder, names)
    assert found.names() == sorted(names)
    assert found.order(names) == list(names)
    with pytest.raises(UserError, match=r"original_dataset lacks train\.txt: not the official data"):
        FolderArchive(folder, (*names, "train.txt"))


def test_folders_in_a_folder(archive):
    found = ZipArchive(archive, "original_dataset")
    assert found.folders("") == {"images", "annotations"}
    assert found.folders("images/") == set()
