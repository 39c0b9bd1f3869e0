import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from advkd.data.crops import Streams, Window, draw_by_class, draw_by_image, labels_in, place_window, split_photos
from advkd.data.photos import Box, Photo
from advkd.errors import UserError


@st.composite
def boxed_photo(draw, index=0, classes=5):
    width, height = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    boxes = []
    for _ in range(draw(st.integers(0, 3))):
        x0, y0 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        x1, y1 = draw(st.integers(x0 + 1, width)), draw(st.integers(y0 + 1, height))
        labels = draw(st.sets(st.integers(0, classes - 1), min_size=1))
        boxes.append(Box(x0, y0, x1, y1, tuple(sorted(labels))))
    return Photo(f"{index}.jpg", (width, height), tuple(boxes))


PHOTOS = st.lists(boxed_photo(), min_size=2, max_size=8).filter(lambda photos: any(photo.boxes for photo in photos))


def rng(seed=0):
    return np.random.default_rng(seed)


def by_class(photos, chosen, labels, count, mode="window", size=64, seed=0):
    counters = Counter()
    return draw_by_class(photos, chosen, labels, count, mode, size, rng(seed), counters), counters


@settings(max_examples=150, deadline=None)
@given(
    photo=boxed_photo().filter(lambda photo: photo.boxes),
    mode=st.sampled_from(["window", "resized"]),
    seed=st.integers(0, 99),
)
def test_squares_stay_in_the_photo_and_in_a_box_that_is_large_enough(photo, mode, seed):
    box = photo.boxes[0]
    square = place_window(box, photo.size, mode, 64, rng(seed))
    shorter = min(box.xmax - box.xmin, box.ymax - box.ymin)
    for start, low, high, end in (
        (square.x0, box.xmin, box.xmax, photo.size[0]),
        (square.y0, box.ymin, box.ymax, photo.size[1]),
    ):
        assert start >= 0 and start + square.side <= end
        if high - low >= square.side:
            assert low <= start and start + square.side <= high
        else:
            assert mode == "window"
            # around the box's centre, as far as the photo allows
            centred = (low + high) / 2 - square.side / 2
            assert abs(start - min(max(centred, 0), end - square.side)) <= 0.5
    if mode == "window":
        assert square.side == min(64, *photo.size)
    else:
        assert max(1, 0.5 * shorter - 0.5) <= square.side <= shorter


@settings(max_examples=60, deadline=None)
@given(photos=PHOTOS, count=st.integers(0, 60), fraction=st.sampled_from([0.0, 0.1, 0.5]), seed=st.integers(0, 99))
def test_classes_are_balanced_and_no_photo_straddles_the_split(photos, count, fraction, seed):
    training, aside = split_photos(photos, fraction, np.random.SeedSequence(seed))
    usable = [index for index, photo in enumerate(photos) if photo.boxes]
    assert sorted(training + aside) == usable
    assert not set(training) & set(aside)
    assert training
    for chosen in (training, aside):
        labels = sorted(labels_in(photos, chosen))
        if not labels:
            continue
        draws, _ = by_class(photos, chosen, labels, count, seed=seed)
        assert len(draws) == count
        assert {draw.photo for draw in draws} <= set(chosen)
        assert all(draw.label in draw.box.labels and draw.box in photos[draw.photo].boxes for draw in draws)
        counts = [sum(draw.label == label for draw in draws) for label in labels]
        assert max(counts) - min(counts) <= 1
        assert counts == sorted(counts)  # the later classes get the extra


def grid(n=20, classes=5):
    return [Photo(f"{i}.jpg", (400, 300), (Box(10, 20, 210, 220, (i % classes,)),)) for i in range(n)]


def test_the_papers_number_of_crops():
    draws, counters = by_class(grid(), range(20), range(5), 2642)
    assert [sum(draw.label == label for draw in draws) for label in range(5)] == [528, 528, 528, 529, 529]
    assert counters == {"expanded": 0, "enlarged": 0}
    assert len({(draw.photo, draw.window) for draw in draws}) == 2642


def test_the_first_draws_of_more_are_the_draws_of_fewer():
    many, _ = by_class(grid(), range(20), range(5), 300)
    few, _ = by_class(grid(), range(20), range(5), 123)
    assert many[:123] == few


