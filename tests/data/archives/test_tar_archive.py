import gzip
import hashlib
import io
import os
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_archives import pack, pack_tar

from advkd.data.archives import tar_archive
from advkd.data.archives.folder_archive import FolderArchive
from advkd.data.archives.tar_archive import TarArchive
from advkd.data.archives.zip_archive import ZipArchive
from advkd.errors import UserError

FILES = {"set/b/2.jpg": b"2" * 700, "set/a/1.jpg": b"1" * 512, "set/list.txt": b"", "set/c/3.jpg": os.urandom(2000)}
NAME = st.text("abcXYZ09 _-é", min_size=1, max_size=8).filter(lambda text: text.strip() == text)
SUFFIXES = [".tar", ".tar.gz", ".tgz"]


def inner(name):
    return name.removeprefix("set/")


def packed_with(path, *infos):
    """Write an archive of one good file and the given members."""
    with tarfile.open(path, "w") as file:
        for info in (tarfile.TarInfo("set/good.jpg"), *infos):
            file.addfile(info, io.BytesIO(bytes(info.size)))
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_names_are_relative_to_the_official_folder(tmp_path, suffix):
    opened = TarArchive(pack_tar(tmp_path / f"a{suffix}", FILES), "set")
    assert opened.kind == "tar"
    assert opened.names() == sorted(map(inner, FILES))
    for name, data in FILES.items():
        assert opened.read(inner(name)) == data
        assert opened.sha256(inner(name)) == hashlib.sha256(data).hexdigest()
    assert opened.suffixes() == {"jpg": 3, "txt": 1}


@pytest.mark.parametrize("top", ["", "./", "copy/deeper/"])
def test_the_official_folder_is_found_where_it_lies(tmp_path, top):
    path = pack_tar(tmp_path / "a.tar", {"attributes.txt": b"x", **{top + name: data for name, data in FILES.items()}})
    assert TarArchive(path, "set").names() == sorted(map(inner, FILES))


def test_files_at_the_top_and_some_only(tmp_path):
    path = pack_tar(tmp_path / "lists.tar", {"./train.mat": b"1", "./test.mat": b"2", "./file.mat": b"3"})
    assert TarArchive(path, None).names() == ["file.mat", "test.mat", "train.mat"]
    assert TarArchive(path, None, ("train.mat", "test.mat")).names() == ["test.mat", "train.mat"]
    with pytest.raises(UserError, match=r"lists\.tar lacks valid\.mat"):
        TarArchive(path, None, ("train.mat", "valid.mat"))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(st.lists(NAME, min_size=1, max_size=3).map("/".join), st.binary(max_size=1100), max_size=5)
)
def test_every_kind_of_archive_and_the_extraction_have_the_same_digest(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("same")
    # a file cannot lie where a folder does
    files = {name: data for name, data in files.items() if not any(other.startswith(name + "/") for other in files)}
    contents = {"set/kept": b"k", **{f"set/{name}": data for name, data in files.items()}}
    archives = [TarArchive(pack_tar(folder / f"a{suffix}", contents), "set") for suffix in SUFFIXES[:2]]
    with tarfile.open(folder / "a.tar") as file:
        file.extractall(folder, filter="data")
    archives += [ZipArchive(pack(folder / "a.zip", contents), "set"), FolderArchive(folder / "set")]
    assert len({tuple(archive.names()) for archive in archives}) == 1
    assert len({archive.digest() for archive in archives}) == 1


def test_names_that_are_no_utf8(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / os.fsdecode(b"set/caf\xe9.jpg")).write_bytes(b"1")
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        file.add(tmp_path / "set", "set")
    assert TarArchive(tmp_path / "a.tar", "set").digest() == FolderArchive(tmp_path / "set").digest()


def test_what_macos_adds_is_no_part_of_the_data(tmp_path):
    junk = {"__MACOSX/set/._1.jpg": b"x", "set/.DS_Store": b"y", "set/a/._1.jpg": b"z", "./._set": b"z"}
    assert TarArchive(pack_tar(tmp_path / "a.tar", {**junk, **FILES}), "set").names() == sorted(map(inner, FILES))


@pytest.mark.parametrize(
    ("name", "fault"),
    [("../evil", "leads out"), ("set/../../evil", "leads out"), ("/etc/evil", "absolute"), ("C:/evil", "absolute")],
)
def test_unsafe_names_are_refused(tmp_path, name, fault):
    with pytest.raises(UserError, match=fault):
        TarArchive(packed_with(tmp_path / "evil.tar", tarfile.TarInfo(name)), "set")


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE],
)
def test_links_and_devices_are_refused(tmp_path, kind):
    info = tarfile.TarInfo("set/link")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(UserError, match="a link or a device"):
        TarArchive(packed_with(tmp_path / "evil.tar", info), "set")


def test_two_members_of_one_name_are_refused(tmp_path):
    path = packed_with(tmp_path / "twice.tar", tarfile.TarInfo("./set/good.jpg"))
    with pytest.raises(UserError, match="same name"):
        TarArchive(path, "set")


