"""What holds for every reader of a classification data set."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layouts import LISTS, SIZE, contents, read

from advkd.data.classifier_store import READERS
from advkd.errors import UserError

FILES = [(name, file) for name, files in LISTS.items() for file in files]
TEXTS = [(name, file) for name, file in FILES if not file.endswith(".mat")]  # for which a process is started


@pytest.mark.parametrize("name", READERS)
def test_a_drawn_data_set_is_read_whole(name):
    labelled = read(name)
    assert len(set(labelled.classes)) == 8
    for items, count in ((labelled.train, SIZE), (labelled.valid, 4)):
        assert Counter(item.label for item in items) == dict.fromkeys(range(8), count)
    images = [item.image for item in (*labelled.train, *labelled.valid)]
    assert sorted(labelled.order(images)) == sorted(set(images))
    for image in images[::9]:
        pixels, *_ = labelled.decode(image)
        assert pixels.dtype == np.uint8 and pixels.shape[2] == 3 and min(pixels.shape[:2]) >= 32


@pytest.mark.parametrize(("name", "file"), FILES)
def test_a_missing_list_is_named(name, file):
    with pytest.raises(UserError, match=f"official.zip: {file} is missing: this is another data set"):
        read(name, **{file: None})


@pytest.mark.parametrize("name", READERS)
def test_another_data_set_is_told(name):
    other = "mit67" if name != "mit67" else "cub200"
    with pytest.raises(UserError, match="this is another data set, or not all of it") as error:
        read(name, **dict.fromkeys(contents(name)), **contents(other))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [name for name in READERS if "cifar" not in name])
@pytest.mark.parametrize("part", ["train", "valid"])
def test_an_image_that_is_not_there_is_named(name, part):
    image = getattr(read(name), part)[5].image
    if name == "tiny_imagenet" and part == "train":
        assert image not in [item.image for item in read(name, **{image: None}).train]  # listed by its folder alone
    else:
        assert read(name, **{image: None}).missing == {image}


def spoil(data: bytes, seed: int, junk: bytes) -> bytes:
    """Return a list with a few lines, or bytes, dropped, repeated, exchanged or replaced."""
    rng = random.Random(seed)
    lines = data.splitlines(keepends=True) if rng.random() < 0.7 else [data[i : i + 7] for i in range(0, len(data), 7)]
    for _ in range(rng.randint(1, 3)):
        one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        match rng.randrange(4):
            case 0:
                lines[one] = b""
            case 1:
                lines.insert(one, lines[other])
            case 2:
                lines[one], lines[other] = lines[other], lines[one]
            case 3:
                lines[one] = junk + b"\n"
    return b"".join(lines)


@pytest.mark.parametrize(("name", "file"), TEXTS)
@given(seed=st.integers(0, 2**32), junk=st.one_of(st.binary(max_size=20), st.text(max_size=12).map(str.encode)))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spoilt_lists_are_refused_in_one_line_or_mean_something(name, file, seed, junk):
    try:
        labelled = read(name, **{file: spoil(contents(name)[file], seed, junk)})
    except UserError as error:
        assert len(str(error).splitlines()) == 1 and str(error).startswith("official.zip: ")
    else:
        images = [item.image for item in (*labelled.train, *labelled.valid)]
        assert len(set(images)) == len(images)
        for items in (labelled.train, labelled.valid):
            assert {item.label for item in items} == set(range(len(labelled.classes)))


@pytest.mark.parametrize(("name", "file"), TEXTS)
@given(data=st.binary(max_size=200))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_noise_is_refused(name, file, data):
    with pytest.raises(UserError):
        read(name, **{file: data})


@pytest.mark.parametrize("seed", range(4))
def test_spoilt_matlab_files_are_refused_in_one_line_or_mean_something(seed):
    """Some damage crashes scipy's reader, and must not crash ours."""
    data = bytearray(contents("stanford_dogs")["train_list.mat"])
    rng = random.Random(seed)
    for _ in range(4):
        data[rng.randrange(128, len(data))] = rng.randrange(256)
    try:
        labelled = read("stanford_dogs", **{"train_list.mat": bytes(data)})
    except UserError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert {item.label for item in labelled.train} == set(range(len(labelled.classes)))
