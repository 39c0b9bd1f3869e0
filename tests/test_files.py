import hashlib

import pytest

from advkd import files


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"x": 1})
    with pytest.raises(ZeroDivisionError), files.atomic(path) as temporary:
        temporary.write_text("half")
        1 / 0  # noqa: B018
    assert files.read_json(path) == {"x": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_not_a_number_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


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
    first = files.read_yaml(path)
    assert first == {"x": [1, 2]} and files.read_yaml(path) is first
    path.write_text("x: [1, 3]")
    assert files.read_yaml(path) == {"x": [1, 3]}