def test_held_out_crops_do_not_depend_on_the_number_of_training_crops():
    held_out = []
    for count in (10, 200):
        streams = Streams.from_seed(7)
        training, aside = split_photos(grid(), 0.25, streams.split)
        draw_by_class(grid(), training, range(5), count, "window", 64, streams.training, Counter())
        labels = sorted(labels_in(grid(), aside))
        held_out.append(draw_by_class(grid(), aside, labels, 50, "window", 64, streams.held_out, Counter()))
    assert held_out[0] == held_out[1]


def test_photos_of_one_scene_are_in_one_part():
    photos = [dataclasses.replace(photo, scene=f"bridge {index // 4}") for index, photo in enumerate(grid(40))]
    for seed in range(10):
        training, aside = split_photos(photos, 0.2, np.random.SeedSequence(seed))
        assert len(aside) == 8 and sorted(training + aside) == list(range(40))
        assert not {photos[index].scene for index in training} & {photos[index].scene for index in aside}


def test_seeds_differ():
    first, second = (Streams.from_seed(seed) for seed in (0, 1))
    assert first.split.generate_state(1) != second.split.generate_state(1)
    assert Streams.from_seed(0).training.integers(1 << 60) != Streams.from_seed(0).held_out.integers(1 << 60)


def test_boxes_and_places_are_drawn_uniformly():
    photos = [Photo("a", (300, 300), (Box(0, 0, 66, 65, (0,)), Box(100, 100, 166, 165, (0,))))]
    places = Counter()
    for seed in range(1200):
        (draw,), _ = by_class(photos, [0], [0], 1, seed=seed)
        places[draw.window] += 1
    # 2 boxes, 3 columns, 2 rows
    assert len(places) == 12
    assert stats.chisquare(list(places.values())).pvalue > 1e-3


def test_sides_of_resized_squares_are_uniform():
    box = Box(0, 0, 1000, 2000, (0,))
    generator = rng(3)
    sides = [place_window(box, (1000, 2000), "resized", 64, generator).side for _ in range(800)]
    assert stats.kstest(sides, stats.uniform(500, 500).cdf).pvalue > 1e-3


def test_repeated_squares_are_drawn_again_and_counted_when_there_is_no_other():
    photos = [Photo("a", (100, 100), (Box(0, 0, 64, 64, (0,)), Box(20, 20, 84, 85, (0,))))]
    draws, counters = by_class(photos, [0], [0], 5)
    assert len({draw.window for draw in draws}) == 3
    assert counters["repeated"] == 2


def test_small_boxes_and_photos_are_counted():
    photos = [Photo("a", (200, 200), (Box(0, 0, 10, 100, (0,)),)), Photo("b", (40, 100), (Box(0, 0, 40, 100, (1,)),))]
    draws, counters = by_class(photos, [0, 1], [0, 1], 2)
    assert counters["expanded"] == 1 and counters["enlarged"] == 1
    assert draws[0].window.side == 40
    assert draws[1].window == Window(0, draws[1].window.y0, 64)


def test_by_image_uses_every_image_once_before_any_twice():
    photos = [Photo(f"{i}", (80, 80), (Box(0, 0, 80, 80, (0,)),)) for i in range(10)]
    counters = Counter()
    draws = draw_by_image(photos, range(10), 25, 3, "window", 64, rng(), counters)
    uses = Counter(draw.photo for draw in draws)
    assert sorted(uses.values()) == [2] * 5 + [3] * 5
    assert {draw.photo for draw in draws[:10]} == set(range(10))
    assert len({(draw.photo, draw.window) for draw in draws}) == 25


def test_fewer_images_than_asked_crops():
    photos = [Photo("a", (80, 80), (Box(0, 0, 80, 80, (0,)),))] * 4
    with pytest.raises(UserError, match="too few images: 4 images with 2 crops of each are fewer than the 9"):
        draw_by_image(photos, range(4), 9, 2, "window", 64, rng(), Counter())


@pytest.mark.parametrize(
    ("count", "fraction", "aside"), [(100, 0.1, 10), (3, 0.01, 1), (1, 0.5, 0), (2, 0.99, 1), (5, 0, 0)]
)
def test_sizes_of_the_split(count, fraction, aside):
    assert len(split_photos(grid(count), fraction, np.random.SeedSequence(0))[1]) == aside
