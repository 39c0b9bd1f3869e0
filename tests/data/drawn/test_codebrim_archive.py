import hashlib
import time
import zipfile
from collections import Counter

import numpy as np
import pytest
from small_archives import read_photos

from advkd.data import registry
from advkd.data.archives.parts import open_archive
from advkd.data.archives.record import describe_drawn
from advkd.data.crop_store import prepare_crop_store
from advkd.data.drawn.codebrim_archive import draw_codebrim_archive
from advkd.data.images import decode_image
from advkd.data.readers import codebrim
from advkd.data.settings import CropStoreSettings, DrawnPhotos
from advkd.data.store import Store
from advkd.settings import config


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    path = tmp_path_factory.mktemp("drawn") / "CODEBRIM_original_images.zip"
    began = time.process_time()
    draw_codebrim_archive(path, 40, 0)
    assert time.process_time() - began < 10  # about 1 s on an idle core
    return path


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    digests = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        draw_codebrim_archive(tmp_path / name, 4, seed)
        digests.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert digests[0] == digests[1] != digests[2]
    with zipfile.ZipFile(tmp_path / "a") as file:
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_first_photos_do_not_depend_on_their_number(drawn, tmp_path):
    draw_codebrim_archive(tmp_path / "few.zip", 3, 0)
    few, many = (open_archive(path, "original_dataset") for path in (tmp_path / "few.zip", drawn))
    assert all(few.read(name) == many.read(name) for name in few.names())


def test_the_layout_is_codebrims(drawn):
    archive = open_archive(drawn, "original_dataset")
    photos = read_photos(archive)
    boxes = [box for photo in photos for box in photo.boxes]
    assert archive.suffixes() == {"jpg": 40, "xml": 35}
    assert min(Counter(label for box in boxes for label in box.labels).values()) >= 8
    assert max(len(box.labels) for box in boxes) == 3
    assert b"<Background>1</Background>" in b"".join(archive.read(n) for n in archive.names() if n.endswith("xml"))
    modes = Counter(decode_image(archive, photo.image)[1] for photo in photos)
    assert modes == {"RGB": 39, "L": 1}


def test_classes_can_be_told_apart(drawn, tmp_path):
    """A nearest-centroid rule on colour statistics names the class of held-out crops far better than chance."""
    settings = CropStoreSettings(
        dataset="codebrim", data="made", crops=200, crop="window", image_size=64, held_out=0.25, held_out_crops=100,
        windows_per_image=1, data_seed=0, drawn=DrawnPhotos(made_photos=40),
    )  # fmt: skip
    dataset = registry.load(config.REGISTRY)["codebrim"]
    meta = prepare_crop_store(describe_drawn(dataset, drawn.parent), dataset, settings, tmp_path / "store")
    assert meta["classes"] == list(codebrim.CLASSES) and meta["source"]["verified"] == "drawn on the spot"
    store = Store.open(tmp_path / "store")

    def features(pixels):
        pixels = pixels.astype(float)
        spread = pixels.std((1, 2)).mean(1)
        redness = (pixels[..., 0] - pixels[..., 2]).mean((1, 2))
        bright, dark = ((pixels > 200).mean((1, 2, 3)), (pixels < 60).mean((1, 2, 3)))
        return np.stack([spread, redness, 100 * bright, 100 * dark], 1)

    known, asked = features(store.images), features(store.held_out)
    scale = known.std(0)
    centres = np.stack([known[store.labels == label].mean(0) for label in range(5)])
    nearest = (((asked[:, None] - centres) / scale) ** 2).sum(2).argmin(1)
    assert (nearest == store.held_out_labels).mean() > 0.45
