"""Writing files whole or not at all, and naming their content by checksum."""

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from advkd.errors import CannotWrite
from advkd.locks import hold

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
PROBE = 1 << 20  # bytes; a disk that has less is full


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it to disk and rename it, on any error remove it.

    The temporary name keeps the suffix, so that writers which choose a format by it (numpy, matplotlib) work.

    Raises:
        CannotWrite: `path` cannot be written, or there is no room for what is.
    """
    path = Path(path)
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary, lock = _reserve(path)
    with lock:
        try:
            try:
                yield temporary
            except Exception as error:
                if full := _no_room(temporary, error):
                    raise CannotWrite(path, full.strerror) from error
                raise  # may be about another file
            with _writing(path):
                with temporary.open("rb+") as file:
                    os.fsync(file.fileno())
                temporary.chmod(0o666 & ~_umask())
                temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _reserve(path: Path) -> tuple[Path, BinaryIO]:
    """Return an empty temporary file beside `path` and its lock, which the kernel releases with this process.

    Its name is the same every time: what a killed process left is written over, and who writes the same path waits. A
    writer that puts a new file in the place of this one (safetensors) ends the wait early.
    """
    temporary = path.parent / f".{path.name}.tmp{path.suffix}"
    while True:
        if temporary.is_symlink():  # what it leads to is not ours to write
            temporary.unlink()
        lock = temporary.open("ab")
        hold(lock, f"{path} is being written by another process; waiting for it to end")
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock.fileno()), temporary.stat()):
                lock.truncate(0)
                return temporary, lock
        lock.close()  # who held it has renamed or removed the file


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn an OSError into a CannotWrite about `path`."""
    try:
        yield
    except OSError as error:
        no_folder = isinstance(error, FileExistsError | NotADirectoryError)
        raise CannotWrite(path, "its folder is a file" if no_folder else error.strerror or str(error)) from error


def _no_room(temporary: Path, error: Exception) -> OSError | None:
    """Return the system's error behind a writer's `error` if it tells of a full or read-only disk.

    torch, numpy and safetensors hide it. It stands in the words of what is written in Rust; else the disk is asked
    again, with a little more to write.
    """
    found = error if isinstance(error, OSError) and error.errno else None
    if not found and (told := re.search(r"\(os error (\d+)\)", str(error))):
        found = OSError(int(told[1]), os.strerror(int(told[1])))
    if not found:
        try:
            with temporary.open("ab") as file:
                file.write(bytes(PROBE))
                file.flush()
                os.fsync(file.fileno())
        except OSError as again:
            found = again
    return found if found and found.errno in NO_ROOM else None


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically; what of a name was no UTF-8 stands there as \\udcXX."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as sorted, indented JSON to `path` atomically; NaN and infinities are refused."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file; raises a ValueError that names the file where it is none."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise json.JSONDecodeError(f"{path}: {error.msg}", error.doc, error.pos) from None
    except UnicodeDecodeError as error:
        error.reason = f"{error.reason} in {path}"
        raise


def read_yaml(path: Path) -> Any:
    """Read a YAML file; equal content is parsed once, and its readers share what comes of it and leave it as it is."""
    return _parsed(Path(path).read_text(encoding="utf-8"))


@cache
def _parsed(text: str) -> Any:
    return yaml.safe_load(text)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(value: Any, length: int = 12) -> str:
    """Return the first `length` hexadecimal digits of the SHA-256 of `value` as canonical JSON."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:length]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
