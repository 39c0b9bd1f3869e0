"""What is read is compared with what was verified."""

import hashlib
import io

import pytest
from layouts import Memory

from advkd.data.archives.checked_archive import CheckedArchive
from advkd.errors import UserError

FILES = {"a.txt": b"a", "b/c.txt": b"c", "b/d.txt": b"d"}
CHECKSUMS = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}


def test_files_that_are_as_they_were_are_read():
    checked = CheckedArchive(Memory(dict(FILES)), CHECKSUMS, "fetch again")
    assert checked.names() == sorted(FILES)
    for name, data in FILES.items():
        assert checked.read(name) == data
        with checked.open(name) as file:
            assert file.read(1) == data[:1]
    checked.confirm()
    assert checked.checksums() == CHECKSUMS


@pytest.mark.parametrize("use", ["read", "open"])
def test_a_changed_file_is_refused_also_by_who_goes_on_without_it(use):
    checked = CheckedArchive(Memory({**FILES, "b/c.txt": b"x"}), CHECKSUMS, "fetch again")
    assert checked.read("a.txt") == b"a"
    with pytest.raises(UserError, match=r"has changed: 'b/c\.txt' is not what was verified: fetch again$"):
        getattr(checked, use)("b/c.txt")
    with pytest.raises(UserError, match=r"'b/c\.txt' is not what was verified"):
        checked.confirm()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.txt": b"a"}, r"'b/c\.txt', 'b/d\.txt' are not"),
        ({**FILES, "new": b""}, "'new' is not"),
        ({}, r"'b/d\.txt' are not"),
        ({str(number): b"" for number in range(9)}, "and 9 more are not"),
    ],
)
def test_other_files_are_refused_when_it_is_opened(files, words):
    with pytest.raises(UserError, match=words):
        CheckedArchive(Memory(files), CHECKSUMS, "fetch again")


class Changing(Memory):
    """An archive whose files change whenever they are read."""

    def open(self, name):
        self.files[name] += b"+"
        return io.BytesIO(self.files[name])


def test_a_file_without_a_checksum_must_stay_as_it_was_read_first():
    steady, changing = (CheckedArchive(kind(dict(FILES)), None, "again") for kind in (Memory, Changing))
    assert [steady.read("a.txt"), steady.read("a.txt")] == [b"a", b"a"]
    assert steady.digest() == Memory(FILES).digest()
    assert changing.read("a.txt") == b"a+"
    with pytest.raises(UserError, match="has changed"):
        changing.read("a.txt")
