import hashlib

import pytest
from small_archives import pack, pack_tar, unpack

from advkd.data.archives.folder_archive import FolderArchive
from advkd.data.archives.joined_archive import JoinedArchive
from advkd.data.archives.tar_archive import TarArchive
from advkd.errors import UserError

IMAGES = {f"Images/{name}.jpg": name.encode() * 9 for name in ("dog/2", "cat/1", "dog/1", "ant/5")}
LISTS = {"train.mat": b"train", "test.mat": b"test"}


@pytest.fixture
def joined(tmp_path):
    images = TarArchive(pack_tar(tmp_path / "images.tar", IMAGES), "Images")
    lists = TarArchive(pack_tar(tmp_path / "lists.tar", {**LISTS, "more.mat": b"more"}), None, tuple(LISTS))
    return JoinedArchive([("Images/", images), ("", lists)])


def test_all_files_have_one_root(joined, tmp_path):
    assert joined.kind == "joined" and joined.path == tmp_path / "images.tar"
    contents = {**IMAGES, **LISTS}
    assert joined.names() == sorted(contents)
    for name, data in contents.items():
        assert joined.read(name) == data
        assert joined.sha256(name) == hashlib.sha256(data).hexdigest()
        with joined.open(name) as file:
            assert file.read() == data
    assert joined.folders("Images/") == {"ant", "cat", "dog"}


def test_the_digest_is_that_of_the_extraction(joined, tmp_path):
    folder = unpack(pack(tmp_path / "all.zip", {**IMAGES, **LISTS}), tmp_path / "all")
    extracted = JoinedArchive(
        [("Images/", FolderArchive(folder / "Images")), ("", FolderArchive(folder, tuple(LISTS)))]
    )
    assert joined.digest() == extracted.digest() == FolderArchive(folder).digest()


def test_the_order_is_part_by_part_as_each_is_packed(joined):
    assert joined.order(joined.names()) == [*IMAGES, *LISTS]
    assert joined.order(["test.mat", "Images/cat/1.jpg", "Images/dog/2.jpg"]) == [
        *("Images/dog/2.jpg", "Images/cat/1.jpg"),
        "test.mat",
    ]


def test_two_files_of_one_name_are_told(joined, tmp_path):
    (tmp_path / "train.mat").write_bytes(b"another")
    parts = [("", TarArchive(tmp_path / "lists.tar", None)), ("", FolderArchive(tmp_path, ("train.mat",)))]
    with pytest.raises(UserError, match=r"lists\.tar both hold train\.mat"):
        JoinedArchive(parts)


def test_damage_is_told_of_the_part_it_lies_in(joined, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.txt").write_text("a")
    archive = JoinedArchive([("Images/", joined), ("", FolderArchive(tmp_path / "more"))])
    (tmp_path / "more" / "a.txt").unlink()
    with pytest.raises(UserError, match=r"cannot read a\.txt in .*more: No such file"):
        archive.read("a.txt")
