import csv
import dataclasses
import hashlib
import io
import json
import os
import shutil
import tracemalloc
import zipfile

import numpy as np
import pytest
from layouts import FOLDERS, contents, extract, read
from PIL import Image, ImageOps
from small_archives import jpeg
from torchvision import transforms

from advkd.data import classifier_store, registry
from advkd.data.archives.fetch_dataset import fetch_dataset
from advkd.data.archives.record import describe_drawn, open_record
from advkd.data.classifier_store import READERS, keep_first, prepare_classifier_store, resize_to_square
from advkd.data.drawn.draw_dataset import draw_dataset
from advkd.data.readers.labelled import Item
from advkd.data.settings import ClassifierStoreSettings
from advkd.data.store import Store
from advkd.errors import UserError
from advkd.files import without_digest
from advkd.settings.config import REGISTRY

SIZES = {"cifar10": 32, "cifar100": 32, "tiny_imagenet": 64}


@pytest.fixture(scope="module")
def sets():
    return registry.load(REGISTRY)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    for name in READERS:
        draw_dataset(name, folder / name, 4)
    return folder


@pytest.fixture
def prepared(tmp_path, sets, drawn):
    """Prepare a drawn data set, or another source, under changed settings."""

    def prepare(name, source=None, out="store", tolerated=0, **settings):
        source = describe_drawn(sets[name], drawn / name) if source is None else source
        data = "real" if isinstance(source, dict) else "folder"
        flat = {"dataset": name, "data": data, "stored_size": SIZES.get(name, 40), **settings}
        meta = prepare_classifier_store(
            source, sets.get(name), ClassifierStoreSettings.from_flat(flat), tmp_path / "out" / out, tolerated
        )
        store = Store.open(tmp_path / "out" / out)
        assert store.meta == meta
        return store

    return prepare


def rows(store):
    return list(csv.DictReader((store.path / "manifest.csv").open()))


def items(store):
    """Pixels, label and size of every image of a store, in the order of the manifest."""
    pixels = [*store.images, *store.held_out]
    labels = [*store.labels, *store.held_out_labels]
    return list(zip(rows(store), pixels, labels, [*store.sizes, *store.held_out_sizes], strict=True))


