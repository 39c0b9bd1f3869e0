import numpy as np
import pytest
from PIL import Image

from advkd import folder_doctor
from advkd.cli import main
from advkd.settings.user import User


def photo(seed, size=(300, 260)):
    """A photo of soft noise, unlike any other seed's."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path):
    """Two classes of 25 and 10 photos; among them a copy, a smaller version, a broken file and a turned photo."""
    path = tmp_path / "defects"
    for seed in range(25):
        save(path / "crack" / f"{seed:02}.png", photo(seed))
    for seed in range(10):
        save(path / "no defect, überall" / f"{seed:02}.png", photo(100 + seed).convert("L"))
    (path / "no defect, überall/copy.png").write_bytes((path / "crack/03.png").read_bytes())
    save(path / "crack/small.jpg", photo(5, (150, 130)))
    turned = Image.Exif()
    turned[0x0112] = 6
    photo(200).save(path / "crack/turned.jpg", exif=turned)
    (path / "crack/broken.jpg").write_bytes(b"no image at all")
    (path / "crack/notes.txt").write_text("taken in May")
    return path


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def lines_of(folder, **user):
    text, ready = folder_doctor.report(folder, User(scale="gpu", **user))
    return text, ready


def test_one_pass_tells_what_a_folder_holds(folder):
    text, ready = lines_of(folder)
    assert not ready
    assert "38 images of 2 classes" in text
    assert "no defect, überall" in text
    assert "RGB 28, L 10" in text
    assert "shorter side 130 to 260, median 260; longer side 150 to 300, median 300" in text
    assert "1 by their EXIF orientation (6: 1)" in text
    assert "1 .txt" in text
    assert "1 file with the bytes of another: crack/03.png = no defect, überall/copy.png (" in text
    assert "of two classes" in text
    assert "crack/05.png ~ crack/small.jpg" in text
    assert "'tolerate={mine: 1}'" in text and "crack/broken.jpg cannot be decoded (not an image)" in text


def test_the_counts_are_those_of_the_preparation(folder, tmp_path):
    from advkd.data.classifier_store import prepare_classifier_store
    from advkd.data.settings import ClassifierStoreSettings, FolderSplit

    (folder / "crack/broken.jpg").unlink()
    (folder / "no defect, überall/copy.png").unlink()
    text, ready = lines_of(folder)
    settings = ClassifierStoreSettings(
        dataset="mine", data="folder", stored_size=32, folder=FolderSplit(held_out=0.2, data_seed=0)
    )
    meta = prepare_classifier_store(folder, None, settings, tmp_path / "store")
    total = next(line.split() for line in text.splitlines() if line.startswith("all "))
    assert ready
    assert [int(word) for word in total[1:3]] == [meta["statistics"]["train"], meta["statistics"]["valid"]]


def test_what_a_training_makes_of_it(folder):
    (folder / "crack/broken.jpg").unlink()
    text, _ = lines_of(folder, folders={"bridges": str(folder)})
    assert "aikd/bridges/resnet18/aikd/seed0  (views of 224 pixels)" in text
    assert "fewer than 20 training images, of which a class is hardly learned: no defect, überall 9" in text
    assert "start from a trained network" in text
    assert "images to evaluate on: 90 % right may mean" in text


def test_small_photos_have_smaller_views(tmp_path):
    for seed in range(12):
        save(tmp_path / "ab"[seed % 2] / f"{seed}.png", photo(seed, (40, 32)))
    assert "aikd/mine/preact_resnet18/aikd/seed0  (views of 32 pixels)" in lines_of(tmp_path)[0]


def test_a_folder_that_is_no_data_set_is_looked_at_all_the_same(tmp_path):
    for seed in range(3):
        save(tmp_path / "crack" / f"{seed}.png", photo(seed))
    text, ready = lines_of(tmp_path)
    assert not ready and "3 images of 1 class" in text and "a classifier needs two classes" in text


def test_scenes_and_a_split_of_ones_own_are_told(tmp_path):
    scenes, split = tmp_path / "scenes", tmp_path / "split"
    for seed in range(16):
        save(scenes / "ab"[seed % 2] / f"bridge {seed % 4}" / f"{seed}.png", photo(seed))
        save(split / ("train", "val")[seed % 4 == 0 or seed % 4 == 1] / "ab"[seed % 2] / f"{seed}.png", photo(seed))
    assert "drawn by scene" in lines_of(scenes)[0]
    assert "the folder's own split" in lines_of(split)[0]


def test_the_command_prints_it_and_ends_with_1_where_something_is_wrong(folder, capsys):
    assert main(["doctor", "--folder", str(folder), "--config", "scale=gpu"]) == 1
    assert "38 images of 2 classes" in capsys.readouterr().out
    assert main(["doctor", "--folder", str(folder / "nothing")]) == 2
    assert "is not a folder of images" in capsys.readouterr().err
