import errno
import hashlib
import json
import threading
from pathlib import Path
from unittest import mock

import pytest
import yaml

from advkd import files
from advkd.errors import UserError


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"x": 1})
    with pytest.raises(ZeroDivisionError), files.atomic(path) as temporary:
        temporary.write_text("half")
        1 / 0  # noqa: B018
    assert files.read_json(path) == {"x": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_json_refuses_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "reason"), [("file/a.json", "its folder is a file"), ("file/b/a.json", "its folder is a file"),
                         ("folder", "it is a folder, not a file: move it away, or name another place"),
                         ("x" * 300, "File name too long")],
)  # fmt: skip
def test_a_path_that_cannot_be_written_gives_one_line(tmp_path, name, reason):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError) as caught:
        files.write_text(tmp_path / name, "x")
    assert str(caught.value) == f"{tmp_path / name} cannot be written: {reason}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_folder_without_write_access_gives_one_line(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files, "_reserve", refuse)  # root may write everywhere
    with pytest.raises(UserError, match=r"a\.txt cannot be written: Permission denied"):
        files.write_text(tmp_path / "a.txt", "x")


def test_a_new_folder_may_be_named_by_way_of_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with files.new_folder(Path("a/..//b/../c")) as draft:
        (draft / "x").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["c", "x"]
    with pytest.raises(UserError, match="exists and is not an empty folder"), files.new_folder(Path()):
        pass
    monkeypatch.chdir((tmp_path / "c/x").rename(tmp_path / "x").parent / "c")
    with pytest.raises(UserError, match=r"\. is the working folder"), files.new_folder(Path()):
        pass
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["c", "x"]


def test_a_full_disk_gives_one_line_and_other_errors_of_the_writer_stay(tmp_path):
    def write(number: int) -> None:
        with files.atomic(tmp_path / "a"):
            raise OSError(number, "of the writer", "other")

    for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        with pytest.raises(UserError, match="a cannot be written: of the writer"):
            write(number)
    with pytest.raises(FileNotFoundError, match="other"):
        write(errno.ENOENT)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b'{"status": ', b'"\xff"', b""])
def test_a_json_file_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"/a\.json") as caught:
        files.read_json(path)
    assert isinstance(caught.value, json.JSONDecodeError | UnicodeDecodeError)


def test_checksums(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert files.sha256(path) == hashlib.sha256(b"abc").hexdigest()
    assert files.digest({"b": 1, "a": 2.0}) == files.digest({"a": 2.0, "b": 1}) != files.digest({"a": 2.5, "b": 1})


def test_permissions_follow_the_umask(tmp_path):
    files.write_text(tmp_path / "a", "x")
    plain = tmp_path / "b"
    plain.touch()
    assert (tmp_path / "a").stat().st_mode == plain.stat().st_mode


def test_yaml_is_parsed_once_and_again_when_it_changes(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("x: [1, 2]")
    with mock.patch("yaml.safe_load", wraps=yaml.safe_load) as parse:
        assert files.read_yaml(path) == files.read_yaml(path) == {"x": [1, 2]}
    assert parse.call_count == 1
    path.write_text("x: [1, 3]")
    assert files.read_yaml(path) == {"x": [1, 3]}


def test_what_a_caller_does_to_a_file_s_content_is_not_remembered(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("x: [1, 2]\ny: {z: 3}")
    content = files.read_yaml(path)
    content["x"].append(9)
    content["y"]["z"] = 9
    assert files.read_yaml(path) == {"x": [1, 2], "y": {"z": 3}}


def test_a_file_that_a_killed_process_left_is_overwritten(tmp_path):
    leftover, precious = tmp_path / ".a.txt.tmp.txt", tmp_path / "precious"
    leftover.write_text("half of it, longer than what follows")
    files.write_text(tmp_path / "a.txt", "x")
    assert (tmp_path / "a.txt").read_text() == "x" and not leftover.exists()
    precious.write_text("kept")
    leftover.symlink_to(precious)
    files.write_text(tmp_path / "a.txt", "y")
    assert precious.read_text() == "kept" and (tmp_path / "a.txt").read_text() == "y" and not leftover.is_symlink()


def test_two_writers_of_one_file_take_turns(tmp_path):
    path, entered = tmp_path / "a.txt", []

    def second():
        with files.atomic(path) as temporary:
            entered.append(path.read_text())
            temporary.write_text("second")

    with files.atomic(path) as temporary:
        other = threading.Thread(target=second)
        other.start()
        other.join(0.2)
        assert not entered, "it waits"
        temporary.write_text("first")
    other.join(10)
    assert entered == ["first"] and path.read_text() == "second"
    assert [child.name for child in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("name", ["=1+1", "+cmd|' /C calc'!A0", "-wing", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_name_in_a_csv_file_cannot_start_a_formula(name):
    assert files.as_csv_text(name) == "'" + name and files.from_csv_text("'" + name) == name


@pytest.mark.parametrize("text", ["", "bird", "a=b", "-1.5", "+3", "-1e-05"])
def test_other_names_and_numbers_stay_as_they_are_in_a_csv_file(text):
    assert files.as_csv_text(text) == text == files.from_csv_text(text)
