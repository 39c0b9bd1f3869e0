import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from advkd.damage import attempt, readable
from advkd.errors import UserError
from advkd.files import read_json


def test_what_can_be_read_is_returned():
    assert attempt(json.loads, "[1]") == ([1], "")
    with readable("x"):
        pass


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda folder: (folder / "none").read_text(), "none is missing"),
        (lambda folder: folder.read_text(), "IsADirectoryError"),
        (lambda folder: json.loads("{"), "JSONDecodeError"),
        (lambda folder: json.loads("[]")["key"], "TypeError"),
        (lambda folder: {}["key"], "'key' is missing, as in a file of another version"),
        (lambda folder: [][0], "IndexError"),
        (lambda folder: None.get("key"), "AttributeError"),
        (lambda folder: 1 / 0, "ZeroDivisionError"),
        (lambda folder: b"\xff".decode(), "UnicodeDecodeError"),
    ],
)
def test_whatever_damage_raises_becomes_one_line_that_names_the_file(tmp_path, read, words):
    found, line = attempt(read, tmp_path, what="a.json")
    assert found is None and line.startswith("a.json: ") and words in line and "\n" not in line
    with pytest.raises(UserError, match=r"^a\.json: "), readable("a.json"):
        read(tmp_path)


def test_every_cut_and_every_changed_byte_of_an_archive_or_picture_is_damage_or_harmless(tmp_path):
    path = tmp_path / "file"
    np.savez(path, a=np.arange(3))
    archive = (tmp_path / "file.npz").read_bytes()
    Image.fromarray(np.zeros((5, 7, 3), np.uint8)).save(path, "PNG")
    picture = path.read_bytes()

    def unpack() -> None:
        with path.open("rb") as file, np.load(file) as arrays:
            arrays["a"]

    def show() -> None:
        with Image.open(path, formats=["PNG"]) as image:
            image.load()

    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, "PNG")
    chunks = path.read_bytes()  # of a picture that is read in several parts
    parts = range(chunks.rindex(b"IDAT") - 8, chunks.rindex(b"IDAT") + 4)
    for content, read, places in (
        (archive, unpack, range(len(archive))),
        (picture, show, range(len(picture))),
        (chunks, show, parts),
    ):
        for place in places:
            for wrong in (content[:place], content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]):
                path.write_bytes(wrong)
                attempt(read)
    assert attempt(unpack)[1]


def test_equal_damage_is_told_in_equal_words_without_addresses():
    lines = {attempt(Image.open, io.BytesIO(b"none"), what="a.png")[1] for _ in range(3)}
    assert lines == {"a.png: cannot be read (UnidentifiedImageError: cannot identify image file)"}


def test_a_file_is_named_once_and_its_remedy_comes_last(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"status": ')
    for what in ("", str(path)):
        assert attempt(read_json, path, what=what)[1].count(str(path)) == 1
    with (
        pytest.raises(UserError, match=r"a\.json: 'x' is missing, as in a file of another version: make it anew$"),
        readable("a.json", "make it anew"),
    ):
        {}["x"]


def test_an_error_of_ours_keeps_its_words():
    def refuse() -> None:
        raise UserError("spec: two\nlines")

    assert attempt(refuse) == (None, "spec: two lines")
    with pytest.raises(zipfile.LargeZipFile):  # a fault of the program, not of a file
        attempt(lambda: (_ for _ in ()).throw(zipfile.LargeZipFile()))
