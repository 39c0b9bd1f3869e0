import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import Memory

from advkd.data.readers.lists import ListFiles
from advkd.errors import UserError


def lists(data, **others):
    return ListFiles(Memory({"list.txt": data, **others}), "list.txt", *others)


def test_rows_are_split_at_white_space_and_the_last_part_keeps_its_spaces():
    files = lists(b"\xef\xbb\xbf1  Boeing 717 \r\n\n  \t\n2\tF/A-18\n3 caf\xc3\xa9")
    assert list(files.rows("list.txt", 2)) == [("1", "Boeing 717"), ("2", "F/A-18"), ("3", "café")]
    assert list(lists(b"a b\nc").rows("list.txt", 1)) == [("a b",), ("c",)]
    assert files.lines("list.txt") == ["1  Boeing 717", "2\tF/A-18", "3 café"]
    assert files["list.txt"].startswith(b"\xef\xbb\xbf1")


def test_a_line_of_too_few_fields_is_named():
    with pytest.raises(UserError, match=r"official\.zip: line 3 of list\.txt does not have 2 fields: 'c'"):
        list(lists(b"a b\n\nc\nd e").rows("list.txt", 2))


def test_a_mapping_refuses_two_lines_with_the_same_key():
    assert list(lists(b"2 b\n1 a b").mapping("list.txt").items()) == [("2", "b"), ("1", "a b")]
    with pytest.raises(UserError, match=r"list\.txt has two lines for '2'"):
        lists(b"2 b\n1 a\n2 b").mapping("list.txt")


def test_names_that_are_no_utf8_are_read_as_archives_read_them():
    name = b"caf\xe9.jpg"
    assert list(lists(name).rows("list.txt", 1)) == [(name.decode(errors="surrogateescape"),)]


def test_files_are_read_once_in_the_order_of_the_archive(monkeypatch):
    read = []
    monkeypatch.setattr(Memory, "order", lambda self, names: sorted(names, reverse=True))
    monkeypatch.setattr(Memory, "read", lambda self, name, most: read.append(name) or self.files[name])
    files = lists(b"", a=b"", z=b"")
    assert [files[name] for name in ("a", "a", "list.txt", "z")] == [b""] * 4
    assert read == ["z", "list.txt", "a"]


@given(st.binary(max_size=60))
def test_any_bytes_give_rows_or_one_line(data):
    try:
        for row in lists(data).rows("list.txt", 2):
            assert len(row) == 2 and all(row)
    except UserError as error:
        assert len(str(error).splitlines()) == 1
