import dataclasses
import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from small_archives import TINY, members, pack, pack_tar, unpack

from advkd import files
from advkd.data import registry
from advkd.data.archives import download
from advkd.data.archives.download import find_or_download
from advkd.data.archives.fetch_dataset import fetch_dataset
from advkd.data.archives.record import describe_drawn, open_record, read_record
from advkd.data.archives.verification import remember_content
from advkd.data.registry import RemoteFile
from advkd.errors import UserError


def with_checksum(dataset, checksum):
    return dataclasses.replace(dataset, archives=(dataclasses.replace(dataset.archives[0], checksum=checksum),))


def digest_of(path):
    """Return the content digest of the tiny archive at `path`, whatever it is called."""
    remote = dataclasses.replace(TINY.archives[0], file=path.name)
    return describe_drawn(dataclasses.replace(TINY, archives=(remote,)), path.parent)["content"]


PACKED = {"Images/a/1.jpg": b"1", "Images/a/2.jpg": b"2", "Images/b/3.jpg": b"3"}
ROOMS = dataclasses.replace(
    TINY,
    name="rooms",
    archives=(
        RemoteFile("rooms.tar", "http://localhost:9/rooms.tar", None, None),
        RemoteFile("Train.txt", "http://localhost:9/Train.txt", None, None),
    ),
    folder="Images",
    expect={"jpg": 3, "Images/": 2},
)


@pytest.fixture
def rooms(tmp_path):
    """A folder that holds an archive and the loose file that belongs to it."""
    (tmp_path / "rooms").mkdir()
    pack_tar(tmp_path / "rooms" / "rooms.tar", PACKED)
    (tmp_path / "rooms" / "Train.txt").write_text("a/1.jpg\n")
    return tmp_path / "rooms"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a download was tried")

    monkeypatch.setattr(download, "download", refuse)


def test_archive_folder_and_parents_are_found_and_agree(archive, root, tmp_path):
    folder = unpack(archive, tmp_path / "extracted") / "original_dataset"
    named = archive.rename(tmp_path / "other name.zip")
    zips = [fetch_dataset(TINY, mirror=named, root=root, accept=None)]
    named.rename(archive)
    zips.append(fetch_dataset(TINY, mirror=tmp_path, root=root, accept=None))
    folders = [fetch_dataset(TINY, mirror=place, root=root, accept=None) for place in (folder, folder.parent)]
    for record in zips:
        assert record["kind"] == "archive" and record["parts"][0]["kind"] == "zip"
        assert record["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    for record in folders:
        assert record["kind"] == "folder" and record["sha256"] is None
    assert len({record["content"] for record in zips + folders}) == 1
    assert {len(record["files"]) for record in zips + folders} == {10}
    assert {record["verified"] for record in zips + folders} == {"structure; checksum as first used"}
    assert zips[0]["parts"] == [
        {"file": "tiny.zip", "path": str(named), "kind": "zip", "sha256": zips[0]["sha256"]},
    ]
    assert json.loads(json.dumps(zips[0])) == zips[0]


def test_a_linked_official_folder_is_found(archive, root, tmp_path):
    real = unpack(archive, tmp_path / "x").joinpath("original_dataset").rename(tmp_path / "elsewhere")
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "original_dataset").symlink_to(real)
    assert fetch_dataset(TINY, mirror=tmp_path / "mirror", root=root, accept=None)["kind"] == "folder"


def test_an_archive_under_the_root_needs_no_download(archive, root):
    (root / "archives").mkdir(parents=True)
    archive.rename(root / "archives" / "tiny.zip")
    assert fetch_dataset(TINY, mirror=None, root=root, accept=None)["kind"] == "archive"


