"""Splits that keep the images of one scene together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_archives import jpeg

from advkd.data.readers.class_folders import read_class_folders
from advkd.data.scenes import draw_held_out, scene_of

SCENES = st.lists(st.sampled_from([None, *"abcdef"]), min_size=2, max_size=30)


def draw(scenes, fraction=0.2, seed=0):
    return draw_held_out(scenes, fraction, np.random.SeedSequence(seed))


def parts(scenes, held_out):
    """Return the scenes of the training images and of the held-out images, of all classes."""
    found = (set(), set())
    for name, of_class in scenes.items():
        for place, scene in enumerate(of_class):
            found[place in held_out[name]].add(scene)
    return [part - {None} for part in found]


@pytest.mark.parametrize(
    ("name", "scene"),
    [("a.jpg", None), ("crack/a.jpg", None), ("crack/bridge/a.jpg", "bridge"), ("crack/x/y/a.jpg", "x/y")],
)
def test_a_scene_is_the_subfolder_of_a_class(name, scene):
    assert scene_of(name) == scene


def test_without_scenes_the_split_is_as_it_was():
    scenes = {"cat": [None] * 10, "dog": [None] * 7}
    rng = np.random.Generator(np.random.PCG64(3))
    wanted = {"cat": set(rng.permutation(10)[:2].tolist()), "dog": set(rng.permutation(7)[:1].tolist())}
    assert draw(scenes, seed=3) == wanted


def test_scenes_are_held_out_whole_also_across_classes():
    scenes = {"crack": [f"bridge {i % 10}" for i in range(100)], "spalling": [f"bridge {i % 10}" for i in range(30)]}
    for seed in range(10):
        held_out = draw(scenes, seed=seed)
        training, aside = parts(scenes, held_out)
        assert not training & aside and len(aside) == 2
        assert (len(held_out["crack"]), len(held_out["spalling"])) == (20, 6)


def test_scenes_of_other_sizes_do_not_overshoot():
    scenes = {"crack": ["large"] * 80 + ["a"] * 8 + ["b"] * 7 + ["c"] * 5}
    for seed in range(10):
        assert len(draw(scenes, seed=seed)["crack"]) == 20  # a, b and c


def test_a_class_that_has_only_large_scenes_still_holds_one_out():
    assert len(draw({"crack": ["a"] * 40 + ["b"] * 50})["crack"]) == 40


@pytest.mark.parametrize("scenes", [["only"] * 10, [None] * 10])
def test_a_folder_around_all_images_of_a_class_is_no_scene(scenes):
    """As Tiny ImageNet's CLASS/images."""
    assert draw({"cat": scenes, "dog": scenes}) == draw({"cat": [None] * 10, "dog": [None] * 10})


@given(st.dictionaries(st.sampled_from(["cat", "dog", "owl"]), SCENES, min_size=1), st.floats(0.01, 0.99))
def test_every_class_has_images_in_both_parts(scenes, fraction):
    held_out = draw(scenes, fraction)
    for name, of_class in scenes.items():
        assert 0 < len(held_out[name]) < len(of_class)


def test_the_subfolders_of_a_class_are_its_scenes(tmp_path):
    for number in range(40):
        path = tmp_path / ("crack" if number % 2 else "spalling") / f"bridge {number // 4}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(seed=number))
    _, labelled = read_class_folders(tmp_path, 0.2, 0)
    bridges = [{item.image.split("/")[1] for item in part} for part in (labelled.train, labelled.valid)]
    assert (len(bridges[0]), len(bridges[1])) == (8, 2) and not bridges[0] & bridges[1]
