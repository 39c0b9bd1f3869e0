import os
from collections import Counter

import pytest
from small_archives import jpeg
from torchvision import datasets

from advkd.data.readers.class_folders import read_class_folders
from advkd.errors import UserError


def fill(folder, **counts):
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            (folder / name / f"{number}.jpg").write_bytes(jpeg(20, 20, seed=number))
    return folder


def names(items):
    return [item.image for item in items]


@pytest.fixture
def mine(tmp_path):
    return fill(tmp_path / "mine", cat=10, Dog=5, owl=2)


def test_classes_and_images_are_those_of_an_image_folder(mine):
    (mine / "cat" / "deep").mkdir()
    (mine / "cat" / "deep" / "x.PNG").write_bytes(jpeg())
    (mine / "cat" / "notes.txt").write_text("no image")
    archive, labelled = read_class_folders(mine, 0.2, 0)
    wanted = datasets.ImageFolder(mine)
    assert list(labelled.classes) == wanted.classes == ["Dog", "cat", "owl"]
    both = [(str(mine / item.image), item.label) for item in (*labelled.train, *labelled.valid)]
    assert sorted(both) == sorted(wanted.samples)
    assert labelled.decode("cat/0.jpg")[0].shape == (20, 20, 3) and archive.path == mine


@pytest.mark.parametrize(("fraction", "counts"), [(0.2, [1, 2, 1]), (0.01, [1, 1, 1]), (0.99, [4, 9, 1])])
def test_a_part_of_every_class_is_set_aside(mine, fraction, counts):
    _, labelled = read_class_folders(mine, fraction, 0)
    assert [Counter(item.label for item in labelled.valid)[label] for label in range(3)] == counts
    assert not set(names(labelled.train)) & set(names(labelled.valid))
    assert len(labelled.train) + len(labelled.valid) == 17
    assert names(labelled.train) == sorted(names(labelled.train))


def test_the_seed_decides_which(mine):
    first, again, other = (names(read_class_folders(mine, 0.4, seed)[1].valid) for seed in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize(
    ("training", "part"),
    [
        *(("train", "val"), ("train", "valid"), ("train", "test"), ("Train", "Val"), ("TRAIN", "TEST")),
        *(("train", "validation"), ("training", "valid"), ("Training", "Testing"), ("train", "eval")),
    ],
)
def test_a_split_folder_keeps_its_split(tmp_path, training, part):
    fill(tmp_path / training, cat=3, dog=1)
    fill(tmp_path / part, cat=1, dog=2)
    _, labelled = read_class_folders(tmp_path, 0.2, 0)
    assert labelled.classes == ("cat", "dog")
    assert names(labelled.train) == [f"{training}/{name}.jpg" for name in ("cat/0", "cat/1", "cat/2", "dog/0")]
    assert names(labelled.valid) == [f"{part}/cat/0.jpg", f"{part}/dog/0.jpg", f"{part}/dog/1.jpg"]


def test_classes_may_be_called_like_parts(tmp_path):
    fill(tmp_path, train=2, bus=2)
    (tmp_path / "train" / "steam").mkdir()
    (tmp_path / "train" / "steam" / "a.jpg").write_bytes(jpeg())
    assert read_class_folders(tmp_path, 0.5, 0)[1].classes == ("bus", "train")


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (
            {"cat": 3},
            "holds images of one class only, 'cat'; a classifier needs two classes, each in a folder",
        ),
        ({}, "holds no images in folders; a classifier needs two classes"),
        ({"train/cat": 3, "val/cat": 3}, "holds images of one class only, 'cat'"),
        ({"cat": 3, "dog": 1}, "the class 'dog' has one image: at least two are needed"),
        ({"cat": 3, "dog": 3, "owl": 0}, "the class 'owl' has no images"),
        ({"train/cat": 3, "train/dog": 3}, "holds train, which look like parts of a split, but .* an evaluation part"),
        ({"Test/cat": 3, "VAL/cat": 3}, "holds Test and VAL, which look like .* a training part"),
        (
            {"train/cat": 3, "train/dog": 3, "hold-out/cat": 3, "hold-out/dog": 3},
            "holds train and hold-out, which look like parts .* an evaluation part .val, valid, validation, ",
        ),
        (
            {"train/cat": 3, "Training/cat": 3, "val/cat": 1},
            "holds val beside Training and train: one part to",
        ),
        (
            {"train/cat": 3, "train/dog": 3, "val/cat": 1},
            "the class 'dog' has images in train but none in val",
        ),
        (
            {"train/cat": 3, "train/dog": 3, "val/cat": 1, "val/owl": 1},
            "the class 'dog' has images in train but none in val",
        ),
        (
            {"train/cat": 3, "train/dog": 3, "val/cat": 1, "val/dog": 1, "val/owl": 1},
            "the class 'owl' has images in val but none in train",
        ),
        (
            {"train/cat": 3, "train/dog": 3, "val/cat": 1, "val/dog": 1, "test/cat": 1},
            "holds test and val beside train: .*move the others out",
        ),
        (
            {"train/cat": 3, "train/dog": 3, "val/cat": 1, "val/dog": 1, "more/cat": 1},
            "holds 'more/cat/0.jpg' beside train and val",
        ),
    ],
)
def test_a_folder_that_is_no_data_set_is_refused(tmp_path, layout, message):
    with pytest.raises(UserError, match=message):
        read_class_folders(fill(tmp_path, **layout), 0.2, 0)


def test_no_folder(tmp_path):
    with pytest.raises(UserError, match="is not a folder of images"):
        read_class_folders(tmp_path / "none", 0.2, 0)


@pytest.mark.parametrize("place", ["loose.jpg", "train/loose.jpg"])
def test_images_outside_the_classes_are_refused(tmp_path, place):
    parts = ("train/", "val/") if "/" in place else ("",)
    fill(tmp_path, **{f"{part}{name}": 2 for part in parts for name in ("cat", "dog")})
    (tmp_path / place).write_bytes(jpeg())
    with pytest.raises(UserError, match=r"holds 'loose\.jpg' beside the folders of the classes: move it into one"):
        read_class_folders(tmp_path, 0.2, 0)


def test_a_linked_class_is_not_left_out_in_silence(mine, tmp_path):
    (mine / "linked").symlink_to(fill(tmp_path / "elsewhere", fox=3) / "fox")
    with pytest.raises(UserError, match=r"the class 'linked' has no images .*linked folders are left out"):
        read_class_folders(mine, 0.2, 0)


def test_hidden_files_and_folders_are_left_out(mine):
    fill(mine, **{".cache": 2, "__MACOSX": 2})
    (mine / "cat" / "._0.jpg").write_bytes(b"")
    _, labelled = read_class_folders(mine, 0.2, 0)
    assert len(labelled.classes) == 3 and len(labelled.train) + len(labelled.valid) == 17


def test_a_name_that_is_no_utf8_is_read(mine):
    (mine / "owl" / "0.jpg").rename(mine / "owl" / os.fsdecode(b"caf\xe9.jpg"))
    archive, labelled = read_class_folders(mine, 0.2, 0)
    assert len(labelled.train) + len(labelled.valid) == 17 and len(archive.digest()) == 64
