"""A flipped byte in a file of a store is told by the reader that owns it, or changes nothing that is read."""

import random

import numpy as np
import pytest
from small_archives import TINY, members, pack

from advkd.data.archives.record import describe_drawn, read_record, write_record
from advkd.data.classifier_store import prepare_classifier_store
from advkd.data.crop_store import prepare_crop_store
from advkd.data.drawn.draw_dataset import draw_dataset
from advkd.data.registry import load
from advkd.data.settings import ClassifierStoreSettings, CropStoreSettings
from advkd.data.store import Store
from advkd.data.store_meta import META, REMEDY, read_meta
from advkd.errors import UserError
from advkd.files import read_json, write_json
from advkd.settings.config import REGISTRY

CROPS = CropStoreSettings(
    dataset="codebrim", data="real", crops=12, crop="window", image_size=64, held_out=0.25, held_out_crops=4,
    windows_per_image=1, data_seed=3,
)  # fmt: skip
IMAGES = ClassifierStoreSettings(dataset="cifar10", data="real", stored_size=32)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A small store of each kind."""
    place = tmp_path_factory.mktemp("bound")
    pack(place / "tiny.zip", members())
    prepare_crop_store(describe_drawn(TINY, place), TINY, CROPS, place / "crops")
    draw_dataset("cifar10", place / "cifar10", 4)
    cifar = load(REGISTRY)["cifar10"]
    prepare_classifier_store(describe_drawn(cifar, place / "cifar10"), cifar, IMAGES, place / "images")
    return place


def flips(path, count=200):
    """Write a file again with one byte flipped at random places, one after the other, and at last as it was."""
    content = path.read_bytes()
    for place in random.Random(0).sample(range(len(content)), min(count, len(content))):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(bytes(flipped))
        yield place
    path.write_bytes(content)


def same(first, second):
    arrays = ("images", "labels", "held_out", "held_out_labels", "sizes", "held_out_sizes")
    return first.meta == second.meta and all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in arrays
    )


@pytest.mark.parametrize("kind", ["crops", "images"])
def test_no_flipped_byte_passes(stores, kind):
    folder = stores / kind
    expected = Store.open(folder)
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == {"crops": 6, "images": 8}[kind]
    for name in names:
        for place in flips(folder / name):
            try:
                opened = Store.open(folder)
            except UserError as error:
                assert str(error).count("\n") == 0 and str(error).endswith(REMEDY) and name in str(error)
                continue
            assert name == META and same(opened, expected), (name, place)


@pytest.mark.parametrize("kind", ["crops", "images"])
def test_no_flipped_byte_of_what_a_store_says_passes(stores, kind):
    """Status, tables and migrations read meta.json alone."""
    expected, told = read_meta(stores / kind), 0
    for place in flips(stores / kind / META):
        try:
            assert read_meta(stores / kind) == expected, place
        except UserError:
            told += 1
    assert told > 100


def test_no_flipped_byte_of_a_record_passes(stores):
    path = stores / "record.json"
    write_record(path, describe_drawn(TINY, stores))
    expected, told = read_record(path), 0
    for place in flips(path):
        try:
            record = read_record(path)
        except UserError:
            told += 1
            continue
        assert {key: record[key] for key in expected} == expected, place
    assert told > 100


@pytest.mark.parametrize("lost", [["digest"], ["schema"], ["digest", "schema"]])
def test_what_a_meta_json_may_lack(stores, tmp_path, lost):
    """Version 0.1.0 wrote neither a schema nor a digest."""
    meta = {key: value for key, value in read_json(stores / "crops" / META).items() if key not in lost}
    write_json(tmp_path / META, meta)
    if len(lost) == 2:
        assert read_meta(tmp_path) == meta
        return
    reason = "has no digest, as that of an earlier version" if lost == ["digest"] else "is not what was written"
    with pytest.raises(UserError, match=rf"meta\.json {reason}.*: delete the folder and prepare the data again"):
        read_meta(tmp_path)