def test_a_huge_member_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(tar_archive, "LARGEST_FILE", 2000)
    TarArchive(pack_tar(tmp_path / "a.tar", FILES), "set")
    monkeypatch.setattr(tar_archive, "LARGEST_FILE", 1999)
    measured = []
    monkeypatch.setattr(tar_archive, "sha256_of", lambda file: measured.append(file.name))
    with pytest.raises(UserError, match=r"a file larger than .*set/c/3\.jpg"):
        TarArchive(pack_tar(tmp_path / "a.tar", FILES), "set")
    assert len(measured) == 3


def used(path):
    """Return how many bytes of a plain tar archive are its members, with the block that ends it."""
    with tarfile.open(path) as file:
        last = file.getmembers()[-1]
    return last.offset_data + -(-last.size // 512) * 512 + 512


def test_an_archive_cut_short_anywhere_is_told(tmp_path):
    path = pack_tar(tmp_path / "a.tar", FILES)
    data, end = path.read_bytes(), used(path)
    for length in range(0, end, 128):
        path.write_bytes(data[:length])
        with pytest.raises(UserError, match=r"a\.tar is not a complete tar archive \([^\n]*$"):
            TarArchive(path, "set")
    path.write_bytes(data[:end])
    assert len(TarArchive(path, "set").names()) == len(FILES)


def test_a_compressed_archive_cut_short_anywhere_is_told(tmp_path):
    path = pack_tar(tmp_path / "a.tgz", FILES)
    data = path.read_bytes()
    for length in range(2, len(data), 61):
        path.write_bytes(data[:length])
        with pytest.raises(UserError, match=r"a\.tgz is not a complete tar archive \([^\n]*$"):
            TarArchive(path, "set")


def test_a_damaged_header_does_not_end_the_archive_early(tmp_path):
    path = pack_tar(tmp_path / "a.tar", FILES)
    with tarfile.open(path) as file:
        places = [info.offset for info in file]
    data = path.read_bytes()
    for place in places:
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(UserError, match="not a complete tar archive"):
            TarArchive(path, "set")


def test_a_flipped_bit_of_a_compressed_archive_is_told(tmp_path):
    path = pack_tar(tmp_path / "a.tgz", FILES)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)
    with pytest.raises(UserError, match="not a complete tar archive"):
        TarArchive(path, "set")


def test_a_flipped_bit_of_a_plain_archive_is_another_content(tmp_path):
    path = pack_tar(tmp_path / "a.tar", FILES)
    before = TarArchive(path, "set").digest()
    path.write_bytes(path.read_bytes().replace(b"2222", b"2322", 1))
    assert TarArchive(path, "set").digest() != before


# Without a time of day, which would give the cases other names in every process.
EMPTY, LETTER = (gzip.compress(content, mtime=0) for content in (b"", b"x"))


@pytest.mark.parametrize("data", [b"", b"<html>not found</html>", b"\x1f\x8b", EMPTY, LETTER])
def test_no_tar(tmp_path, data):
    path = tmp_path / "a.tar"
    path.write_bytes(data)
    with pytest.raises(UserError, match="not a complete tar archive"):
        TarArchive(path, "set")


def test_no_file(tmp_path):
    with pytest.raises(UserError, match="not a complete tar archive"):
        TarArchive(tmp_path / "a.tar", "set")


def test_another_archive_is_told(tmp_path):
    with pytest.raises(UserError, match="holds no folder 'other'"):
        TarArchive(pack_tar(tmp_path / "a.tar", FILES), "other")


def test_in_order_a_compressed_archive_is_read_once(tmp_path, monkeypatch):
    """Steps back that leave the buffer start over: none in reading by `order`, but for the first."""
    back = []

    class Watched(gzip.GzipFile):
        def seek(self, offset, whence=io.SEEK_SET):
            if whence == io.SEEK_SET and offset < self.tell():
                back.append(offset)
            return super().seek(offset, whence)

    # incompressible, and no multiple of a block or of a buffer
    files = {f"set/{name}.jpg": os.urandom(300_000 + place) for place, name in enumerate("gafbecd")}
    path = pack_tar(tmp_path / "a.tgz", files)
    monkeypatch.setattr(tar_archive.gzip, "GzipFile", Watched)
    opened = TarArchive(path, "set")
    opened.digest()
    assert back == []
    names = opened.order(opened.names())
    assert names == [inner(name) for name in files]
    assert all(opened.read(name) == files[f"set/{name}"] for name in names)
    assert len(back) == 1


def test_files_can_be_read_in_any_order_and_side_by_side(tmp_path):
    opened = TarArchive(pack_tar(tmp_path / "a.tgz", FILES), "set")
    with opened.open("c/3.jpg") as last, opened.open("b/2.jpg") as first:
        assert last.read(100) + first.read(100) == FILES["set/c/3.jpg"][:100] + FILES["set/b/2.jpg"][:100]
        assert last.read() == FILES["set/c/3.jpg"][100:]
        assert first.read() == FILES["set/b/2.jpg"][100:]
