import csv
import io

import numpy as np
import pytest
from PIL import Image
from small_archives import TINY, jpeg, pack, xml

from advkd.data import labelled_crops
from advkd.data.archives.record import describe_drawn
from advkd.data.archives.zip_archive import ZipArchive
from advkd.data.labelled_crops import prepare_labelled_crops
from advkd.data.settings import ClassifierStoreSettings
from advkd.data.store import Store
from advkd.errors import UserError

SETTINGS = {
    "dataset": "codebrim", "data": "real", "stored_size": 32, "train_per_class": 6, "valid_per_class": 4,
    "labels": "crack", "cut": "box", "subset": 0, "test_photos": 0.5, "data_seed": 0,
}  # fmt: skip


@pytest.fixture
def photos(tmp_path):
    """Eight photos with cracks, eight with other defects, two of background; photo 2 is a brighter copy of photo 0."""
    contents = {}
    for number in range(18):
        tags = "Crack" if number < 8 else "Spallation CorrosionStain" if number < 16 else "Background"
        pixels = jpeg(200, 160, seed=number)
        if number == 2:
            image = Image.open(io.BytesIO(contents["original_dataset/images/00.jpg"])).point(lambda value: value * 0.9)
            file = io.BytesIO()
            image.save(file, "JPEG")
            pixels = file.getvalue()
        contents[f"original_dataset/images/{number:02}.jpg"] = pixels
        contents[f"original_dataset/annotations/{number:02}.xml"] = xml(f"{number:02}.jpg", [((1, 1, 90, 80), tags)])
    return pack(tmp_path / "tiny.zip", contents)


def prepared(archive, out, tolerated=0, **changed):
    settings = ClassifierStoreSettings.from_flat({**SETTINGS, **changed})
    record = describe_drawn(TINY, archive.parent)
    meta = prepare_labelled_crops(record, TINY, settings, out, tolerated)
    store = Store.open(out)
    assert store.meta == meta
    return store


def rows(store):
    return list(csv.DictReader((store.path / "manifest.csv").open()))


def test_every_crop_is_what_the_manifest_says(photos, tmp_path):
    store, source = prepared(photos, tmp_path / "out"), ZipArchive(photos, "original_dataset")
    assert store.images.shape == (18, 32, 32, 3) and store.held_out.shape == (12, 32, 32, 3)
    assert store.meta["classes"] == ["crack", "other damage", "background"]
    for row, pixels in zip(rows(store), [*store.images, *store.held_out], strict=True):
        photo = Image.open(io.BytesIO(source.read(row["image"])))
        x0, y0, side = (int(row[key]) for key in ("x0", "y0", "side"))
        assert side == 80
        square = photo.crop((x0, y0, x0 + side, y0 + side)).resize((32, 32), Image.Resampling.LANCZOS)
        np.testing.assert_array_equal(pixels, np.asarray(square))
    assert np.bincount(store.labels).tolist() == [6, 6, 6] and np.bincount(store.held_out_labels).tolist() == [4, 4, 4]
    assert store.held_out_tags.tolist() == np.eye(3, dtype=bool)[store.held_out_labels].tolist()
    assert (store.sizes == 80).all() and store.held_out_sizes.shape == (12, 2)


def test_no_photo_and_no_near_duplicate_is_in_both_parts(photos, tmp_path):
    for seed in range(6):
        store = prepared(photos, tmp_path / str(seed), data_seed=seed, train_per_class=20, valid_per_class=20)
        training, held_out = (
            [row["image"] for row in rows(store) if row["split"] == part] for part in ("training", "held_out")
        )
        assert not set(training) & set(held_out)
        assert store.meta["near_duplicates"] == [["images/00.jpg", "images/02.jpg"]]
        twins = {"images/00.jpg", "images/02.jpg"}
        assert twins <= set(training) or twins <= set(held_out)
        numbers = {}
        for image, number in zip(held_out, store.held_out_photos.tolist(), strict=True):
            numbers.setdefault("twins" if image in twins else image, set()).add(number)
        assert all(len(of_photo) == 1 for of_photo in numbers.values())
        assert len(set.union(*numbers.values())) == len(numbers)