@pytest.mark.parametrize("name", READERS)
def test_every_image_of_an_archive_is_what_the_manifest_says(name, prepared):
    """From the archives' own bytes to the store, against PIL on the files that the standard library extracted."""
    store = prepared(name)
    wanted, side = read(name), SIZES.get(name, 40)
    assert store.images.shape == store.held_out.shape == (32, side, side, 3)
    assert [(row["image"], int(row["label"])) for row in rows(store)] == [*wanted.train, *wanted.valid]
    assert [row["split"] for row in rows(store)] == ["training"] * 32 + ["held_out"] * 32
    for row, pixels, label, size in items(store):
        if name in ("cifar10", "cifar100"):
            expected = wanted.decode(row["image"])[0]
        else:
            image = Image.open(io.BytesIO(contents(name)[row["image"]])).convert("RGB")
            assert image.size == tuple(size)
            expected = image.resize((side, side), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(pixels, expected)
        assert int(row["label"]) == label and row["class"] == store.meta["classes"][label]
        assert (int(row["width"]), int(row["height"])) == tuple(size)
    assert store.sizes.dtype == store.held_out_sizes.dtype == np.int32
    assert store.meta["statistics"] == {"classes": 8, "train": 32, "valid": 32}
    assert store.meta["counters"]["converted"] == ({} if "cifar" in name else {"L": 1})
    assert store.meta["counters"]["squashed"] == (0 if name in SIZES else 64)
    assert store.meta["source"]["verified"] == "drawn on the spot"


@pytest.mark.parametrize("name", READERS)
def test_an_extraction_gives_the_same_store(name, prepared, sets, tmp_path):
    archived = prepared(name)
    extract(name, tmp_path / "mirror")
    folder = prepared(name, describe_drawn(sets[name], tmp_path / "mirror"), "folder")
    for path in archived.path.iterdir():
        if path.name != "meta.json":
            assert path.read_bytes() == (folder.path / path.name).read_bytes()
    assert {**archived.meta, "source": None} == {**folder.meta, "source": None}
    assert archived.meta["source"]["content"] == folder.meta["source"]["content"]


def test_preparing_again_gives_the_same_bytes(prepared, tmp_path):
    first, second = prepared("cub200", out="first"), prepared("cub200", out="second")
    for path in first.path.iterdir():
        assert path.read_bytes() == (second.path / path.name).read_bytes()
    assert str(tmp_path) not in (first.path / "meta.json").read_text()


@pytest.mark.parametrize("name", ["cifar10", "fgvc_aircraft"])
def test_a_part_is_what_the_whole_begins_with(name, prepared):
    whole = prepared(name)
    part = prepared(name, out="part", classes=3, train_per_class=2, valid_per_class=3)
    assert part.meta["classes"] == whole.meta["classes"][:3]
    assert part.meta["statistics"] == whole.meta["statistics"]
    assert part.meta["settings"] == {
        "classes": 3, "stored_size": SIZES.get(name, 40), "train_per_class": 2, "valid_per_class": 3,
    }  # fmt: skip
    for key, count in (("images", 2), ("held_out", 3)):
        labels = getattr(whole, "labels" if key == "images" else "held_out_labels")
        chosen = sorted(place for label in range(3) for place in np.flatnonzero(labels == label)[:count])
        np.testing.assert_array_equal(getattr(part, key), getattr(whole, key)[chosen])
        assert part.meta[key] == 3 * count


def test_more_classes_than_there_are(prepared, monkeypatch):
    said = []
    monkeypatch.setattr(classifier_store, "say", said.append)
    assert len(prepared("cifar10", classes=20).meta["classes"]) == 8
    assert said == ["cifar10 has 8 classes, fewer than the 20 asked for: all are taken"]


def test_first_keeps_order():
    all_items = [Item(name, label) for name, label in zip("abcdefg", (1, 0, 1, 2, 1, 0, 2), strict=True)]
    assert "".join(item.image for item in keep_first(all_items, 2, 2)) == "abcf"
    assert "".join(item.image for item in keep_first(all_items, 3, 1)) == "abd"
    assert keep_first(all_items, 3, None) == all_items


def test_squashing_is_the_filter_of_a_resized_crop():
    pixels = np.random.default_rng(0).integers(0, 256, (50, 90, 3), dtype=np.uint8)
    whole = transforms.functional.resized_crop(Image.fromarray(pixels), 0, 0, 50, 90, (32, 32))
    np.testing.assert_array_equal(resize_to_square(pixels, 32), np.asarray(whole))
    assert resize_to_square(pixels[:50, :50], 50).base is pixels


def test_archives_are_read_in_their_own_order(prepared, monkeypatch):
    decoded = []
    real = classifier_store.read_cub200

    def watched(archive):
        labelled = real(archive)
        return dataclasses.replace(
            labelled,
            decode=lambda name: decoded.append(name) or labelled.decode(name),
            order=lambda names: sorted(names, reverse=True),
        )

    wanted = prepared("cub200")
    monkeypatch.setitem(READERS, "cub200", watched)
    store = prepared("cub200", out="other")
    assert decoded == sorted(decoded, reverse=True) and len(set(decoded)) == 64
    assert store.meta == wanted.meta


def test_official_archives_have_the_official_counts(prepared, sets, drawn):
    for verified in ("published checksum", "structure; checksum as first used"):
        record = {**describe_drawn(sets["mit67"], drawn / "mit67"), "verified": verified}
        expected = "mit67 has 67 classes, 5360 train, 1340 valid, but here are 8 classes, 32 train, 32 valid"
        with pytest.raises(UserError, match=expected):
            prepared("mit67", record)
    assert prepared("mit67", {**record, "verified": "accepted by the user"}).meta["images"] == 32


def test_all_faulty_images_are_named_at_once_and_nothing_left_behind(prepared, sets, tmp_path, said):
    root = extract("fgvc_aircraft", tmp_path / "mirror")
    image = root / "data" / "images" / "1000017.jpg"
    image.write_bytes(image.read_bytes()[:300])
    (root / "data" / "images" / "1000020.jpg").unlink()
    record = describe_drawn(sets["fgvc_aircraft"], tmp_path / "mirror")
    with pytest.raises(UserError, match=r"2 of 64 images are faulty.*tolerate=\{fgvc_aircraft: 2\}") as error:
        prepared("fgvc_aircraft", record)
    assert "\n" not in str(error.value)
    assert list((tmp_path / "out").iterdir()) == []
    named = [line for line in said if line.startswith("faulty: ")]
    assert len(named) == 2
    assert "1000020.jpg: it is listed, but is not there" in named[0]
    assert "1000017.jpg" in named[1] and "cannot be decoded" in named[1]
    with pytest.raises(UserError, match="2 of 64"):
        prepared("fgvc_aircraft", record, tolerated=1)


def test_the_user_goes_on_without_faulty_images(prepared, sets, tmp_path, said):
    """A JPEG without its last two bytes, and a missing one; the other images are those of the complete data set."""
    complete = {row["image"]: pixels for row, pixels, *_ in items(prepared("mit67", out="complete"))}
    root = extract("mit67", tmp_path / "mirror")
    cut, lost = list(complete)[3:5]
    (root / cut).write_bytes((root / cut).read_bytes()[:-2])
    (root / lost).unlink()
    store = prepared("mit67", describe_drawn(sets["mit67"], tmp_path / "mirror"), tolerated=2)
    assert store.meta["left_out"] == sorted([cut, lost]) and store.meta["source"]["left_out"] == 2
    kept = {row["image"]: pixels for row, pixels, *_ in items(store)}
    assert kept.keys() == complete.keys() - {cut, lost}
    for name, pixels in kept.items():
        np.testing.assert_array_equal(pixels, complete[name])
    assert store.meta["images"] + store.meta["held_out"] == 62
    assert any("2 of 64 images are faulty and left out" in line for line in said)


def test_own_photos_are_turned_upright(prepared, tmp_path):
    for name, orientation in (("cat", 1), ("dog", 6)):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for i in range(2):
            (tmp_path / "mine" / name / f"{i}.jpg").write_bytes(jpeg(50, 30, seed=i, orientation=orientation))
    store = prepared("mine", tmp_path / "mine", held_out=0.5, data_seed=0, stored_size=30)
    assert store.meta["counters"]["turned"] == 2
    assert {(row["class"], row["width"], row["height"]) for row in rows(store)} == {
        ("cat", "50", "30"),
        ("dog", "30", "50"),
    }
    upright = ImageOps.exif_transpose(Image.open(tmp_path / "mine" / "dog" / "0.jpg"))
    shown = next(pixels for row, pixels, *_ in items(store) if row["image"] == "dog/0.jpg")
    np.testing.assert_array_equal(shown, np.asarray(upright.resize((30, 30), Image.Resampling.BILINEAR)))


def test_an_image_in_both_parts_of_the_split_is_told(prepared, tmp_path, said):
    for part, seeds in (("train", (0, 1)), ("val", (2, 1))):
        for name in ("cat", "dog"):
            (tmp_path / "mine" / part / name).mkdir(parents=True)
            for seed in seeds:
                noise = jpeg(64, 64, seed=seed if name == "dog" else 9 + seed + 7 * (part == "val"))
                (tmp_path / "mine" / part / name / f"{seed}.jpg").write_bytes(noise)
    store = prepared("mine", tmp_path / "mine", held_out=0.5, data_seed=0)
    assert store.meta["near_duplicates"] == [["train/dog/1.jpg", "val/dog/1.jpg"]]
    assert any("1 held-out images look like a training image, the first is val/dog/1.jpg" in line for line in said)
    assert any("they stay" in line for line in said) and len(store.held_out) == 4  # the split is the user's


def test_an_image_like_a_training_image_is_not_held_out_by_a_drawn_split(prepared, tmp_path, said):
    """Each cat is there twice, stored differently; of the dogs, one is."""
    for name in ("cat", "dog"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for seed in range(6):
            image = jpeg(64, 64, seed=seed + 50 * (name == "dog"))
            (tmp_path / "mine" / name / f"{seed}.jpg").write_bytes(image)
            if name == "cat" or seed == 0:
                file = io.BytesIO()
                Image.open(io.BytesIO(image)).resize((80, 80)).save(file, "PNG")
                (tmp_path / "mine" / name / f"{seed} again.png").write_bytes(file.getvalue())
    store = prepared("mine", tmp_path / "mine", held_out=0.4, data_seed=1)
    names = {
        split: [row["image"] for row in rows(store) if row["split"] == split] for split in ("training", "held_out")
    }
    subjects = {split: {name.split(".")[0].split(" ")[0] for name in names[split]} for split in names}
    assert not subjects["training"] & subjects["held_out"]
    left_out = {pair[1] for pair in store.meta["near_duplicates"]}
    assert left_out and not left_out & set(names["held_out"])
    assert len(store.held_out) == len(store.held_out_labels) == len(store.held_out_sizes) == len(names["held_out"])
    assert f"left out: {len(left_out)} evaluation image" in store.summary()
    for pixels, name in zip(store.held_out, names["held_out"], strict=True):
        wanted = Image.open(tmp_path / "mine" / name).resize((40, 40), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(pixels, np.asarray(wanted.convert("RGB")))
    assert any("held-out images look like a training image" in line and "left out" in line for line in said)


def test_a_class_keeps_its_last_held_out_image(prepared, tmp_path, said):
    for name, seeds in (("cat", (1, 1)), ("dog", (2, 3))):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for number, seed in enumerate(seeds):
            (tmp_path / "mine" / name / f"{number}.jpg").write_bytes(jpeg(64, 64, seed=seed))
    store = prepared("mine", tmp_path / "mine", held_out=0.5, data_seed=0)
    assert len(store.held_out) == 2 and len(store.meta["near_duplicates"]) == 1
    assert any("look like a training image" in line and "they stay" in line for line in said)


def test_a_class_that_loses_its_last_image_is_refused(prepared, tmp_path, said):
    for name, count in (("cat", 3), ("dog", 2)):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for i in range(count):
            (tmp_path / "mine" / name / f"{i}.jpg").write_bytes(jpeg(seed=i))
    (tmp_path / "mine" / "dog" / "0.jpg").write_bytes(b"")
    with pytest.raises(UserError, match="the class 'dog' has no"):
        prepared("mine", tmp_path / "mine", held_out=0.3, data_seed=0, tolerated=9)


def test_an_archive_of_another_data_set_under_the_right_name(prepared, sets, tmp_path, drawn):
    with zipfile.ZipFile(tmp_path / "tiny-imagenet-200.zip", "w") as archive:
        for name, data in contents("cub200").items():
            archive.writestr(f"{FOLDERS['tiny_imagenet']}/{name}", data)
    with pytest.raises(UserError, match=r"wnids\.txt is missing: this is another data set"):
        prepared("tiny_imagenet", describe_drawn(sets["tiny_imagenet"], tmp_path))
    shutil.copy(drawn / "cub200" / "CUB_200_2011.tgz", tmp_path / "fgvc-aircraft-2013b.tar.gz")
    with pytest.raises(UserError, match="no folder 'fgvc-aircraft-2013b'"):
        prepared("fgvc_aircraft", describe_drawn(sets["fgvc_aircraft"], tmp_path))


def test_a_data_set_that_is_none_for_classification(prepared):
    with pytest.raises(UserError, match="mnist is not a data set for classification; these are cifar10"):
        prepared("mnist", {"verified": "drawn on the spot"})


def test_pixels_are_never_all_in_memory(prepared, sets, drawn):
    record = describe_drawn(sets["tiny_imagenet"], drawn / "tiny_imagenet")
    tracemalloc.start()
    try:
        store = prepared("tiny_imagenet", record, stored_size=256)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < (store.images.nbytes + store.held_out.nbytes) / 3


@pytest.fixture
def mine(tmp_path):
    for name, count in (("owls", 10), ("cats", 5)):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for number in range(count):
            data = jpeg(30 + number, 40, "L" if number == 1 else "RGB", seed=number + 10 * (name == "cats"))
            (tmp_path / "mine" / name / f"{number}, {name}.jpg").write_bytes(data)
    return tmp_path / "mine"


def test_a_folder_of_images(mine, prepared):
    store = prepared("mine", mine, stored_size=16, held_out=0.2, data_seed=0)
    assert store.meta["classes"] == ["cats", "owls"]
    assert (store.meta["images"], store.meta["held_out"]) == (12, 3)
    assert store.meta["statistics"] == {"classes": 2, "train": 12, "valid": 3}
    assert store.meta["settings"] == {"data_seed": 0, "held_out": 0.2, "stored_size": 16}
    assert store.meta["source"]["verified"] == "the user's own images"
    assert store.meta["counters"] == {"converted": {"L": 2}, "squashed": 15, "turned": 0}
    for row, pixels, label, size in items(store):
        image = Image.open(mine / row["image"])
        assert image.size == tuple(size) and row["class"] == row["image"].split("/")[0] == ["cats", "owls"][label]
        np.testing.assert_array_equal(pixels, image.convert("RGB").resize((16, 16), Image.Resampling.BILINEAR))
    other = prepared("mine", mine, "other", stored_size=16, held_out=0.2, data_seed=1)
    assert [row["image"] for row in rows(store)] != [row["image"] for row in rows(other)]


def test_photos_of_every_kind(mine, prepared):
    """The pixels as they are stored: alpha and CMYK become RGB."""
    alpha, press, few = (
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (20, 30, 3), dtype=np.uint8))
        for seed in (0, 60, 70)
    )
    alpha.convert("RGBA").save(mine / "owls" / "alpha.png")
    press.convert("CMYK").save(mine / "owls" / "press.tif")
    few.convert("P").save(mine / "owls" / "few.gif")
    store = prepared("mine", mine, stored_size=16, held_out=0.2, data_seed=0)
    assert store.meta["counters"]["converted"] == {"CMYK": 1, "L": 2, "P": 1, "RGBA": 1}
    stored = {row["image"]: (pixels, tuple(size)) for row, pixels, _, size in items(store)}
    pixels, size = stored["owls/alpha.png"]
    assert size == (30, 20)
    np.testing.assert_array_equal(pixels, resize_to_square(np.asarray(alpha), 16))


def test_a_name_that_is_no_utf8_is_told_in_the_manifest(mine, prepared):
    (mine / "owls" / "caf\udce9.jpg").write_bytes(jpeg())
    store = prepared("mine", mine, stored_size=16, held_out=0.2, data_seed=0)
    assert "owls/caf\\udce9.jpg" in [row["image"] for row in rows(store)]
    assert without_digest(json.loads((store.path / "meta.json").read_text())) == store.meta


def fetched(dataset, mirror, root):
    """Fetch files of the counts that the registry expects, as `advkd fetch` records them."""
    return fetch_dataset(dataclasses.replace(dataset, expect={}), mirror=mirror, root=root, accept=None)


@pytest.mark.parametrize("name", ["cifar10", "mit67", "tiny_imagenet"])
def test_an_archive_that_changes_after_its_verification_is_refused(name, prepared, sets, tmp_path):
    """As published checksums were recorded of data whose images had been zeroed since."""
    extract(name, tmp_path / "mirror")
    sets = {name: dataclasses.replace(sets[name], official={"classes": 8, "train": 32, "valid": 32})}
    if name == "cifar10":
        remote = sets[name].archives[0]
        checksums = {file: f"md5:{hashlib.md5(data).hexdigest()}" for file, data in contents(name).items()
                     if file in remote.files}  # fmt: skip
        sets[name] = dataclasses.replace(sets[name], archives=(dataclasses.replace(remote, files=checksums),))
    record = fetched(sets[name], tmp_path / "mirror", tmp_path / "data")
    record = json.loads(json.dumps(record))
    archive = open_record(record, sets[name])
    images = READERS[name](archive)
    victim = {"cifar10": "test_batch"}.get(name, images.train[3].image)
    path = next(path for path in (tmp_path / "mirror").rglob(victim.rpartition("/")[2]) if path.is_file())
    data = path.read_bytes()
    # In the middle of its pixels, and of the same size and time.
    times = path.stat()
    path.write_bytes(data[: len(data) // 2] + bytes(100) + data[len(data) // 2 + 100 :])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    flat = {"dataset": name, "data": "real", "stored_size": SIZES.get(name, 40)}
    settings = ClassifierStoreSettings.from_flat(flat)
    with pytest.raises(
        UserError, match=rf"has changed: '{victim}' is not what was verified: put back .*archives/{name}"
    ):
        prepare_classifier_store(record, sets[name], settings, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    path.write_bytes(data)
    prepare_classifier_store(record, sets[name], settings, tmp_path / "out")


def test_the_banner_of_aircraft_is_part_of_the_store(prepared):
    kept, cut = prepared("fgvc_aircraft", out="kept"), prepared("fgvc_aircraft", out="cut", banner="cut")
    assert cut.meta["settings"] == {**kept.meta["settings"], "banner": "cut"} and "banner" not in kept.meta["settings"]
    np.testing.assert_array_equal(cut.sizes, kept.sizes - [0, 20])
    assert not np.array_equal(cut.images, kept.images)
    np.testing.assert_array_equal(cut.labels, kept.labels)


def test_files_that_are_not_read_stand_in_the_summary(tmp_path, prepared):
    folder = tmp_path / "mine"
    for name in ("cat/0.jpg", "cat/1.jfif", "cat/2.heic", "dog/0.jpg", "dog/1.jpg", "dog/notes"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(jpeg(20, 20, seed=len(name) + ord(name[4]) + ord(name[0])))
    store = prepared("mine", source=folder, held_out=0.5, data_seed=0)
    assert store.meta["unread"] == {"": 1, ".heic": 1}
    assert store.summary().endswith("left out: 1 file without a suffix, 1 .heic file")


def test_images_that_go_while_they_are_read_are_not_called_faulty(tmp_path, prepared, monkeypatch):
    folder = tmp_path / "mine"
    for name in ("cat/0.jpg", "cat/1.jpg", "dog/0.jpg", "dog/1.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(jpeg(20, 20))

    def resize(pixels, side):
        (folder / "dog" / "1.jpg").unlink(missing_ok=True)
        return resize_to_square(pixels, side)

    monkeypatch.setattr(classifier_store, "resize_to_square", resize)
    with pytest.raises(UserError, match=r"mine has changed: 'dog/1\.jpg' is gone: start again when nobody changes it"):
        prepared("mine", source=folder, tolerated=5, held_out=0.5, data_seed=0)
    assert not (tmp_path / "out" / "store").exists()
