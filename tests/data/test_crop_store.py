import csv
import hashlib
import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from small_archives import TINY, jpeg, members, pack, unpack, xml

from advkd.data import crop_cutting
from advkd.data.archives.fetch_dataset import fetch_dataset
from advkd.data.archives.record import describe_drawn
from advkd.data.archives.zip_archive import ZipArchive
from advkd.data.crop_store import prepare_crop_store
from advkd.data.settings import CropStoreSettings
from advkd.data.store import Store
from advkd.errors import UserError

SETTINGS = {
    "dataset": "codebrim",
    "data": "real",
    "crops": 33,
    "crop": "window",
    "image_size": 64,
    "held_out": 0.25,
    "held_out_crops": 11,
    "windows_per_image": 1,
    "data_seed": 3,
}


def prepared(source, out, tolerated=0, **changed):
    """Prepare a record, an archive in CODEBRIM's layout or a folder of images."""
    if not isinstance(source, dict) and source.is_file():
        source = describe_drawn(TINY, source.rename(source.with_name("tiny.zip")).parent)
    meta = prepare_crop_store(source, TINY, CropStoreSettings.from_flat({**SETTINGS, **changed}), out, tolerated)
    return Store.open(out), meta


def rows(store):
    return list(csv.DictReader((store.path / "manifest.csv").open()))


@pytest.mark.parametrize("crop", ["window", "resized"])
def test_every_crop_is_what_the_manifest_says(archive, tmp_path, crop):
    store, meta = prepared(archive, tmp_path / "store", crop=crop)
    source = ZipArchive(archive, "original_dataset")
    assert store.images.shape == (33, 64, 64, 3) and store.held_out.shape == (11, 64, 64, 3)
    manifest = rows(store)
    assert len(manifest) == 44
    for row, pixels in zip(manifest, [*store.images, *store.held_out], strict=True):
        photo = Image.open(io.BytesIO(source.read(row["image"])))
        x0, y0, side = (int(row[key]) for key in ("x0", "y0", "side"))
        square = photo.crop((x0, y0, x0 + side, y0 + side))
        if side != 64:
            square = square.resize((64, 64), Image.Resampling.LANCZOS)
        np.testing.assert_array_equal(pixels, np.asarray(square))
        assert row["sha256"] == hashlib.sha256(pixels.tobytes()).hexdigest()
        assert meta["classes"][int(row["label"])] == row["class"]
        assert len(row["tags"]) == 6 and row["tags"][0] == "0"
    training, held = ({row["image"] for row in manifest if row["split"] == part} for part in ("training", "held_out"))
    assert not training & held
    assert (len(training), len(held)) == (meta["photos"]["training_used"], meta["photos"]["held_out_used"])
    assert [int(row["label"]) for row in manifest] == [*store.labels, *store.held_out_labels]
    assert list(meta["counts"]["images"].values()) == [6, 6, 7, 7, 7]
    assert meta["photos"]["all"] == 6 and meta["photos"]["training"] == 3 and meta["photos"]["held_out"] == 1


def test_archive_and_extraction_give_the_same_store(archive, tmp_path):
    extracted = unpack(archive, tmp_path / "x") / "original_dataset"
    stores = []
    for number, place in enumerate((archive, extracted)):
        record = fetch_dataset(TINY, mirror=place, root=tmp_path, accept=None)
        stores.append(prepared(record, tmp_path / str(number))[0])
    for name in ("images.npy", "labels.npy", "held_out.npy", "held_out_labels.npy", "manifest.csv"):
        assert (stores[0].path / name).read_bytes() == (stores[1].path / name).read_bytes()
    metas = [{**store.meta, "source": None} for store in stores]
    assert metas[0] == metas[1]
    assert stores[0].meta["source"]["content"] == stores[1].meta["source"]["content"]


def test_preparing_again_gives_the_same_bytes_and_another_seed_does_not(archive, tmp_path):
    first, second, other = (prepared(archive, tmp_path / str(i), data_seed=seed)[0] for i, seed in enumerate((3, 3, 4)))
    for path in first.path.iterdir():
        assert path.read_bytes() == (second.path / path.name).read_bytes()
    assert not np.array_equal(first.images, other.images)
    assert str(tmp_path) not in (first.path / "meta.json").read_text()


