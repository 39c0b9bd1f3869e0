"""Something else in a file's place: no command waits for it, and one line says what lies there."""

import ast
import errno
import os
import signal
import socket
from pathlib import Path

import pytest

from advkd import files, opening
from advkd.errors import CannotWrite, NotAFile, UserError, machine_fault
from advkd.progress import logging_to, say

READERS = {
    "bytes": opening.read_bytes, "text": opening.read_text, "json": files.read_json, "yaml": files.read_yaml,
    "sha256": files.sha256,
}  # fmt: skip
WORDS = {"pipe": "a pipe", "socket": "a socket", "folder": "a folder", "device": "a device"}


@pytest.fixture(autouse=True)
def _no_wait():
    signal.alarm(60)  # ends this process where a test waits
    yield
    signal.alarm(0)


def put(kind: str, path: Path) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        folder = os.open(path.parent, os.O_RDONLY)  # a socket's path may have about 100 characters only
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"/proc/self/fd/{folder}/{path.name}")
        os.close(folder)


@pytest.mark.parametrize("kind", WORDS)
@pytest.mark.parametrize("read", READERS)
def test_a_reader_says_what_lies_there(tmp_path, kind, read):
    path = tmp_path / "file"
    put(kind, path)
    with pytest.raises(NotAFile) as caught:
        READERS[read](path)
    assert str(caught.value) == f"{path} is {WORDS[kind]}, not a file: move it away"
    assert isinstance(caught.value, OSError) and isinstance(caught.value, UserError)


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder"])
def test_a_writer_says_what_lies_there(tmp_path, kind):
    path = tmp_path / "file"
    put(kind, path)
    with pytest.raises(NotAFile, match="move it away"):
        opening.open_to_append(path)
    (tmp_path / "other").mkdir()
    put(kind, tmp_path / ".a.tmp")
    with pytest.raises(CannotWrite, match=f"{tmp_path}/a cannot be written: it is {WORDS[kind]}, not a file"):
        files.write_text(tmp_path / "a", "")


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder"])
def test_a_log_that_is_no_file_stops_nothing(tmp_path, kind, capsys):
    put(kind, tmp_path / "log")
    with logging_to(tmp_path / "log"):
        say("first")
        say("second")
    told = [line for line in capsys.readouterr().err.splitlines() if "cannot be written" in line]
    assert told == [f"{tmp_path}/log cannot be written (it is {WORDS[kind]}, not a file): it will lack lines"]


def test_a_log_may_be_a_device(capsys):
    with logging_to(Path("/dev/null")):
        say("line")
    assert capsys.readouterr().err == "line\n"


def test_bytes_that_are_no_text_are_kept_readable_in_a_log(tmp_path):
    with logging_to(tmp_path / "log"):
        say("\udcff")
    assert (tmp_path / "log").read_text().endswith(" \\udcff\n")


def test_links_and_files_are_opened(tmp_path):
    (tmp_path / "file").write_text("a\r\n")
    (tmp_path / "link").symlink_to("file")
    assert opening.read_bytes(tmp_path / "link") == b"a\r\n" and opening.read_text(tmp_path / "link") == "a\n"
    with opening.open_to_append(tmp_path / "link") as file:
        file.write(b"b")
    assert (tmp_path / "file").read_bytes() == b"a\r\nb"
    with pytest.raises(FileNotFoundError):
        opening.open_file(tmp_path / "none")


@pytest.mark.parametrize("number", [errno.EFBIG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ELOOP])
def test_the_system_s_refusal_is_one_line(number):
    error = OSError(number, os.strerror(number), "file")
    assert machine_fault(error) == f"file: {os.strerror(number)}"


# Each of these opens what the same function has made or looked at, or a file of this package or of the system.
OWN = {
    "code.py": 1, "files.py": 2, "opening.py": 3, "data/archives/tar_archive.py": 1, "data/store_draft.py": 2,
    "data/drawn/official_layouts.py": 2, "report/choices.py": 1, "report/document/tex.py": 2, "runs/checkpoint.py": 1,
    "runs/provenance.py": 1, "jobs/client.py": 1, "jobs/server.py": 1,
}  # fmt: skip


def opens(call: ast.Call) -> bool:
    """Whether a call opens a path by Python's own means, which wait for the other end of a pipe."""
    if isinstance(call.func, ast.Name):
        return call.func.id == "open"
    if not isinstance(call.func, ast.Attribute):
        return False
    with_mode = not call.args or (isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str))
    return (call.func.attr in ("read_text", "read_bytes") and not call.args) or (call.func.attr == "open" and with_mode)


def test_all_of_the_package_opens_files_so():
    source, found = Path("src/advkd"), {}
    for path in sorted(source.rglob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and opens(node)]
        if calls:
            found[str(path.relative_to(source))] = len(calls)
    assert found == OWN, "open it with advkd.opening, or say above why it needs not"
