import csv

import numpy as np
import pytest

from advkd.data import derived_store
from advkd.data.derived_store import Generated, block, choose_generated, join_generated, keep_class
from advkd.data.preparing_code import LABELLED_CROPS, is_of_today, preparing_code
from advkd.data.settings import GeneratedImages
from advkd.data.store import Store
from advkd.data.store_draft import write_store
from advkd.errors import UserError

SIDE = 16
COLUMNS = "split,index,image,label,class,sha256\n"


@pytest.fixture
def base(tmp_path):
    """A store of three classes with four training and two evaluation images each."""
    rng = np.random.default_rng(0)
    labels, held_out_labels = np.repeat([0, 1, 2], 4), np.repeat([0, 1, 2], 2)
    arrays = {
        "images": rng.integers(0, 256, (12, SIDE, SIDE, 3), dtype=np.uint8),
        "labels": labels,
        "sizes": np.full((12, 2), 50, np.int32),
        "held_out": rng.integers(0, 256, (6, SIDE, SIDE, 3), dtype=np.uint8),
        "held_out_labels": held_out_labels,
        "held_out_sizes": np.full((6, 2), 50, np.int32),
        "held_out_tags": np.eye(3, dtype=bool)[held_out_labels] | np.array([True, False, False]),
        "held_out_photos": np.arange(6) // 2 + 3,
    }
    rows = [f"training,{index},{index}.jpg,{label},{'abc'[label]},x\n" for index, label in enumerate(labels)]
    rows += [f"held_out,{index},v{index}.jpg,{label},{'abc'[label]},x\n" for index, label in enumerate(held_out_labels)]
    meta = {
        "name": "codebrim", "classes": ["a", "b", "c"], "images": 12, "held_out": 6, "settings": {"cut": "box"},
        "counts": {}, "source": {}, "code": preparing_code(LABELLED_CROPS, drawn=False),
    }  # fmt: skip
    write_store(tmp_path / "base", arrays, COLUMNS + "".join(rows), meta)
    return Store.open(tmp_path / "base")


def generated(run, labels, count, generators=1, side=SIDE, seed=1):
    rng = np.random.default_rng(seed)
    images = {f"G{i + 1}": rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8) for i in range(generators)}
    return Generated(run, "f" * 64, images, np.resize(np.array(labels), count))


def settings(synthetic=3, alone=False):
    return GeneratedImages(generator="sagan_okd", synthetic=synthetic, alone=alone)


def join(base, settings, sources, out):
    chosen = choose_generated(base.meta["classes"], settings.synthetic, sources)
    return join_generated(base, settings, chosen, {"runs": {source.run: source.sha256 for source in sources}}, out)


def rows(store):
    return list(csv.DictReader((store.path / "manifest.csv").open()))


def test_one_class(base, tmp_path):
    keep_class(base, 2, tmp_path / "out")
    store = Store.open(tmp_path / "out")
    assert store.meta["classes"] == ["b"] and store.meta["settings"] == {"cut": "box", "only_class": 2}
    np.testing.assert_array_equal(store.images, base.images[4:8])
    np.testing.assert_array_equal(store.held_out, base.held_out[2:4])
    assert store.labels.tolist() == [0] * 4 and store.held_out_labels.tolist() == [0] * 2
    assert store.held_out_tags.tolist() == [[True], [True]] and store.held_out_photos.tolist() == [4, 4]
    assert [row["image"] for row in rows(store)] == ["4.jpg", "5.jpg", "6.jpg", "7.jpg", "v2.jpg", "v3.jpg"]
    assert [row["index"] for row in rows(store)] == ["0", "1", "2", "3", "0", "1"]
    assert store.meta["base"] == {"store": "base", "sha256": base.meta["sha256"]} and is_of_today(store.meta["code"])
    with pytest.raises(UserError, match="has no class 4: it has 3, counted from 1"):
        keep_class(base, 4, tmp_path / "none")