def test_held_out_crops_stay_when_crops_changes(archive, tmp_path):
    few, many = (prepared(archive, tmp_path / str(count), crops=count)[0] for count in (10, 50))
    np.testing.assert_array_equal(few.held_out, many.held_out)
    np.testing.assert_array_equal(few.images, many.images[:10])


def test_every_photo_is_decoded_once(archive, tmp_path, monkeypatch):
    decoded = []
    real = crop_cutting.decode_image
    monkeypatch.setattr(
        crop_cutting, "decode_image", lambda archive, name, upright: decoded.append(name) or real(archive, name)
    )
    prepared(archive, tmp_path / "store")
    assert sorted(decoded) == [f"images/image_{i}.jpg" for i in range(4)]


def test_classes_without_boxes_are_left_out(tmp_path, said):
    contents = {}
    for i in range(4):
        contents[f"original_dataset/{i}.jpg"] = jpeg(seed=i)
        contents[f"original_dataset/{i}.xml"] = xml(
            f"{i}.jpg", [((1, 1, 80, 70), "Crack"), ((1, 1, 70, 70), "Efflorescence")]
        )
    store, meta = prepared(pack(tmp_path / "a.zip", contents), tmp_path / "store")
    assert meta["classes"] == ["crack", "efflorescence"]
    assert meta["skipped_classes"] == ["exposed bars", "spallation", "corrosion stain"]
    assert set(store.labels) == {0, 1}
    assert any("no training photo shows exposed bars, spallation, corrosion stain" in line for line in said)


def test_only_background(tmp_path):
    contents = {
        "original_dataset/a.jpg": jpeg(),
        "original_dataset/a.xml": xml("a.jpg", [((1, 1, 9, 9), "Background")]),
    }
    with pytest.raises(UserError, match="holds no box with a defect"):
        prepared(pack(tmp_path / "a.zip", contents), tmp_path / "store")


def test_no_held_out_part(archive, tmp_path):
    store, meta = prepared(archive, tmp_path / "store", held_out=0)
    assert len(store.held_out) == len(store.held_out_labels) == 0
    assert meta["photos"]["training"] == 4


def test_conversions_and_enlargements_are_counted(tmp_path):
    contents = {
        "original_dataset/a.jpg": jpeg(100, 100, "L"),
        "original_dataset/a.xml": xml("a.jpg", [((1, 1, 100, 100), "Crack")]),
        "original_dataset/b.jpg": jpeg(100, 40),
        "original_dataset/b.xml": xml("b.jpg", [((1, 1, 100, 40), "Spallation")]),
    }
    _, meta = prepared(pack(tmp_path / "a.zip", contents), tmp_path / "store", held_out=0, crops=10)
    assert meta["counters"] == {
        "annotations_left_out": 0,
        "boxes_clipped": 0,
        "boxes_left_out": 0,
        "converted": {"L": 1},
        "enlarged": 5,
        "exif_turned": 0,
        "expanded": 0,
        "repeated": 0,
        "turned": 0,
    }


def test_all_faulty_files_are_named_at_once_and_nothing_left_behind(tmp_path, said):
    contents = members()
    for number in (1, 2):
        name = f"original_dataset/images/image_{number}.jpg"
        contents[name] = contents[name][:2000]
    contents["original_dataset/annotations/image_3.xml"] = b"<"
    with pytest.raises(UserError, match=r"3 of \d+ annotations, boxes and photos are faulty.*tolerate={codebrim: 3}"):
        prepared(pack(tmp_path / "a.zip", contents), tmp_path / "out" / "store", held_out=0)
    assert not (tmp_path / "out").exists()
    named = " ".join(line for line in said if line.startswith("faulty: "))
    assert all(name in named for name in ("image_1.jpg", "image_2.jpg", "image_3.xml"))


def test_the_user_goes_on_without_faulty_photos(tmp_path, said):
    contents = members()
    bad = "original_dataset/images/image_2.jpg"
    contents[bad] = contents[bad][:2000]
    store, meta = prepared(pack(tmp_path / "a.zip", contents), tmp_path / "store", tolerated=1)
    assert meta["left_out"] == ["images/image_2.jpg"]
    assert not {row["image"] for row in rows(store)} & {"images/image_2.jpg"}
    assert len(store.images) == 33 and meta["photos"]["training"] + meta["photos"]["held_out"] == 3
    # The same store as if nothing of that photo had ever been annotated.
    del contents["original_dataset/annotations/image_2.xml"]
    (tmp_path / "tiny.zip").unlink()
    other, _ = prepared(pack(tmp_path / "b.zip", contents), tmp_path / "other")
    np.testing.assert_array_equal(store.images, other.images)


