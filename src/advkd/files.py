"""Writes files whole or not at all, reads JSON and YAML, and names content by its checksum."""

import contextlib
import copy
import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from advkd.errors import CannotWrite, UserError
from advkd.locks import hold
from advkd.opening import open_file, open_to_append, other_than_file, read_text

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
PROBE = 1 << 20  # bytes; a disk that cannot take this many more is full
DIGEST = "digest"  # the key of a JSON file's digest of its own content
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # of a cell that spreadsheets compute


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`. Rename it to `path` after success and remove it after an error.

    The file is flushed to disk before it is renamed. The temporary name keeps the suffix of `path`, because some
    writers (numpy, matplotlib) choose a format by it.

    Raises:
        CannotWrite: `path` cannot be written, something other than a file lies there, or the disk is full.
    """
    path = Path(path)
    check_output(path)
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary, lock = _reserve(path)
    with lock:
        try:
            try:
                yield temporary
            except Exception as error:
                if disk_error := _disk_error(temporary, error):
                    raise CannotWrite(path, disk_error.strerror) from error
                raise  # the error may be about another file
            with _writing(path):
                with temporary.open("rb+") as file:
                    os.fsync(file.fileno())
                temporary.chmod(0o666 & ~_umask())
                temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`. Rename it to `path` after success and remove it after an error.

    Raises:
        UserError: `path` is a folder that holds something, or is none; it is the working folder, which would be lost to
            its shell; or it cannot be written.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} exists and is not an empty folder: name a new one")
    named, path = path, Path(os.path.realpath(path))  # "." and "a/.." have no name of their own
    if path == Path.cwd():
        raise UserError(f"{named} is the working folder: name a new one, such as {named / 'out'}")
    draft = path.with_name(f".{path.name}.draft")
    with _writing(named):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
    try:
        yield draft
        with _writing(named):
            if path.exists():
                path.rmdir()
            draft.rename(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def check_output(path: Path) -> None:
    """Raise CannotWrite where a device, a pipe or a folder lies at the place of a file that is to be written."""
    if kind := other_than_file(path):
        raise CannotWrite(path, f"it is {kind}, not a file: move it away, or name another place")


def _reserve(path: Path) -> tuple[Path, BinaryIO]:
    """Return an empty temporary file beside `path` and a lock on it, which the kernel releases with this process.

    The temporary name is always the same. So a file that a killed process left is overwritten, and a second writer of
    `path` waits for the first. A writer that replaces the temporary file by a new one (safetensors) ends that wait
    early, because the lock belongs to the old file.
    """
    temporary = path.parent / f".{path.name}.tmp{path.suffix}"
    while True:
        if temporary.is_symlink():  # its target is not ours to overwrite
            temporary.unlink()
        lock = open_to_append(temporary)
        hold(lock, f"{path} is being written by another process; waiting for it to end")
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock.fileno()), temporary.stat()):
                lock.truncate(0)
                return temporary, lock
        lock.close()  # the previous holder has renamed or removed the file: try again with a new one


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn an OSError into a CannotWrite about `path`."""
    try:
        yield
    except OSError as error:
        parent_is_file = isinstance(error, FileExistsError | NotADirectoryError)
        reason = "its folder is a file" if parent_is_file else error.strerror or str(error)
        raise CannotWrite(path, reason) from error


def _disk_error(temporary: Path, error: Exception) -> OSError | None:
    """Return the system's error behind a writer's `error` if the disk is full or read-only, else None.

    torch, numpy and safetensors hide the system's error. Libraries written in Rust put its number into their message.
    For the others this function tries to write a little more to the same file and returns the error of that.
    """
    disk_error = error if isinstance(error, OSError) and error.errno else None
    if disk_error is None and (match := re.search(r"\(os error (\d+)\)", str(error))):
        number = int(match[1])
        disk_error = OSError(number, os.strerror(number))
    if disk_error is None:
        try:
            with temporary.open("ab") as file:
                file.write(bytes(PROBE))
                file.flush()
                os.fsync(file.fileno())
        except OSError as probe_error:
            disk_error = probe_error
    if disk_error is not None and disk_error.errno in NO_ROOM:
        return disk_error
    return None


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically. A file name that is no UTF-8 appears in it as \\udcXX."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def as_csv_text(text: str) -> str:
    """Return a name for a CSV file so that no spreadsheet takes it for a formula: an apostrophe comes before it then.

    Spreadsheets compute what begins with =, +, -, @, a tab or a carriage return. Numbers stay as they are.
    """
    if not text.startswith(FORMULA_STARTS):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def from_csv_text(text: str) -> str:
    """Return the name that `as_csv_text` wrote as `text`."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text


def write_json(path: Path, value: Any) -> None:
    """Write `value` as sorted, indented JSON to `path` atomically.

    Raises:
        ValueError: `value` contains NaN or an infinity.
    """
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        ValueError: the file is no JSON; the message names the file.
    """
    try:
        return json.loads(read_text(Path(path)))
    except json.JSONDecodeError as error:
        raise json.JSONDecodeError(f"{path}: {error.msg}", error.doc, error.pos) from None
    except UnicodeDecodeError as error:
        error.reason = f"{error.reason} in {path}"
        raise


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file.

    Equal content is parsed once. Every caller gets a copy of its own.
    """
    return copy.deepcopy(_parsed(read_text(Path(path))))


@cache
def _parsed(text: str) -> Any:
    return yaml.safe_load(text)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with open_file(Path(path)) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_text(text: str) -> str:
    """Return the SHA-256 of the file that `write_text` makes of `text`."""
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()


def digest(value: Any, length: int = 12) -> str:
    """Return the first `length` hexadecimal digits of the SHA-256 of `value` as canonical JSON."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:length]


def with_digest(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a JSON file with its digest."""
    return {**content, DIGEST: digest(content)}


def without_digest(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a JSON file without its digest."""
    return {key: value for key, value in content.items() if key != DIGEST}


def fits_digest(content: Mapping[str, Any], demanded: bool) -> bool:
    """Tell whether the digest in the content of a JSON file is that of the rest.

    Args:
        content: the content.
        demanded: whether content without a digest does not fit either. One changed byte must not make a file look like
            one of a version that wrote no digests.
    """
    if DIGEST not in content and not demanded:
        return True
    return bool(content.get(DIGEST) == digest(without_digest(content)))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
