import pytest

from advkd.suggestions import did_you_mean

TARGETS = ["table1", "tables", "okd_table1", "aikd_table1", "paper", "pretrain"]


@pytest.mark.parametrize(
    ("word", "likeliest"),
    [("tabel1", "table1"), ("okd_tabel1", "okd_table1"), ("Paper", "paper"), ("AIKD_TABLE1", "aikd_table1")],
)
def test_the_likeliest_word_comes_first(word, likeliest):
    assert did_you_mean(word, TARGETS).startswith(f"; did you mean {likeliest}")


def test_nothing_is_suggested_for_what_is_like_no_word():
    assert did_you_mean("xyz", TARGETS) == "" and did_you_mean("table1", []) == ""
