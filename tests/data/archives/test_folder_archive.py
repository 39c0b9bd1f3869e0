import subprocess
import sys
from pathlib import Path

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


@pytest.fixture
def shared(tmp_path):
    """A folder with links to a shared copy, beside it."""
    for name in ("birds/a.jpg", "birds/deep/b.jpg", "c.jpg"):
        (tmp_path / "shared" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shared" / name).write_text(name)
    folder = tmp_path / "mine"
    (folder / "own").mkdir(parents=True)
    (folder / "own" / "d.jpg").write_text("d")
    (folder / "birds").symlink_to(tmp_path / "shared" / "birds")
    (folder / "own" / "c.jpg").symlink_to(tmp_path / "shared" / "c.jpg")
    return folder


def test_links_are_followed_where_the_user_says_so(shared, tmp_path, said):
    assert FolderArchive(shared).names() == ["own/d.jpg"]
    assert said[-1].endswith(
        "2 links to folders or out of the folder are left out; to follow them, name the data set in `links`"
    )
    followed = FolderArchive(shared, links=True)
    assert followed.names() == ["birds/a.jpg", "birds/deep/b.jpg", "own/c.jpg", "own/d.jpg"]
    assert followed.read("birds/deep/b.jpg") == b"birds/deep/b.jpg"
    assert len(said) == 1


def test_the_folder_that_is_named_may_be_a_link(shared, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "shared")
    assert FolderArchive(tmp_path / "link").names() == ["birds/a.jpg", "birds/deep/b.jpg", "c.jpg"]


def test_followed_links_neither_loop_nor_lead_nowhere(shared, tmp_path, said):
    (shared / "own" / "up").symlink_to(shared)
    (tmp_path / "shared" / "birds" / "deep" / "loop").symlink_to(tmp_path / "shared" / "birds")
    (shared / "own" / "gone.jpg").symlink_to(tmp_path / "gone")
    (shared / "own" / "self.jpg").symlink_to(shared / "own" / "self.jpg")
    (shared / "own" / "device.jpg").symlink_to("/dev/zero")
    assert len(FolderArchive(shared, links=True).names()) == 4
    assert "5 links that lead nowhere, or back to a folder in which they are, are left out" in said[-1]


def test_a_subfolder_that_cannot_be_read_is_told(shared, monkeypatch):
    """Root can read all folders, so this one refuses in its place."""
    real = Path.iterdir

    def refuse(path):
        if path.name == "own":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(UserError, match=r"cannot read the folder .*/own \(Permission denied\): correct or move it"):
        FolderArchive(shared)


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