def test_a_download_is_announced_first(archive, root, said, monkeypatch):
    def deliver(url, target, checksum, size):
        assert url == TINY.archives[0].url
        assert any("licence: none" in line and "cite: nobody" in line for line in said)
        target.parent.mkdir(parents=True)
        archive.rename(target)

    monkeypatch.setattr(download, "download", deliver)
    record = fetch_dataset(TINY, mirror=None, root=root, accept=None)
    assert record["parts"][0]["path"] == str(root / "archives" / "tiny.zip")


def test_every_part_is_downloaded_and_the_licence_told_once(rooms, root, said, monkeypatch):
    def deliver(url, target, checksum, size):
        target.parent.mkdir(parents=True, exist_ok=True)
        (rooms / target.name).rename(target)

    monkeypatch.setattr(download, "download", deliver)
    record = fetch_dataset(ROOMS, mirror=None, root=root, accept=None)
    assert [part["path"] for part in record["parts"]] == [
        str(root / "archives" / n) for n in ("rooms.tar", "Train.txt")
    ]
    assert sum("licence: none" in line for line in said) == 1
    assert fetch_dataset(ROOMS, mirror=None, root=root, accept=None) == record


def test_published_checksums(archive, root):
    data = archive.read_bytes()
    for checksum in (f"md5:{hashlib.md5(data).hexdigest()}", f"sha256:{hashlib.sha256(data).hexdigest()}"):
        record = fetch_dataset(with_checksum(TINY, checksum), mirror=archive, root=root, accept=None)
        assert record["verified"] == "published checksum"


def test_a_wrong_published_checksum_tells_all_that_is_needed_to_accept(archive, root):
    wrong = "md5:" + 32 * "0"
    with pytest.raises(UserError, match=f"expected {wrong}, found md5:") as raised:
        fetch_dataset(with_checksum(TINY, wrong), mirror=archive, root=root, accept=None)
    content = digest_of(archive)
    assert f"--config 'accept={{codebrim: \"content:{content}\"}}'" in str(raised.value)
    assert not (root / "checksums.json").exists()


def test_wrong_counts(tmp_path, root):
    contents = members()
    contents["original_dataset/seventh.jpg"] = b"x"
    with pytest.raises(UserError, match="expected 6 jpg files, found 7"):
        fetch_dataset(TINY, mirror=pack(tmp_path / "more.zip", contents), root=root, accept=None)
    contents = members()
    contents.popitem()
    with pytest.raises(UserError, match="expected 4 xml files, found 3"):
        fetch_dataset(TINY, mirror=pack(tmp_path / "fewer.zip", contents), root=root, accept=None)


def test_the_first_content_is_trusted_and_another_refused(archive, tmp_path, root):
    first = fetch_dataset(TINY, mirror=archive, root=root, accept=None)
    assert not (root / "checksums.json").exists(), "it is remembered once it was prepared"
    remember_content(root, "codebrim", first["content"])
    contents = members()
    contents[next(iter(contents))] += b"changed"
    other = pack(tmp_path / "changed.zip", contents)
    with pytest.raises(
        UserError, match=f"expected content:{first['content']}, which was used first here.*delete 'codebrim' from"
    ):
        fetch_dataset(TINY, mirror=other, root=root, accept=None)
    fetch_dataset(TINY, mirror=archive, root=root, accept=None)
    fetch_dataset(TINY, mirror=other, root=tmp_path / "another root", accept=None)


def test_accepted_data_are_marked_said_and_not_remembered(tmp_path, root, said):
    path = pack(tmp_path / "few.zip", {"original_dataset/a.jpg": b"x"})
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    for accept in (f"sha256:{sha256}", f"content:{digest_of(path)}"):
        record = fetch_dataset(TINY, mirror=path, root=root, accept=accept)
        assert record["verified"] == "accepted by the user" and record["sha256"] == sha256
    assert sum("accepted by the user" in line for line in said) == 2
    assert not (root / "checksums.json").exists()


def test_an_acceptance_of_other_data_is_refused_even_for_the_official_archive(archive, root):
    with pytest.raises(UserError, match=r"expected content:0+, which was accepted; found .*--config 'accept="):
        fetch_dataset(TINY, mirror=archive, root=root, accept="content:" + 64 * "0")


