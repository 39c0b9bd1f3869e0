import subprocess
import sys

import pytest
from small_archives import unpack

from advkd.data.archives.folder_archive import FolderArchive
from advkd.errors import UserError


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
    opened = FolderArchive(tmp_path)
    (tmp_path / "a.jpg").unlink()
    for use in (opened.digest, lambda: opened.read("a.jpg")):
        with pytest.raises(UserError, match=r"cannot read a\.jpg in .*: No such file"):
            use()


def test_a_folder_is_the_same_by_a_relative_path(archive, tmp_path):
    folder = unpack(archive, tmp_path) / "original_dataset"
    code = (
        "from pathlib import Path; from advkd.data.archives.folder_archive import FolderArchive; "
        "print(FolderArchive(Path('original_dataset')).digest())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == FolderArchive(folder).digest()


def test_only_some_files_of_a_folder(archive, tmp_path):
    folder = unpack(archive, tmp_path / "x") / "original_dataset"
    names = ("images/image_1.jpg", "annotations/image_1.xml")
    opened = FolderArchive(folder, names)
    assert opened.names() == sorted(names)
    assert opened.order(names) == list(names)
    with pytest.raises(UserError, match=r"original_dataset lacks train\.txt: not the official data"):
        FolderArchive(folder, (*names, "train.txt"))
