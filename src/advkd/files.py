"""Writing files whole or not at all, and naming their content by checksum."""

import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from advkd.errors import UserError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it to disk and rename it, on any error remove it.

    The temporary name keeps the suffix, so that writers which choose a format by it (numpy, matplotlib) work.

    Raises:
        UserError: `path` cannot be written, or there is no room for what is.
    """
    path = Path(path)
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=f".tmp{path.suffix}", dir=path.parent)
        os.close(handle)
    temporary = Path(name)
    try:
        with _writing(path, NO_ROOM):  # any other error of the writer may be about another file
            yield temporary
        with _writing(path):
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _writing(path: Path, kinds: tuple[int, ...] = ()) -> Iterator[None]:
    """Turn an OSError, of the error numbers `kinds` where some are given, into a UserError about `path`."""
    try:
        yield
    except OSError as error:
        if kinds and error.errno not in kinds:
            raise
        no_folder = isinstance(error, FileExistsError | NotADirectoryError)
        reason = "its folder is a file" if no_folder else error.strerror or error
        raise UserError(f"{path} cannot be written: {reason}") from error


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


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
