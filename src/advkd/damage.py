"""Files that cannot be read: what is wrong with them, in one line, so that the rest of a report is still built."""

import contextlib
import csv
import re
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import yaml

from advkd.errors import UserError

Found = TypeVar("Found")

# What reading a missing, cut off or overwritten file raises (SyntaxError: Pillow), and what looking into content of
# another version does.
DAMAGED = (
    UserError, OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, SyntaxError,
    RuntimeError, csv.Error, tokenize.TokenError, yaml.YAMLError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
ADDRESS = re.compile(r" ?<[^<>]* at 0x[0-9a-fA-F]+>")  # an object without a name, which differs from time to time


@contextlib.contextmanager
def readable(what: str = "", remedy: str = "") -> Iterator[None]:
    """Turn what damaged or outdated files raise into a UserError of one line, about `what` and with its `remedy`."""
    try:
        yield
    except DAMAGED as error:
        said = ADDRESS.sub("", words(error))
        said = said.replace(f"{what}: ", "") if what else said  # once is enough
        parts = ["" if what in said else what, said, remedy]
        raise UserError(" ".join(": ".join(filter(None, parts)).split())) from error


def attempt(read: Callable[..., Found], *arguments, what: str = "") -> tuple[Found | None, str]:
    """Return what `read` returns and an empty text, or None and in one line what is wrong with `what`."""
    try:
        with readable(what):
            return read(*arguments), ""
    except UserError as error:
        return None, str(error)


def words(error: Exception) -> str:
    """Return in words what an error says of the file that was read."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is missing"
    if isinstance(error, KeyError):
        return f"{error} is missing, as in a file of another version"
    return f"cannot be read ({type(error).__name__}: {error})"
