from collections import Counter

import numpy as np
import pytest

from advkd.data.class_crops import Drawing, class_names, kind_of, relabelled
from advkd.data.photos import Box, Photo
from advkd.data.readers.codebrim import CLASSES
from advkd.data.settings import LabelledCrops

DEFECT, NOTHING = (0, 1, 0, 0, 0, 0), (1, 0, 0, 0, 0, 0)


def photo(name, *boxes, size=(400, 300)):
    return Photo(name, size, tuple(Box(*corners, labels, DEFECT if labels else NOTHING) for corners, labels in boxes))


def drawing_of(photos, cut="box", labels="crack", seed=0):
    settings = LabelledCrops(labels=labels, cut=cut, subset=0, test_photos=0.5, data_seed=seed)
    return Drawing(relabelled(photos, labels), len(class_names(labels)), settings, 64)


def grid(count):
    """Photos that each have a box with a crack on the left and one with another defect on the right."""
    boxes = (((0, 0, 90, 200), (0,)), ((250, 20, 400, 300), (1, 3)))
    return [photo(f"{index}.jpg", *boxes) for index in range(count)]


def test_classes():
    assert class_names("defects") == (*CLASSES, "background")
    assert class_names("crack") == ("crack", "other damage", "background")
    (first,) = relabelled([photo("a", ((0, 0, 9, 9), (0, 4)), ((0, 0, 9, 9), (1, 2)), ((0, 0, 9, 9), ()))], "crack")
    assert [box.labels for box in first.boxes] == [(0, 1), (1,), ()] and kind_of(first) == (0, 1)
    assert kind_of(relabelled([first], "defects")[0]) == (0, 1)


@pytest.mark.parametrize("cut", ["window", "resized", "box"])
def test_every_photo_gives_a_crop_before_any_gives_a_second(cut):
    drawing, counters = drawing_of(grid(7), cut), Counter()
    for label in range(3):
        draws = drawing.draw(label, range(2, 7), 12, 0, counters)
        assert sorted(Counter(draw.photo for draw in draws).values()) == [2, 2, 2, 3, 3]
        assert {draw.photo for draw in draws[:5]} == set(range(2, 7))
        assert len({(draw.photo, draw.window) for draw in draws}) == 12
        assert {draw.label for draw in draws} == {label}
    assert counters["repeated"] == 0


def test_the_first_crops_of_more_are_the_crops_of_fewer_and_parts_differ():
    drawing = drawing_of(grid(9))
    for label in range(3):
        many = drawing.draw(label, range(9), 40, 1, Counter())
        assert many[:13] == drawing.draw(label, range(9), 13, 1, Counter())
        assert many != drawing.draw(label, range(9), 40, 2, Counter())
        assert many != drawing_of(grid(9), seed=1).draw(label, range(9), 40, 1, Counter())


def test_a_crop_is_the_largest_square_of_its_box():
    (draw,) = drawing_of(grid(1)).draw(0, [0], 1, 0, Counter())
    assert draw.window.side == 90 and draw.window.x0 == 0 and 0 <= draw.window.y0 <= 110


def test_the_background_touches_no_box_and_has_the_sides_of_the_defects():
    drawing = drawing_of(grid(5))
    draws = drawing.draw(2, range(5), 60, 0, Counter())
    assert len(draws) == 60 and {draw.window.side for draw in draws} == {90, 150}
    for draw in draws:
        window = draw.window
        assert min(window.x0, window.y0) >= 0
        assert window.x0 + window.side <= 400 and window.y0 + window.side <= 300
        for box in drawing.photos[draw.photo].boxes:
            inside = np.zeros((300, 400), bool)
            inside[box.ymin : box.ymax, box.xmin : box.xmax] = True
            assert not inside[window.y0 : window.y0 + window.side, window.x0 : window.x0 + window.side].any()


def test_the_background_is_taken_from_boxes_of_background_where_a_photo_has_some():
    marked = photo("a", ((0, 0, 100, 100), (0,)), ((200, 100, 380, 280), ()))
    draws = drawing_of([marked], "window").draw(2, [0], 30, 0, Counter())
    assert all(200 <= draw.window.x0 <= 316 and 100 <= draw.window.y0 <= 216 for draw in draws)


def test_a_photo_without_room_for_background_is_passed_over():
    full = photo("full", ((0, 0, 400, 300), (0,)))
    drawing = drawing_of([full, *grid(2)], "window")
    assert {draw.photo for draw in drawing.draw(2, range(3), 20, 0, Counter())} == {1, 2}
    assert drawing.draw(2, [0], 5, 0, Counter()) == []
    assert drawing.draw(1, [0], 5, 0, Counter()) == []


def test_a_box_without_any_tag_is_no_background():
    unknown = Photo("a", (200, 200), (Box(0, 0, 200, 200, (), (0,) * 6),))
    assert drawing_of([unknown], "window").draw(2, [0], 5, 0, Counter()) == []


def test_tags_are_those_of_the_boxes_that_hold_the_centre():
    boxes = (((0, 0, 100, 100), (0,)), ((20, 20, 300, 300), (1, 3)), ((90, 90, 200, 200), (4,)))
    drawing = drawing_of([photo("a", *boxes, size=(900, 300))], labels="defects")
    (draw,) = drawing.draw(0, [0], 1, 0, Counter())
    assert drawing.tags(draw).tolist() == [True, True, False, True, False, False]
    (draw,) = drawing.draw(5, [0], 1, 0, Counter())
    assert drawing.tags(draw).tolist() == [False] * 5 + [True]