def test_a_mirror_without_the_archive_names_what_was_looked_for(tmp_path, root):
    (tmp_path / "mirror").mkdir()
    with pytest.raises(UserError, match=r"neither the archive tiny\.zip nor the extracted folder original_dataset"):
        fetch_dataset(TINY, mirror=tmp_path / "mirror", root=root, accept=None)
    with pytest.raises(UserError, match="does not exist"):
        fetch_dataset(TINY, mirror=tmp_path / "nothing", root=root, accept=None)


def test_joined_archives_and_their_extraction_agree(rooms, root, tmp_path):
    packed = fetch_dataset(ROOMS, mirror=rooms, root=root, accept=None)
    extracted = unpack(pack(tmp_path / "x.zip", PACKED), tmp_path / "extracted")
    (extracted / "Train.txt").write_bytes((rooms / "Train.txt").read_bytes())
    unpacked = fetch_dataset(ROOMS, mirror=extracted, root=root, accept=None)
    assert packed["content"] == unpacked["content"]
    assert packed["files"] == unpacked["files"] and len(packed["files"]) == 4
    assert (packed["kind"], unpacked["kind"]) == ("archive", "folder")
    assert [part["kind"] for part in packed["parts"]] == ["tar", "file"]
    assert [part["kind"] for part in unpacked["parts"]] == ["folder", "file"]
    train = hashlib.sha256((rooms / "Train.txt").read_bytes()).hexdigest()
    assert [part["sha256"] for part in unpacked["parts"]] == [None, train]
    assert packed["sha256"] is None and unpacked["sha256"] is None
    for record in (packed, unpacked):
        archive = open_record(json.loads(json.dumps(record)), ROOMS)
        assert archive.digest() == record["content"]
        assert archive.read("Images/b/3.jpg") == b"3"


def test_another_list_is_another_content(rooms, root):
    first = fetch_dataset(ROOMS, mirror=rooms, root=root, accept=None)
    remember_content(root, "rooms", first["content"])
    (rooms / "Train.txt").write_text("a/2.jpg\n")
    with pytest.raises(UserError, match=r"expected content:.*, which was used first here"):
        fetch_dataset(ROOMS, mirror=rooms, root=root, accept=None)


def test_the_archive_of_a_data_set_whose_folder_is_called_the_same(rooms, root):
    pack_tar(rooms / "rooms.tar", {**PACKED, "Images/c/4.jpg": b"4"})
    with pytest.raises(UserError, match=r"expected 3 jpg files, found 4[^\n]*$"):
        fetch_dataset(ROOMS, mirror=rooms, root=root, accept=None)
    classes = dataclasses.replace(ROOMS, expect={"Images/": 2})
    with pytest.raises(UserError, match=r"expected 2 folders in Images/, found 3"):
        fetch_dataset(classes, mirror=rooms, root=root, accept=None)
    assert not (root / "checksums.json").exists()


PICKLES = {"train": b"1" * 900, "test": b"2", "meta": b"3"}


def cifar(archive_checksum=None):
    checksums = {name: f"md5:{hashlib.md5(data).hexdigest()}" for name, data in PICKLES.items()}
    remote = RemoteFile("cifar.tar.gz", "http://localhost:9/cifar.tar.gz", archive_checksum, None, files=checksums)
    return dataclasses.replace(TINY, name="cifar", archives=(remote,), folder="batches", expect={})


@pytest.fixture
def extracted(tmp_path):
    (tmp_path / "x" / "batches").mkdir(parents=True)
    for name, data in PICKLES.items():
        (tmp_path / "x" / "batches" / name).write_bytes(data)
    return tmp_path / "x" / "batches"


def test_extracted_files_with_published_checksums(extracted, root):
    (extracted / "readme.html").write_text("not read")
    record = fetch_dataset(cifar(), mirror=extracted, root=root, accept=None)
    assert record["verified"] == "published checksum" and record["kind"] == "folder" and len(record["files"]) == 3


