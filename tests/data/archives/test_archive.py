import hashlib
import zlib

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


def with_the_same_crc(data: bytes) -> bytes:
    """Return other bytes of the same length and CRC-32, which is linear: flip a multiple of its polynomial."""
    polynomial = 0b1_0000_0100_1100_0001_0001_1101_1011_0111 << 7  # of CRC-32, moved to 40 bits
    # CRC-32 takes the lowest bit of each byte first.
    mask = bytes(int(f"{byte:08b}"[::-1], 2) for byte in polynomial.to_bytes(5))
    return bytes(a ^ b for a, b in zip(data, mask.ljust(len(data), b"\0"), strict=True))


def test_another_picture_of_the_same_size_and_crc_is_another_content(tmp_path):
    contents = members()
    name, data = next(iter(contents.items()))
    other = with_the_same_crc(data)
    assert other != data and zlib.crc32(other) == zlib.crc32(data) and len(other) == len(data)
    digests = set()
    for number, changed in enumerate((data, other)):
        path = pack(tmp_path / f"{number}.zip", {**contents, name: changed})
        extracted = unpack(path, tmp_path / str(number)) / "original_dataset"
        digests.add(ZipArchive(path, "original_dataset").digest())
        digests.add(FolderArchive(extracted).digest())
    assert len(digests) == 2


def test_the_digest_is_of_names_and_bytes_alone(tmp_path):
    """Against the definition, written down with the standard library."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.txt").write_bytes(b"two")
    (tmp_path / "1.txt").write_bytes(b"one")
    lines = [f"{name}\0{hashlib.sha256(data).hexdigest()}\n" for name, data in (("1.txt", b"one"), ("b/2.txt", b"two"))]
    assert FolderArchive(tmp_path).digest() == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_folders_in_a_folder(archive):
    found = ZipArchive(archive, "original_dataset")
    assert found.folders("") == {"images", "annotations"}
    assert found.folders("images/") == set()
