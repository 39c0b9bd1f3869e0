"""Archives that were made to do harm: what they claim is bounded before it is believed."""

import contextlib
import gzip
import io
import os
import re
import signal
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from small_archives import TINY, jpeg, members, pack, pack_tar, read_photos, xml

from advkd.data.archives import tar_archive, zip_archive
from advkd.data.archives.archive import LARGEST_LIST
from advkd.data.archives.folder_archive import FolderArchive
from advkd.data.archives.record import describe_drawn
from advkd.data.archives.tar_archive import TarArchive
from advkd.data.archives.zip_archive import ZipArchive
from advkd.data.readers import matlab
from advkd.errors import UserError

ZEROS = 1 << 26  # bytes of a member that are 64 KiB in the archive


@pytest.fixture(autouse=True)
def _bounded():
    """Nothing takes gigabytes, or for ever."""

    def late(*_):
        raise AssertionError("it hangs")

    memory = Path("/proc/self/clear_refs")
    if memory.exists():
        memory.write_text("5")  # the largest size counts from here
    before = largest()
    handler = signal.signal(signal.SIGALRM, late)
    signal.alarm(300)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, handler)
    assert largest() - before < 400 << 10


def largest():
    """The largest resident size so far in KiB, or 0 where the system does not tell."""
    status = Path("/proc/self/status")
    return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) if status.exists() else 0


def refused(use, *words):
    with pytest.raises(UserError) as raised:
        use()
    assert "\n" not in str(raised.value)
    for word in words:
        assert word in str(raised.value)


def annotated(data):
    """A zip in CODEBRIM's layout whose first photo is `data`."""
    return {**members(), "original_dataset/images/image_0.jpg": data}


def test_a_zip_member_that_expands_without_end_is_read_to_the_limit(tmp_path, monkeypatch):
    path = pack(tmp_path / "bomb.zip", annotated(bytes(ZEROS)))
    assert path.stat().st_size < 1 << 19
    opened = ZipArchive(path, "original_dataset")
    refused(lambda: opened.read("images/image_0.jpg", 1 << 20), "image_0.jpg", "larger than 1 MiB")


def test_a_member_that_claims_ten_gigabytes(tmp_path):
    """The directory says 10 GB, 200 bytes are there."""
    path = pack(tmp_path / "claim.zip", annotated(os.urandom(200)))
    data = bytearray(path.read_bytes())
    entry = data.index(b"original_dataset/images/image_0.jpg", data.index(b"PK\1\2")) - 46
    data[entry + 24 : entry + 28] = struct.pack("<L", (1 << 32) - 2)
    path.write_bytes(data)
    opened = ZipArchive(path, "original_dataset")
    refused(lambda: read_photos(opened), "image_0.jpg")
    with tarfile.open(tmp_path / "claim.tar", "w") as file:
        info = tarfile.TarInfo("set/a.jpg")
        info.size = 10 * 10**9
        file.fileobj.write(info.tobuf(tarfile.GNU_FORMAT) + b"x" * 512)
        file.offset += 1024
    refused(lambda: TarArchive(tmp_path / "claim.tar", "set"), "larger than 512 MiB")


def test_members_that_share_their_bytes(tmp_path, monkeypatch):
    """Every entry of the directory points to the same megabytes of zeros; zipfile bounds each by itself only."""
    path = tmp_path / "overlap.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("original_dataset/a.xml", bytes(ZEROS))
        start = file.start_dir
        one = file.infolist()[0]
    entries = b""
    for number in range(5000):
        name = f"original_dataset/{number:04d}.xml".encode()
        fields = (20, 20, 0, 8, 0, 0, one.CRC, one.compress_size, one.file_size, len(name), 0, 0, 0, 0, 0, 0)
        entries += struct.pack("<4s6H3L5H2L", b"PK\1\2", *fields) + name
    with path.open("r+b") as file:
        file.truncate(start)
        file.seek(start)
        file.write(entries + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 5000, 5000, len(entries), start, 0))
    refused(lambda: ZipArchive(path, "original_dataset"), "more than 64 GiB of files")
    monkeypatch.setattr(zip_archive, "LARGEST_TOTAL", 1 << 40)
    opened = ZipArchive(path, "original_dataset")
    assert len(opened.names()) == 5000
    refused(lambda: opened.read("0007.xml", LARGEST_LIST), "0007.xml")


def test_an_archive_in_an_archive_is_a_file_like_others(tmp_path):
    """Nothing is unpacked twice, so that one which holds itself has no end to reach."""
    inner = pack(tmp_path / "inner.zip", members()).read_bytes()
    for _ in range(3):
        inner = pack(tmp_path / "outer.zip", {"original_dataset/inner.zip": inner}).read_bytes()
    assert ZipArchive(tmp_path / "outer.zip", "original_dataset").names() == ["inner.zip"]


def repeated(path, block, times, end=b""):
    """Write a gzip of `block` `times` over, and `end`, quickly: every member of a gzip is the same bytes."""
    whole = gzip.compress(block, 1)
    with path.open("wb") as file:
        for _ in range(times):
            file.write(whole)
        file.write(gzip.compress(end))
    return path


def test_a_tar_that_expands_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tar_archive, "LARGEST_TOTAL", 1 << 27)
    info = tarfile.TarInfo("set/a.jpg")
    info.size = 200 << 20
    path = repeated(tmp_path / "bomb.tar.gz", bytes(1 << 20), 300)
    path.write_bytes(gzip.compress(info.tobuf()) + path.read_bytes())
    assert path.stat().st_size < 1 << 21
    refused(lambda: TarArchive(path, "set"), "not an archive to be trusted")