def test_what_is_trained_on_never_changes_what_is_evaluated_on(photos, tmp_path):
    stores = [
        prepared(photos, tmp_path / str(number), train_per_class=count, subset=subset)
        for number, (count, subset) in enumerate([(6, 0), (3, 0), (6, 1)])
    ]
    for name in ("held_out", "held_out_labels", "held_out_tags", "held_out_photos"):
        for other in stores[1:]:
            np.testing.assert_array_equal(getattr(stores[0], name), getattr(other, name))
    for label in range(3):  # fewer crops are the first of more
        of_all, of_few = (store.images[store.labels == label] for store in stores[:2])
        np.testing.assert_array_equal(of_all[:3], of_few)
    assert not np.array_equal(stores[0].images, stores[2].images)


def test_preparing_again_gives_the_same_bytes(photos, tmp_path):
    first, second = (prepared(photos, tmp_path / name) for name in "ab")
    for path in first.path.iterdir():
        assert path.read_bytes() == (second.path / path.name).read_bytes()
    assert str(tmp_path) not in (first.path / "meta.json").read_text()


def test_five_overlapping_classes(tmp_path):
    contents = {}
    boxes = [((1, 1, 90, 80), "Crack Efflorescence"), ((95, 1, 190, 80), "Spallation ExposedBars CorrosionStain")]
    for number in range(4):
        contents[f"original_dataset/images/{number}.jpg"] = jpeg(200, 260, seed=number)
        contents[f"original_dataset/annotations/{number}.xml"] = xml(f"{number}.jpg", boxes)
    archive = pack(tmp_path / "tiny.zip", contents)
    store = prepared(archive, tmp_path / "out", labels="defects", train_per_class=None)
    assert len(store.meta["classes"]) == 6 and store.meta["classes"][-1] == "background"
    crack, stain = (store.meta["classes"].index(name) for name in ("crack", "efflorescence"))
    of_crack = store.held_out_tags[store.held_out_labels == crack]
    assert of_crack[:, [crack, stain]].all() and not of_crack[:, -1].any()  # one box has both
    assert np.bincount(store.labels).min() >= 2  # a crop of each box
    few = prepared(archive, tmp_path / "few", labels="defects", classes=2)
    assert few.meta["classes"] == ["crack", "exposed bars"] and few.held_out_tags.shape[1] == 2


def test_an_unreadable_photo_is_named_and_tolerated(photos, tmp_path, monkeypatch):
    real = labelled_crops.decode_image

    def decode(archive, name):
        if name == "images/05.jpg":
            raise UserError("truncated")
        return real(archive, name)

    monkeypatch.setattr(labelled_crops, "decode_image", decode)
    with pytest.raises(UserError, match=r"1 of \d+ annotations, boxes and photos are faulty.*tolerate=\{codebrim: 1\}"):
        prepared(photos, tmp_path / "out")
    store = prepared(photos, tmp_path / "out", tolerated=1)
    assert "images/05.jpg" not in {row["image"] for row in rows(store)}
    assert store.meta["left_out"] == ["images/05.jpg"] and store.meta["photos"]["faulty"] == 1


def test_a_class_without_photos_is_told(photos, tmp_path):
    with pytest.raises(UserError, match=r"no photo to train on shows 'exposed bars': .* labels to `crack`"):
        prepared(photos, tmp_path / "out", labels="defects")
    assert not (tmp_path / "out").exists()


def test_one_photo_cannot_be_split(tmp_path):
    boxes = [((1, 1, 80, 80), "Crack"), ((101, 1, 180, 80), "Spallation")]
    contents = {"original_dataset/0.jpg": jpeg(400, 300), "original_dataset/0.xml": xml("0.jpg", boxes)}
    archive = pack(tmp_path / "tiny.zip", contents)
    with pytest.raises(UserError, match="no photo to evaluate on shows 'crack'"):
        prepared(archive, tmp_path / "out")
