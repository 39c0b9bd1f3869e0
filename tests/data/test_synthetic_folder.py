"""Generated images in a folder of photos: written whole, read only as written, and never taken for photos."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from advkd.data.archives.folder_archive import FolderArchive
from advkd.data.faults import Faults
from advkd.data.folder_source import folder_state
from advkd.data.readers.class_folders import class_names, read_class_folders
from advkd.data.readers.photo_folder import read_photo_folder
from advkd.data.synthetic_folder import Drawn, check_free, declared, read_synthetic, write_synthetic
from advkd.errors import UserError
from advkd.inference.pictures import find_labelled_images

CLASSES = ["=crack", "rust"]
RUNS = {"okd/mine/acgan/okd/seed0": {"weights": "f" * 64}}


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for number in range(4):
            Image.new("RGB", (20, 20), (number, 9, 9)).save(folder / name / f"{number}.jpg")
    return folder


def drawn(count=5, classes=CLASSES):
    rng = np.random.default_rng(0)
    for place in range(count):
        pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        yield Drawn(pixels, classes[place % len(classes)], next(iter(RUNS)), f"G{place % 3 + 1}", 7)


def test_what_was_drawn_is_read_with_its_class_and_run(photos):
    assert write_synthetic(photos, drawn(), RUNS) == {"=crack": 3, "rust": 2}
    synthetic = read_synthetic(photos, CLASSES)
    for label, name in enumerate(CLASSES):
        expected = [image.pixels for image in drawn() if image.of_class == name]
        found = [image.pixels for image in synthetic.images if image.label == label]
        np.testing.assert_array_equal(found, expected)
    assert {image.run for image in synthetic.images} == set(RUNS) and synthetic.runs == RUNS
    names = [image.name for image in synthetic.images]
    assert names[:2] == ["synthetic/=crack/000000.png", "synthetic/rust/000000.png"]
    text = (photos / "synthetic/images.csv").read_text().splitlines()
    assert text[0] == "file,class,run,generator,noise_seed,sha256"
    file = photos / "synthetic/=crack/000000.png"
    assert text[1].split(",") == [
        "'=crack/000000.png", "'=crack", "okd/mine/acgan/okd/seed0", "G1", "7",
        hashlib.sha256(file.read_bytes()).hexdigest(),
    ]  # fmt: skip
    assert declared(photos) == hashlib.sha256((photos / "synthetic/generators.json").read_bytes()).hexdigest()


def test_no_reader_of_photos_sees_generated_images(photos):
    def seen():
        archive, images = read_class_folders(photos, 0.25, 0)
        _, of_gan, names = read_photo_folder(photos, Faults(photos, "mine"))
        labelled = find_labelled_images(photos, CLASSES)
        return (
            images.classes, images.train, images.valid, archive.digest(), class_names(photos), of_gan, names, labelled,
            folder_state(photos), FolderArchive(photos).names(),
        )  # fmt: skip

    before = seen()
    write_synthetic(photos, drawn(), RUNS)
    assert seen() == before and len(before[-1]) == 8


def test_a_split_of_the_users_has_them_beside_its_parts(photos, tmp_path):
    for part in ("train", "val"):
        shutil.copytree(photos, tmp_path / "split" / part)
    write_synthetic(tmp_path / "split", drawn(), RUNS)
    assert class_names(tmp_path / "split") == CLASSES
    _, images = read_class_folders(tmp_path / "split", 0.25, 0)
    assert len(images.train) == len(images.valid) == 8


def test_a_class_of_this_name_stays_a_class(photos):
    shutil.copytree(photos / "rust", photos / "synthetic")
    assert class_names(photos) == [*CLASSES, "synthetic"]
    with pytest.raises(
        UserError, match=r"synthetic is in the place of generated images, and none of advkd's: rename it"
    ):
        check_free(photos)


def test_nothing_is_written_where_drawing_fails_or_images_are_there(photos):
    def failing():
        yield from drawn(2)
        raise UserError("no more")

    with pytest.raises(UserError, match="no more"):
        write_synthetic(photos, failing(), RUNS)
    assert sorted(path.name for path in photos.iterdir()) == CLASSES
    write_synthetic(photos, drawn(), RUNS)
    before = declared(photos)
    with pytest.raises(UserError, match=r"synthetic has generated images: move or delete this folder"):
        write_synthetic(photos, drawn(2), RUNS)
    assert declared(photos) == before


def test_what_a_killed_writer_left_is_no_class_and_in_nobodys_way(photos):
    (photos / ".synthetic.draft/=crack").mkdir(parents=True)
    (photos / ".synthetic.draft/=crack/000000.png").write_bytes(b"half")
    assert class_names(photos) == CLASSES and declared(photos) is None
    write_synthetic(photos, drawn(), RUNS)
    assert len(read_synthetic(photos, CLASSES).images) == 5


def edit(photos, name, old, new):
    path = photos / "synthetic" / name
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda photos: shutil.rmtree(photos / "synthetic"), "has no generated images: advkd synthesize RUN"),
        (lambda photos: (photos / "synthetic/rust/000000.png").unlink(), "000000.png is gone: delete"),
        (
            lambda photos: Image.new("RGB", (8, 8)).save(photos / "synthetic/rust/000001.png"),
            "000001.png is not what was drawn .*: delete .*synthetic, and draw again",
        ),
        (
            lambda photos: shutil.copy(photos / "rust/0.jpg", photos / "synthetic/rust/000002.png"),
            "holds 'rust/000002.png', which it does not declare",
        ),
        (lambda photos: edit(photos, "images.csv", "rust,", "'=crack,"), "images.csv is not what was drawn"),
        (lambda photos: edit(photos, "generators.json", "f" * 64, "e" * 64), "generators.json is not what was written"),
        (lambda photos: (photos / "synthetic/generators.json").write_text("[]"), "generators.json is not what was"),
    ],
)  # fmt: skip
def test_anything_else_than_what_was_drawn_is_refused(photos, change, message):
    write_synthetic(photos, drawn(), RUNS)
    change(photos)
    with pytest.raises(UserError, match=message):
        read_synthetic(photos, CLASSES)


def test_a_class_that_was_removed_since_is_named(photos):
    write_synthetic(photos, drawn(), RUNS)
    with pytest.raises(UserError, match=r"synthetic has images of 'rust', and .* has no such class: =crack, moss"):
        read_synthetic(photos, ["=crack", "moss"])


def test_the_declaration_binds_every_image(photos, tmp_path):
    write_synthetic(photos, drawn(), RUNS)
    rows = (photos / "synthetic/images.csv").read_bytes()
    content = json.loads((photos / "synthetic/generators.json").read_text())
    assert content["sha256"] == {"images.csv": hashlib.sha256(rows).hexdigest()}
    assert len(rows.splitlines()) == 6