def test_a_photo_like_a_training_photo_is_not_held_out(archive, tmp_path, said):
    """The same photos again under other names; the training crops do not change by that."""
    contents = members()
    store, meta = prepared(pack(tmp_path / "a.zip", contents), tmp_path / "store", held_out_crops=20, held_out=0.5)
    assert meta["near_duplicates"] == []
    held_out = sorted({row["image"] for row in rows(store) if row["split"] == "held_out"})
    trained = sorted({row["image"] for row in rows(store) if row["split"] == "training"})
    assert len(held_out) == 2
    contents[f"original_dataset/{held_out[0]}"] = contents[f"original_dataset/{trained[0]}"]
    (tmp_path / "tiny.zip").unlink()
    other, meta = prepared(pack(tmp_path / "b.zip", contents), tmp_path / "other", held_out_crops=20, held_out=0.5)
    assert meta["near_duplicates"] == [[trained[0], held_out[0]]]
    assert {row["image"] for row in rows(other) if row["split"] == "held_out"} == {held_out[1]}
    assert len(other.held_out) == 20 and meta["photos"]["held_out"] == 1
    np.testing.assert_array_equal(other.images, store.images)
    assert any("1 held-out images look like a training image" in line and "left out" in line for line in said)
    contents[f"original_dataset/{held_out[1]}"] = contents[f"original_dataset/{trained[1]}"]
    (tmp_path / "tiny.zip").unlink()
    none_left, meta = prepared(pack(tmp_path / "c.zip", contents), tmp_path / "c", held_out_crops=20, held_out=0.5)
    assert len(none_left.held_out) == 0 and len(meta["near_duplicates"]) == 2


def test_each_fault_is_counted_once(tmp_path, said):
    """Of six photos, four are annotated, with four boxes each; the first photo is decoded in two passes."""
    contents = members()
    whole = contents["original_dataset/images/image_1.jpg"]
    contents["original_dataset/images/image_1.jpg"] = whole[:2000]  # its pixels are cut off
    contents["original_dataset/images/image_2.jpg"] = b"no jpeg"
    contents["original_dataset/annotations/image_3.xml"] = b"<"
    contents["original_dataset/annotations/image_0.xml"] = contents["original_dataset/annotations/image_0.xml"].replace(
        b"<xmin>3</xmin>", b"<xmin>x</xmin>"
    )
    store, meta = prepared(pack(tmp_path / "a.zip", contents), tmp_path / "store", tolerated=4, held_out=0)
    assert meta["left_out"] == [
        "annotations/image_3.xml", "images/image_1.jpg", "images/image_2.jpg", "object 3 of annotations/image_0.xml",
    ]  # fmt: skip
    # 4 annotations, the 12 boxes of three of them, and their 3 photos
    assert any("4 of 19 annotations, boxes and photos are faulty and left out" in line for line in said)
    assert store.summary().endswith("left out: 3 photos without a crop, 2 faulty photos, 2 faulty annotations or boxes")


def test_each_faulty_photo_of_a_folder_is_counted_once(mine, tmp_path, said):
    (mine / "cats" / "0.jpg").write_bytes(b"no jpeg")
    (mine / "dogs" / "1.jpg").write_bytes(jpeg(90, 100)[:2000])
    store, _ = prepared(mine, tmp_path / "store", tolerated=2, crops=0, held_out=0)
    assert any("2 of 8 photos are faulty and left out" in line for line in said)
    assert store.summary().endswith("left out: 2 faulty photos")


