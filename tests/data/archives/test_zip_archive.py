import hashlib
import struct
import zipfile

import pytest
from small_archives import members, pack

from advkd.data.archives.zip_archive import WRAP, ZipArchive
from advkd.errors import UserError


def test_names_are_relative_to_the_official_folder(archive):
    opened = ZipArchive(archive, "original_dataset")
    assert opened.kind == "zip"
    assert opened.names() == sorted(name.removeprefix("original_dataset/") for name in members())
    for name in opened.names():
        data = members()[f"original_dataset/{name}"]
        assert opened.read(name) == data
        assert opened.sha256(name) == hashlib.sha256(data).hexdigest()
    assert opened.suffixes() == {"jpg": 6, "xml": 4}


def test_a_deeper_official_folder_is_found(tmp_path):
    contents = {"my copy/original_dataset/images/a.jpg": b"a", "my copy/readme.txt": b"r"}
    opened = ZipArchive(pack(tmp_path / "deep.zip", contents), "original_dataset")
    assert opened.names() == ["images/a.jpg"]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("../evil.jpg", "leads out"),
        ("original_dataset/../../evil.jpg", "leads out"),
        ("/etc/evil.jpg", "absolute"),
        ("C:/evil.jpg", "absolute"),
        ("original_dataset\\..\\evil.jpg", "foreign"),
    ],
)
def test_unsafe_names_are_refused(tmp_path, name, fault):
    with pytest.raises(UserError, match=fault):
        ZipArchive(pack(tmp_path / "evil.zip", {**members(), name: b"x"}), "original_dataset")


@pytest.mark.parametrize("mode", [0o120777, 0o020666, 0o010666, 0o060666])
def test_links_and_devices_are_refused(tmp_path, mode):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as file:
        info = zipfile.ZipInfo("original_dataset/link")
        info.create_system, info.external_attr = 3, mode << 16
        file.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match="a link or a device"):
        ZipArchive(path, "original_dataset")


def test_two_members_of_one_name_are_refused(tmp_path):
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("original_dataset/a.jpg", "1")
        file.writestr("original_dataset/a.jpg", "2")
    with pytest.raises(UserError, match="same name"):
        ZipArchive(path, "original_dataset")


def test_a_truncated_archive_is_told(archive):
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=r"tiny\.zip is not a complete zip archive"):
        ZipArchive(archive, "original_dataset")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_flipped_bit_is_found_where_it_is_read(tmp_path, compression):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("original_dataset/a.jpg", bytes(range(256)) * 20)
        file.writestr("original_dataset/b.jpg", b"fine")
    data = bytearray(path.read_bytes())
    data[120] ^= 16
    path.write_bytes(data)
    opened = ZipArchive(path, "original_dataset")
    assert opened.read("b.jpg") == b"fine"
    with pytest.raises(UserError, match=r"a\.jpg in .*a\.zip is damaged"):
        opened.read("a.jpg")


def test_another_archive_is_told(tmp_path):
    with pytest.raises(UserError, match="holds no folder 'original_dataset'"):
        ZipArchive(pack(tmp_path / "a.zip", {"other/a.jpg": b"x"}), "original_dataset")


def test_an_encrypted_archive_is_refused(archive):
    data = bytearray(archive.read_bytes())
    directory = data.index(b"PK\1\2")
    data[directory + 8] |= 1
    archive.write_bytes(data)
    with pytest.raises(UserError, match="encrypted"):
        ZipArchive(archive, "original_dataset")


def test_zip64_records(tmp_path):
    path = tmp_path / "zip64.zip"
    with zipfile.ZipFile(path, "w") as file, file.open("original_dataset/a.jpg", "w", force_zip64=True) as member:
        member.write(b"data")
    assert b"\x01\x00" in path.read_bytes()[30:60]  # the ZIP64 extra field
    assert ZipArchive(path, "original_dataset").read("a.jpg") == b"data"


def sparse_zip(path, wrapped: bool) -> dict[str, bytes]:
    """Write a zip of more than 8 GiB, nearly all of it a hole, with members at its start, in its middle and at its end.

    `wrapped`: as the archiver of macOS writes it, offsets cut to 32 bits; otherwise ZIP64, as it should be.
    """
    contents = {"original_dataset/images/first.jpg": b"1" * 50, "original_dataset/images/middle.jpg": b"2" * 60}
    contents["original_dataset/annotations/last.xml"] = b"3" * 70
    with path.open("wb") as file, zipfile.ZipFile(file, "w") as archive:
        for place, (name, data) in zip((0, WRAP + 1000, 2 * WRAP + 500), contents.items(), strict=True):
            archive.start_dir = place
            archive.writestr(name, data)
    if wrapped:
        entries = b""
        with zipfile.ZipFile(path) as archive:
            infos, start = archive.infolist(), archive.start_dir
        for info in infos:
            name = info.filename.encode()
            fields = (20, 20, 0, 0, 0, 0, info.CRC, info.file_size, info.file_size, len(name), 0, 0, 0, 0, 0)
            entries += struct.pack("<4s6H3L5H2L", b"PK\1\2", *fields, info.header_offset % WRAP) + name
        with path.open("r+b") as file:
            file.truncate(start)
            file.seek(start)
            end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 3, 3, len(entries), start % WRAP, 0)
            file.write(entries + end)
    return {name.removeprefix("original_dataset/"): data for name, data in contents.items()}


@pytest.mark.parametrize("wrapped", [False, True])
def test_archives_beyond_4_gib(tmp_path, wrapped):
    path = tmp_path / "large.zip"
    contents = sparse_zip(path, wrapped)
    assert path.stat().st_size > 2 * WRAP
    assert path.stat().st_blocks * 512 < 1 << 20
    opened = ZipArchive(path, "original_dataset")
    assert {name: opened.read(name) for name in opened.names()} == contents
    if wrapped:
        with zipfile.ZipFile(path) as plain, pytest.raises(zipfile.BadZipFile):
            plain.read("original_dataset/images/first.jpg")


def test_a_wrapped_archive_cut_short_is_told(tmp_path):
    path = tmp_path / "large.zip"
    sparse_zip(path, wrapped=True)
    with path.open("r+b") as file:
        file.seek(WRAP + 1000)
        file.write(bytes(200))
    with pytest.raises(UserError, match=r"no header of .*middle\.jpg"):
        ZipArchive(path, "original_dataset")
