"""Opens files at paths where somebody may have put something else: a pipe, on which a reader would wait for ever."""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, TextIO

from advkd.errors import NotAFile

KINDS = {
    stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder", stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}  # fmt: skip
NO_FILE = (errno.EISDIR, errno.ENXIO)  # of a folder that is opened for writing, a socket, a pipe that nobody reads


def open_file(path: Path) -> BufferedReader:
    """Open a file to read its bytes; raises NotAFile where something else is there, and what `open` raises."""
    return open(path, "rb", opener=_open_regular)


def open_text(path: Path, newline: str | None = None, errors: str = "strict") -> TextIO:
    """Open a UTF-8 file to read its text; raises as `open_file`. `newline` and `errors` are those of `open`."""
    return open(path, encoding="utf-8", newline=newline, errors=errors, opener=_open_regular)


def open_to_append(path: Path) -> BinaryIO:
    """Open a file to append bytes, or to lock it; it is made where there is none. Raises as `open_file`."""
    return open(path, "ab", opener=_open_regular)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file; raises as `open_file`."""
    with open_file(path) as file:
        return file.read()


def read_text(path: Path, errors: str = "strict") -> str:
    """Return the text of a UTF-8 file; raises as `open_file`, and UnicodeDecodeError where it is none."""
    with open_text(path, errors=errors) as file:
        return file.read()


def other_than_file(path: Path) -> str:
    """Return in words what lies at a path where a file is to be written; "" for a file, or where nothing is.

    What lies in /dev is a device, or a link to one: root could replace it by a file.
    """
    if Path(path).absolute().parent == Path("/dev"):
        return KINDS[stat.S_IFCHR]
    try:
        mode = Path(path).stat().st_mode
    except OSError:  # whoever writes tells it
        return ""
    return "" if stat.S_ISREG(mode) else _kind(mode)


def _open_regular(path: str, flags: int) -> int:
    """Open a regular file, as `open` does, without waiting for the other end of a pipe."""
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        raise NotAFile(path, _kind(Path(path).stat().st_mode)) from None
    mode = os.fstat(descriptor).st_mode
    a_sink = stat.S_ISCHR(mode) and flags & os.O_WRONLY  # a log may go to /dev/null or to a terminal
    if not (stat.S_ISREG(mode) or a_sink):
        os.close(descriptor)
        raise NotAFile(path, _kind(mode))
    return descriptor


def _kind(mode: int) -> str:
    return KINDS.get(stat.S_IFMT(mode), "something else")
