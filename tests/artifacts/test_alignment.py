"""Numbers of a column have their points below each other, wherever they and their errors are of different lengths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advkd.artifacts.alignment import pad_column

number = st.from_regex(r"-?[0-9]{1,4}(\.[0-9]{1,3})?( ± [0-9]{1,2}(\.[0-9]{1,2})?)?[†§*]{0,2}", fullmatch=True)


def widths(pieces):
    """What stands from the decimal point of the value on, from the point of the error on, and of all, in characters."""
    text = "".join(piece.text for piece in pieces)
    value = text.partition(" ± ")[0].rstrip("†§*")
    return len(text) - len(value.partition(".")[0].rstrip("†§*"))


@given(st.lists(number, min_size=1, max_size=5))
def test_from_the_point_on_all_numbers_are_equally_wide(texts):
    columns = pad_column(texts)
    assert len({widths(pieces) for pieces in columns}) == 1
    for text, pieces in zip(texts, columns, strict=True):
        assert "".join(piece.text for piece in pieces if piece.visible) == text


def test_words_are_left_alone():
    assert pad_column(["not run", "1.25"])[0] == [("not run", True)]
    assert pad_column(["not run", "1.25"])[1] == [("1.25", True)]


@pytest.mark.parametrize(
    ("text", "others", "shown"),
    [
        ("7", ["10.25"], "7[.25]"),
        ("9.5", ["10.25"], "9.5[5]"),
        ("9.5†", ["10.25"], "9.5†[5]"),
        ("9.50‡", ["10.25 ± 1.25"], "9.50‡[ ± 1.25]"),
        ("9.5 ± 0.1", ["10.25 ± 12.25§"], "9.5[5] ± [2]0.1[5][§]"),
        ("9.50", ["10.25 ± 1.25"], "9.50[ ± 1.25]"),
    ],
)
def test_what_is_filled_up(text, others, shown):
    pieces = pad_column([text, *others])[0]
    assert "".join(piece.text if piece.visible else f"[{piece.text}]" for piece in pieces) == shown
