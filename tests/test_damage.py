import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from advkd.damage import attempt, readable
from advkd.errors import UserError
from advkd.files import read_json


def test_the_content_of_a_readable_file_is_returned():
    assert attempt(json.loads, "[1]") == ([1], "")
    with readable("x"):
        pass


@pytest.mark.parametrize(
    ("read", "message"),
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
def test_every_error_of_a_damaged_file_becomes_one_line_that_names_it(tmp_path, read, message):
    content, line = attempt(read, tmp_path, what="a.json")
    assert content is None and line.startswith("a.json: ") and message in line and "\n" not in line
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
    chunks = path.read_bytes()  # of a picture that is read in several pieces
    lengths = range(chunks.rindex(b"IDAT") - 8, chunks.rindex(b"IDAT") + 4)
    for content, read, positions in (
        (archive, unpack, range(len(archive))),
        (picture, show, range(len(picture))),
        (chunks, show, lengths),
    ):
        for position in positions:
            changed = bytearray(content)
            changed[position] ^= 255
            for damaged in (content[:position], bytes(changed)):
                path.write_bytes(damaged)
                attempt(read)
    assert attempt(unpack)[1]


def test_equal_damage_gives_equal_lines_without_addresses():
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


def test_a_user_error_keeps_its_message():
    def refuse() -> None:
        raise UserError("spec: two\nlines")

    assert attempt(refuse) == (None, "spec: two lines")
    with pytest.raises(zipfile.LargeZipFile):  # a fault of the program, not of a file
        attempt(lambda: (_ for _ in ()).throw(zipfile.LargeZipFile()))