def test_generated_images_join_the_training_part_only(base, tmp_path):
    sources = [generated(f"gan{label}", [label], 5, seed=label) for label in range(3)]
    join(base, settings(), sources, tmp_path / "out")
    store = Store.open(tmp_path / "out")
    np.testing.assert_array_equal(store.images[:12], base.images)
    for label, source in enumerate(sources):
        start = 12 + 3 * label
        np.testing.assert_array_equal(store.images[start : start + 3], source.images["G1"][:3])
    assert store.labels.tolist() == [*base.labels, *np.repeat([0, 1, 2], 3)]
    assert store.sizes[12:].tolist() == [[SIDE, SIDE]] * 9
    for name in ("held_out", "held_out_labels", "held_out_sizes", "held_out_tags", "held_out_photos"):
        np.testing.assert_array_equal(getattr(store, name), getattr(base, name))
    manifest = rows(store)
    assert [row["split"] for row in manifest] == ["training"] * 21 + ["held_out"] * 6
    assert [row["index"] for row in manifest[:21]] == [str(index) for index in range(21)]
    assert manifest[14] == {
        "split": "training",
        "index": "14",
        "image": "gan0 G1 2",
        "label": "0",
        "class": "a",
        "sha256": "",
    }
    assert store.meta["images"] == 21 and store.meta["generated"]["images"] == 9
    assert store.meta["generated"]["runs"] == {f"gan{label}": "f" * 64 for label in range(3)}
    assert store.meta["settings"] == {"cut": "box", **settings().flat()}
    assert "(9 of them generated)" in store.summary()


def test_generated_images_alone(base, tmp_path):
    join(base, settings(alone=True), [generated("gan", [0, 1, 2], 12)], tmp_path / "out")
    store = Store.open(tmp_path / "out")
    assert len(store.images) == 9 == len(store.sizes) and store.labels.tolist() == np.repeat([0, 1, 2], 3).tolist()
    assert len(store.held_out) == 6 and [row["index"] for row in rows(store)][:9] == [str(i) for i in range(9)]


def test_generators_take_turns_each_with_other_noise(base, tmp_path):
    source = generated("gan", [0, 1, 2], 15, generators=3)
    join(base, settings(4), [source], tmp_path / "out")
    store = Store.open(tmp_path / "out")
    for label in range(3):
        expected = [source.images[f"G{turn % 3 + 1}"][label + 3 * turn] for turn in range(4)]
        np.testing.assert_array_equal(store.images[12 + 4 * label : 16 + 4 * label], np.stack(expected))
    places = [row["image"].split()[1:] for row in rows(store)[12:16]]
    assert places == [["G1", "0"], ["G2", "3"], ["G3", "6"], ["G1", "9"]]


def test_images_that_repeat_a_real_one_are_counted(base, tmp_path):
    source = generated("gan", [0, 1, 2], 9)
    for place in (0, 4):
        source.images["G1"][place] = np.clip(base.images[5].astype(int) + 2, 0, 255)
    meta = join(base, settings(), [source], tmp_path / "out")
    assert meta["generated"]["like_real"] == 2


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (
            [generated("gan", [0, 1, 2], 8)],
            r"gan drew 2 images of 'c' with each generator, fewer than the 3 .*raise fakes",
        ),
        ([generated("gan", [0, 1], 8)], "0 runs draw images of 'c': one must"),
        ([generated("gan", [0, 1, 2], 9), generated("other", [1], 9)], "2 runs draw images of 'b': one must"),
        ([generated("gan", [0, 1, 2], 9, side=8)], r"gan draws images of \(8, 8, 3\), not \(16, 16, 3\)"),
    ],
)
def test_images_that_do_not_suit_are_refused_and_nothing_is_left(base, tmp_path, sources, message):
    with pytest.raises(UserError, match=message):
        join(base, settings(), sources, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_making_it_again_gives_the_same_bytes(base, tmp_path):
    for name in "ab":
        join(base, settings(), [generated("gan", [0, 1, 2], 9)], tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_store_says_why_there_are_no_images(base, tmp_path):
    block(base, settings(), "gan/seed0", "diverged at step 7", tmp_path / "out")
    store = Store.open(tmp_path / "out")
    assert store.meta["blocked"] == {"parent": "gan/seed0", "reason": "diverged at step 7"}
    assert store.meta["settings"]["generator"] == "sagan_okd"


def test_arrays_of_the_evaluation_images_are_all_copied():
    """A new array of a store must be one or the other."""
    evaluated = {"held_out", "held_out_labels", "held_out_sizes", "held_out_tags", "held_out_photos"}
    assert {*derived_store.TRAINING, *evaluated} == {*derived_store.ARRAYS, *derived_store.OPTIONAL}
