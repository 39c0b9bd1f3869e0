"""Files that cannot be read: what is wrong with them, in words, so that the rest of the page is still built."""

import csv
import zipfile
import zlib
from collections.abc import Callable
from typing import TypeVar

import yaml

from advkd.errors import UserError

Found = TypeVar("Found")

# What reading a missing, cut off or overwritten file raises, and what looking into content of another version does.
DAMAGED = (
    UserError, OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, csv.Error,
    yaml.YAMLError, zipfile.BadZipFile, zlib.error, NotImplementedError,
)  # fmt: skip


def attempt(read: Callable[..., Found], *arguments, what: str = "") -> tuple[Found | None, str]:
    """Return what `read` returns and an empty text, or None and in one line what is wrong with `what`."""
    try:
        return read(*arguments), ""
    except DAMAGED as error:
        return None, " ".join(f"{f'{what}: ' if what else ''}{words(error)}".split())


def words(error: Exception) -> str:
    """Return in words what an error says of the file that was read."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is missing"
    if isinstance(error, KeyError):
        return f"{error} is missing, as in a file of another version"
    return f"cannot be read ({type(error).__name__}: {error})"