def test_zeros_behind_a_tar_are_not_read_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(tar_archive, "LARGEST_TOTAL", 1 << 25)
    path = pack_tar(tmp_path / "a.tar.gz", {"set/a.jpg": b"x"})
    with path.open("ab") as file:
        file.write(repeated(tmp_path / "zeros", bytes(1 << 20), 100).read_bytes())
    refused(lambda: TarArchive(path, "set"), "not an archive to be trusted")


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE])
@pytest.mark.parametrize("length", [10, 5000])
def test_a_tar_of_countless_or_endless_names_is_refused(tmp_path, monkeypatch, kind, length):
    monkeypatch.setattr(tar_archive, "LARGEST_HEADERS", 1 << 16)
    count = (1 << 16) // (512 if length < 100 else length) + 1
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as file:
        for number in range(count):
            info = tarfile.TarInfo(f"set/{number:0{length}d}")
            info.type = kind
            file.addfile(info)
    refused(lambda: TarArchive(tmp_path / "a.tar.gz", "set"), "not an archive to be trusted")


@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"g"])
def test_a_tar_header_that_claims_gigabytes_is_not_read(tmp_path, kind):
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = kind, 300 << 20
    path = repeated(tmp_path / "header.tar.gz", bytes(1 << 20), 301)
    path.write_bytes(gzip.compress(info.tobuf()) + path.read_bytes())
    refused(lambda: TarArchive(path, "set"), "a header of")


def sparse(fields):
    """A tar whose one member has a map of a sparse file with so many fields, as numbers in its own data."""
    pax = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n29 GNU.sparse.name=set/a.jpg\n"
    head = tarfile.TarInfo("x")
    head.type, head.size = b"x", len(pax)
    body = tarfile.TarInfo("set/a.jpg")
    body.size = 1 << 20
    return head.tobuf() + pax.ljust(512, b"\0") + body.tobuf() + f"{fields}\n".encode().ljust(512, b"1")


def test_a_map_of_a_sparse_file_is_not_read(tmp_path):
    """Read as tarfile does, byte by byte longer, it takes hours."""
    path = repeated(tmp_path / "sparse.tar.gz", b"1" * (1 << 20), 100)
    path.write_bytes(gzip.compress(sparse(10**12)) + path.read_bytes())
    refused(lambda: TarArchive(path, "set"), "a link or a device")


XML = {
    "billion laughs": b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><annotation>&b;</annotation>',
    "external entity": b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotation>&a;</annotation>',
    "external subset": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><annotation/>',
    "million deep": b"<a>" * 1_000_000 + b"</a>" * 1_000_000,
    "megabytes": b"<a/>" * (5 << 20),
    "another encoding": b'<?xml version="1.0" encoding="no-such"?><annotation/>',
    "utf-7": b'<?xml version="1.0" encoding="utf-7"?><annotation/>',
}


@pytest.mark.parametrize("what", XML)
def test_xml_that_expands(tmp_path, what):
    contents = {**members(), "original_dataset/annotations/image_0.xml": XML[what]}
    opened = ZipArchive(pack(tmp_path / "a.zip", contents), "original_dataset")
    with contextlib.suppress(UserError):
        assert read_photos(opened)[0].boxes == ()
    if what != "million deep":
        refused(lambda: read_photos(opened), "image_0.xml") if what != "external subset" else None


@pytest.mark.parametrize("number", ["9" * 5000, "1e9", "0x10", "１２", "٣", "1_0", " 5 ", "-0", "nan"])
def test_numbers_of_annotations(tmp_path, number):
    annotation = xml("image_0.jpg", [((1, 1, 9, 9), "Crack")]).decode().replace("<xmax>9", f"<xmax>{number}").encode()
    contents = {**members(), "original_dataset/annotations/image_0.xml": annotation}
    opened = ZipArchive(pack(tmp_path / "a.zip", contents), "original_dataset")
    with contextlib.suppress(UserError):
        assert read_photos(opened)


def test_a_matlab_file_that_expands_without_end(monkeypatch):
    monkeypatch.setattr(matlab, "MEMORY", 1 << 28)
    file = io.BytesIO()
    savemat(file, {"labels": np.zeros(1 << 26, np.uint8)}, do_compression=True)
    assert len(file.getvalue()) < 1 << 17
    with pytest.raises(ValueError, match="not a MATLAB file"):
        matlab.load_variables(file.getvalue(), ("labels",))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_that_are_damaged(tmp_path, method):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("original_dataset/a.jpg", jpeg())
    whole = path.read_bytes()
    for place in range(52, 100):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        with contextlib.suppress(UserError):
            assert ZipArchive(path, "original_dataset").read("a.jpg") == jpeg()


def test_an_extracted_folder_gives_nothing_from_outside(tmp_path):
    (tmp_path / "secret.xml").write_bytes(b"secret")
    root = tmp_path / "original_dataset"
    for name, data in members().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (root / "annotations" / "more.xml").symlink_to(tmp_path / "secret.xml")
    (root / "annotations" / "etc").symlink_to("/etc")
    os.mkfifo(root / "annotations" / "fifo.xml")
    assert len(FolderArchive(root).names()) == len(members())
    record = describe_drawn(TINY, tmp_path)
    assert len(record["files"]) == len(members())


def test_names_that_only_look_safe(tmp_path):
    names = ["a..b/c.jpg", "x..jpg", "~/x.jpg", "$HOME.jpg"]
    contents = {f"original_dataset/{name}": name.encode() for name in names}
    opened = ZipArchive(pack(tmp_path / "a.zip", contents), "original_dataset")
    assert [opened.read(name).decode() for name in opened.names()] == sorted(names)