def test_one_extracted_file_that_is_not_the_published_one(extracted, root):
    (extracted / "test").write_bytes(b"another")
    expected = hashlib.md5(PICKLES["test"]).hexdigest()
    with pytest.raises(UserError, match=f"batches is not what cifar should be: expected md5:{expected} of test, found"):
        fetch_dataset(cifar(), mirror=extracted.parent, root=root, accept=None)
    (extracted / "test").unlink()
    with pytest.raises(UserError, match="batches lacks test"):
        fetch_dataset(cifar(), mirror=extracted.parent, root=root, accept=None)


def test_published_files_packed_anew(extracted, root, tmp_path):
    path = pack_tar(tmp_path / "cifar.tar.gz", {f"batches/{name}": data for name, data in PICKLES.items()})
    dataset = cifar("md5:" + 32 * "0")
    packed = fetch_dataset(dataset, mirror=path, root=root, accept=None)
    assert packed["verified"] == "published checksum"
    assert packed["content"] == fetch_dataset(dataset, mirror=extracted, root=root, accept=None)["content"]
    pack_tar(path, {"batches/train": b"x", "batches/test": b"2", "batches/meta": b"3"})
    with pytest.raises(UserError, match="of train, found md5:"):
        fetch_dataset(dataset, mirror=path, root=root, accept=None)


def test_a_record_of_something_else_is_refused(rooms, root):
    record = fetch_dataset(ROOMS, mirror=rooms, root=root, accept=None)
    for other in (record, {"name": "codebrim", "path": "tiny.zip"}):
        with pytest.raises(UserError, match=r"not a record of codebrim \(tiny\.zip\)"):
            open_record(other, TINY)


def test_files_that_went_after_the_fetch_are_told(archive, root):
    record = fetch_dataset(TINY, mirror=archive, root=root, accept=None)
    archive.unlink()
    with pytest.raises(UserError, match=r"cannot read .*tiny\.zip"):
        open_record(record, TINY)


def test_drawn_archives_need_no_verification(rooms):
    record = describe_drawn(ROOMS, rooms)
    assert record["verified"] == "drawn on the spot" and len(record["files"]) == 4
    assert record["content"] == open_record(record, ROOMS).digest()


def layout(dataset):
    """Return the least that the archives of a data set hold, by the archive."""
    contents = {}
    for remote in dataset.archives:
        folder = dataset.folder_of(remote)
        names = [f"{folder}/{name}" if folder else name for name in remote.files or ["class/1.jpg"]]
        contents[remote.file] = {name: name.encode() for name in names}
    return contents


@pytest.mark.parametrize("name", registry.load(Path(__file__).parents[3] / "config/datasets.yaml"))
def test_every_data_set_is_found_packed_and_extracted(tmp_path, name):
    dataset = registry.load(Path(__file__).parents[3] / "config/datasets.yaml")[name]
    (tmp_path / "extracted").mkdir()
    for file, contents in layout(dataset).items():
        if file.endswith(".txt"):
            for folder in (tmp_path, tmp_path / "extracted"):
                (folder / file).write_text(file)
            continue
        (pack if file.endswith(".zip") else pack_tar)(tmp_path / file, contents)
        for member, data in contents.items():
            (tmp_path / "extracted" / member).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "extracted" / member).write_bytes(data)
    packed, extracted = describe_drawn(dataset, tmp_path), describe_drawn(dataset, tmp_path / "extracted")
    assert packed["content"] == extracted["content"]
    assert (packed["kind"], extracted["kind"]) == ("archive", "folder")


