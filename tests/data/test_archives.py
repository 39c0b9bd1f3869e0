import dataclasses
import hashlib
import json

import pytest
from small_archives import TINY, members, pack, unpack

from advkd.data import archives
from advkd.data.archives import fetch
from advkd.errors import UserError


def with_checksum(dataset, checksum):
    return dataclasses.replace(dataset, archives=(dataclasses.replace(dataset.archives[0], checksum=checksum),))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a download was tried")

    monkeypatch.setattr(archives, "download", refuse)


def test_archive_folder_and_parents_are_found_and_agree(archive, root, tmp_path):
    folder = unpack(archive, tmp_path / "extracted") / "original_dataset"
    named = archive.rename(tmp_path / "other name.zip")
    zips = [fetch(TINY, mirror=named, root=root, accept=None)]
    named.rename(archive)
    zips.append(fetch(TINY, mirror=tmp_path, root=root, accept=None))
    folders = [fetch(TINY, mirror=place, root=root, accept=None) for place in (folder, folder.parent)]
    for record in zips:
        assert record["kind"] == "zip"
        assert record["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    for record in folders:
        assert record["kind"] == "folder" and record["sha256"] is None
    assert len({record["content"] for record in zips + folders}) == 1
    assert {record["files"] for record in zips + folders} == {10}
    assert {record["verified"] for record in zips + folders} == {"structure; checksum as first used"}
    assert json.loads(json.dumps(zips[0])) == zips[0]


def test_a_linked_official_folder_is_found(archive, root, tmp_path):
    real = unpack(archive, tmp_path / "x").joinpath("original_dataset").rename(tmp_path / "elsewhere")
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "original_dataset").symlink_to(real)
    assert fetch(TINY, mirror=tmp_path / "mirror", root=root, accept=None)["kind"] == "folder"


def test_an_archive_under_the_root_needs_no_download(archive, root):
    (root / "archives").mkdir(parents=True)
    archive.rename(root / "archives" / "tiny.zip")
    assert fetch(TINY, mirror=None, root=root, accept=None)["kind"] == "zip"


def test_a_download_is_announced_first(archive, root, said, monkeypatch):
    def deliver(url, target, checksum, size):
        assert url == TINY.archives[0].url
        assert any("licence: none" in line and "cite: nobody" in line for line in said)
        target.parent.mkdir(parents=True)
        archive.rename(target)

    monkeypatch.setattr(archives, "download", deliver)
    record = fetch(TINY, mirror=None, root=root, accept=None)
    assert record["path"] == str(root / "archives" / "tiny.zip")


def test_published_checksums(archive, root):
    data = archive.read_bytes()
    for checksum in (f"md5:{hashlib.md5(data).hexdigest()}", f"sha256:{hashlib.sha256(data).hexdigest()}"):
        record = fetch(with_checksum(TINY, checksum), mirror=archive, root=root, accept=None)
        assert record["verified"] == "published checksum"


def test_a_wrong_published_checksum_tells_all_that_is_needed_to_accept(archive, root):
    wrong = "md5:" + 32 * "0"
    with pytest.raises(UserError, match=f"expected {wrong}, found md5:") as raised:
        fetch(with_checksum(TINY, wrong), mirror=archive, root=root, accept=None)
    content = archives.describe("x", archive, "original_dataset")["content"]
    assert f"--config 'accept={{codebrim: \"content:{content}\"}}'" in str(raised.value)
    assert not (root / "checksums.json").exists()


def test_wrong_counts(tmp_path, root):
    contents = members()
    contents["original_dataset/seventh.jpg"] = b"x"
    with pytest.raises(UserError, match="expected 6 jpg files, found 7"):
        fetch(TINY, mirror=pack(tmp_path / "more.zip", contents), root=root, accept=None)
    contents = members()
    contents.popitem()
    with pytest.raises(UserError, match="expected 4 xml files, found 3"):
        fetch(TINY, mirror=pack(tmp_path / "fewer.zip", contents), root=root, accept=None)


def test_the_first_content_is_trusted_and_another_refused(archive, tmp_path, root):
    first = fetch(TINY, mirror=archive, root=root, accept=None)
    contents = members()
    contents[next(iter(contents))] += b"changed"
    other = pack(tmp_path / "changed.zip", contents)
    with pytest.raises(UserError, match=f"expected content:{first['content']}, which was used first here"):
        fetch(TINY, mirror=other, root=root, accept=None)
    fetch(TINY, mirror=archive, root=root, accept=None)
    fetch(TINY, mirror=other, root=tmp_path / "another root", accept=None)


def test_accepted_data_are_marked_said_and_not_remembered(tmp_path, root, said):
    path = pack(tmp_path / "few.zip", {"original_dataset/a.jpg": b"x"})
    known = archives.describe("x", path, "original_dataset")
    for accept in (f"sha256:{known['sha256']}", f"content:{known['content']}"):
        record = fetch(TINY, mirror=path, root=root, accept=accept)
        assert record == {**known, "name": "codebrim", "verified": "accepted by the user"}
    assert sum("accepted by the user" in line for line in said) == 2
    assert not (root / "checksums.json").exists()


def test_an_acceptance_of_other_data_is_refused_even_for_the_official_archive(archive, root):
    with pytest.raises(UserError, match=r"expected content:0+, which was accepted; found .*--config 'accept="):
        fetch(TINY, mirror=archive, root=root, accept="content:" + 64 * "0")


def test_a_mirror_without_the_archive_names_what_was_looked_for(tmp_path, root):
    (tmp_path / "mirror").mkdir()
    with pytest.raises(UserError, match=r"neither the archive tiny\.zip nor the extracted folder original_dataset"):
        fetch(TINY, mirror=tmp_path / "mirror", root=root, accept=None)
    with pytest.raises(UserError, match="does not exist"):
        fetch(TINY, mirror=tmp_path / "nothing", root=root, accept=None)


def test_a_tar_must_be_extracted_by_the_user(tmp_path, root):
    (tmp_path / "images.tar").write_bytes(b"tar")
    with pytest.raises(UserError, match="extract it"):
        fetch(TINY, mirror=tmp_path / "images.tar", root=root, accept=None)


def test_damaged_memory_of_checksums(archive, root):
    root.mkdir()
    (root / "checksums.json").write_text("{")
    with pytest.raises(UserError, match=r"checksums\.json is damaged"):
        fetch(TINY, mirror=archive, root=root, accept=None)


def test_obtain_from_a_mirror(tmp_path, root):
    (tmp_path / "tiny.zip").write_bytes(b"x")
    remote = TINY.archives[0]
    assert archives.obtain(remote, mirror=tmp_path, root=root, notice="") == tmp_path / "tiny.zip"
    with pytest.raises(UserError, match=r"does not hold tiny\.zip"):
        archives.obtain(remote, mirror=root, root=root, notice="")
