"""Which images a user's words name."""

from pathlib import Path

import pytest
from PIL import Image

from advkd.errors import UserError
from advkd.inference.pictures import find_images, find_labelled_images


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/1.jpg", "a/deep/2.PNG", "b/3.webp", "b/.hidden.jpg", "b/notes.txt"):
        path = Path("photos", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt":
            path.write_text("no image")
        else:
            Image.new("RGB", (4, 4)).save(path)
    return Path("photos")


def names(paths):
    return [str(path) for path in paths]


def test_files_folders_and_patterns_each_image_once(folder):
    everything = ["photos/a/1.jpg", "photos/a/deep/2.PNG", "photos/b/3.webp"]
    assert names(find_images(["photos"])) == everything
    assert names(find_images(["photos/b", "photos"])) == [everything[2], *everything[:2]]
    assert names(find_images(["photos/**/*.jpg"])) == ["photos/a/1.jpg"]
    assert names(find_images(["photos/*"])) == everything
    assert names(find_images(["photos/b/notes.txt"])) == ["photos/b/notes.txt"], "named by the user: it is tried"


def test_words_that_name_nothing_are_refused(folder):
    with pytest.raises(UserError, match="elsewhere is missing, and matches no file"):
        find_images(["photos", "elsewhere"])
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match="no images in there"):
        find_images(["photos/empty"])


def test_labelled_images_are_in_the_folders_of_their_classes(folder):
    files, labels = find_labelled_images(folder, ["b", "unseen", "a"])
    assert list(zip(names(files), labels, strict=True)) == [
        ("photos/a/1.jpg", 2), ("photos/a/deep/2.PNG", 2), ("photos/b/3.webp", 0)
    ]  # fmt: skip


def test_of_a_folder_that_is_split_the_evaluation_part_is_taken(folder, capsys):
    folder.rename("val")
    Path("split/train/a").mkdir(parents=True)
    Image.new("RGB", (4, 4)).save("split/train/a/0.png")
    Path("val").rename("split/val")
    files, _ = find_labelled_images(Path("split"), ["a", "b"])
    assert names(files) == ["split/val/a/1.jpg", "split/val/a/deep/2.PNG", "split/val/b/3.webp"]
    assert "the evaluation part val is taken" in capsys.readouterr().err


def test_folders_that_are_no_classes_are_refused(folder):
    with pytest.raises(UserError, match=r"holds images of 'b', which the classifier does not know: .* 'a', 'c'"):
        find_labelled_images(folder, ["a", "c"])
    Image.new("RGB", (4, 4)).save("photos/loose.jpg")
    with pytest.raises(UserError, match=r"'loose\.jpg' outside the folders"):
        find_labelled_images(folder, ["a", "b"])
    with pytest.raises(UserError, match="is not a folder of images"):
        find_labelled_images(folder / "nowhere", ["a"])
