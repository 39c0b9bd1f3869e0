import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_archives import members, pack, unpack

from advkd.data.archives.folder_archive import FolderArchive
from advkd.data.archives.zip_archive import ZipArchive

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


def test_folders_in_a_folder(archive):
    found = ZipArchive(archive, "original_dataset")
    assert found.folders("") == {"images", "annotations"}
    assert found.folders("images/") == set()