@pytest.mark.parametrize("verified", ["accepted by the user", "structure; checksum as first used"])
def test_accepted_data_are_treated_as_leniently_as_the_official_archive(tmp_path, said, verified):
    contents = {f"original_dataset/{i}.jpg": jpeg(seed=i) for i in range(60)}
    contents |= {f"original_dataset/{i}.xml": xml(f"{i}.jpg", [((1, 1, 80, 70), "Crack")]) for i in range(60)}
    contents["original_dataset/9.xml"] = b"<"
    pack(tmp_path / "tiny.zip", contents)
    _, meta = prepared({**describe_drawn(TINY, tmp_path), "verified": verified}, tmp_path / "store")
    assert meta["counters"]["annotations_left_out"] == 1
    assert any("9.xml" in line for line in said)


@pytest.fixture
def mine(tmp_path):
    for name, count in (("cats", 3), ("dogs", 5)):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for i in range(count):
            (tmp_path / "mine" / name / f"{i}.jpg").write_bytes(jpeg(90, 100, seed=i + 10 * count))
    return tmp_path / "mine"


def test_a_folder_of_images(mine, tmp_path):
    store, meta = prepared(mine, tmp_path / "store", crops=0)
    assert meta["classes"] == ["cats", "dogs"]
    assert len(store.images) == 6 and len(store.held_out) == 2
    assert len({row["image"] for row in rows(store)}) == 8
    assert all(row["class"] == row["image"].split("/")[0] and row["tags"] == "" for row in rows(store))
    assert meta["source"]["verified"] == "the user's own images"


def test_own_photos_are_turned_upright(tmp_path):
    (tmp_path / "mine").mkdir()
    for number, orientation in enumerate((1, 6, 8)):
        (tmp_path / "mine" / f"{number}.jpg").write_bytes(jpeg(100, 70, seed=number, orientation=orientation))
    store, meta = prepared(tmp_path / "mine", tmp_path / "store", held_out=0, crops=0)
    assert meta["counters"]["turned"] == 2
    for row, pixels in zip(rows(store), store.images, strict=True):
        photo = ImageOps.exif_transpose(Image.open(tmp_path / "mine" / row["image"]))
        x0, y0 = int(row["x0"]), int(row["y0"])
        np.testing.assert_array_equal(pixels, np.asarray(photo.crop((x0, y0, x0 + 64, y0 + 64))))


def test_a_folder_with_fewer_images_than_asked_crops(mine, tmp_path):
    with pytest.raises(UserError, match="too few images: 6 images"):
        prepared(mine, tmp_path / "store", crops=7)
    store, _ = prepared(mine, tmp_path / "store", crops=12, windows_per_image=2)
    assert len(store.images) == 12 and len(store.held_out) == 4


def test_crops_0_has_no_meaning_for_boxes(archive, tmp_path):
    with pytest.raises(UserError, match="crops is 0"):
        prepared(archive, tmp_path / "store", crops=0)


@pytest.mark.parametrize("change", ["photo", "fewer", "annotation"])
def test_an_archive_that_is_replaced_after_its_verification_is_refused(archive, tmp_path, change):
    """As a store of 30 photos was made from a verified archive of 270."""
    record = fetch_dataset(TINY, mirror=archive, root=tmp_path / "data", accept=None)
    contents = members()
    photo, annotation = "original_dataset/images/image_1.jpg", "original_dataset/annotations/image_1.xml"
    if change == "photo":
        contents[photo] = jpeg(104, 120, seed=99)
    elif change == "annotation":
        contents[annotation] = contents[annotation].replace(b"96", b"95")
    else:
        del contents[photo], contents[annotation]
    pack(archive, contents)
    with pytest.raises(UserError, match=r"has changed: .*image_1.* not what was verified"):
        prepare_crop_store(record, TINY, CropStoreSettings.from_flat(SETTINGS), tmp_path / "out", tolerated=1000)
    assert not (tmp_path / "out").exists()


def test_a_record_without_checksums_or_with_others_is_refused(archive, tmp_path):
    record = fetch_dataset(TINY, mirror=archive, root=tmp_path / "data", accept=None)
    settings = CropStoreSettings.from_flat(SETTINGS)
    with pytest.raises(UserError, match=r"earlier version.*delete the record, archives/codebrim\.json of the data"):
        prepare_crop_store({**record, "files": 10}, TINY, settings, tmp_path / "out")
    name = next(iter(record["files"]))
    with pytest.raises(UserError, match="checksums do not belong together"):
        changed = {**record, "files": {**record["files"], name: "0" * 64}}
        prepare_crop_store(changed, TINY, settings, tmp_path / "out")