def test_data_sets_remembered_side_by_side_are_all_remembered(root, monkeypatch):
    real = files.write_json

    def slowly(path, value):
        time.sleep(0.02)  # long enough for the others to read what this is about to replace
        real(path, value)

    monkeypatch.setattr(files, "write_json", slowly)
    sets = [dataclasses.replace(TINY, name=f"set{i}") for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda dataset: remember_content(root, dataset.name, "0" * 64), sets))
    assert set(json.loads((root / "checksums.json").read_text())) == {dataset.name for dataset in sets}


@pytest.mark.parametrize("damage", ["{", "[]", '{"codebrim": 3}', "\x00"])
def test_damaged_memory_of_checksums(archive, root, damage):
    root.mkdir()
    (root / "checksums.json").write_text(damage)
    with pytest.raises(UserError, match=r"checksums\.json is damaged"):
        fetch_dataset(TINY, mirror=archive, root=root, accept=None)


def test_obtain_from_a_mirror(tmp_path, root):
    (tmp_path / "tiny.zip").write_bytes(b"x")
    remote = TINY.archives[0]
    assert find_or_download(remote, mirror=tmp_path, root=root, notice="") == tmp_path / "tiny.zip"
    with pytest.raises(UserError, match=r"does not hold tiny\.zip"):
        find_or_download(remote, mirror=root, root=root, notice="")


def test_what_an_earlier_version_remembered_is_not_compared(archive, root):
    """It remembered another kind of digest, at the first sight of an archive."""
    root.mkdir()
    (root / "checksums.json").write_text(json.dumps({"codebrim": {"content": "0" * 64}}))
    fetch_dataset(TINY, mirror=archive, root=root, accept=None)


@pytest.mark.parametrize("text", ["{", "[]", "{}", "null", '{"verified": 1, "content": "x"}', "[" * 100_000])
def test_a_damaged_record_is_told_in_one_line(tmp_path, text):
    path = tmp_path / "mit67.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"mit67\.json cannot be read .*: delete it and start again$"):
        read_record(path)


def test_a_record_that_lost_a_key_is_told_in_one_line(tmp_path):
    part = {"file": "a.tar", "path": "/a.tar", "kind": "tar", "sha256": "0"}
    whole = {"verified": "x", "content": "y", "kind": "archive", "name": "mit67", "sha256": None, "parts": [part]}
    path = tmp_path / "mit67.json"
    path.write_text(json.dumps(whole))
    assert read_record(path) == whole
    damaged = [{**whole, "parts": parts} for parts in ([], None, {}, [{}], [1], [{**part, "path": None}])]
    damaged += [{key: value for key, value in whole.items() if key != lost} for lost in whole if lost != "sha256"]
    for record in damaged:
        path.write_text(json.dumps(record))
        with pytest.raises(UserError, match=r"mit67\.json cannot be read .*: delete it and start again$"):
            read_record(path)


def test_an_extracted_folder_may_be_a_link_and_hold_links_where_the_user_says_so(archive, tmp_path, root):
    packed = fetch_dataset(TINY, mirror=archive, root=root, accept=None)
    shared = unpack(archive, tmp_path / "shared") / "original_dataset"
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "original_dataset").symlink_to(shared)
    assert fetch_dataset(TINY, mirror=mirror, root=root, accept=None)["content"] == packed["content"]
    renamed = shared.rename(tmp_path / "renamed")
    (mirror / "original_dataset").unlink()
    (mirror / "original_dataset").symlink_to(renamed)
    named = mirror / "original_dataset"  # a link of the official name, named itself
    assert fetch_dataset(TINY, mirror=named, root=root, accept=None)["content"] == packed["content"]
    named.unlink()
    named.mkdir()
    for name in ("images", "annotations"):
        (named / name).symlink_to(renamed / name)
    with pytest.raises(UserError, match=r"expected 6 jpg files, found 0"):
        fetch_dataset(TINY, mirror=mirror, root=root, accept=None)
    record = fetch_dataset(TINY, mirror=mirror, root=root, accept=None, links=True)
    assert record["content"] == packed["content"]
    assert open_record(json.loads(json.dumps(record)), TINY).digest() == packed["content"]
