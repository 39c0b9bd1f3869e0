"""Turns the errors of unreadable files into one line each, so that the rest of a report can still be built."""

import contextlib
import csv
import re
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import yaml

from advkd.errors import UserError

Value = TypeVar("Value")

# Raised when a missing, truncated or overwritten file is read (SyntaxError: by Pillow), or when the content of a file
# of another version is used.
DAMAGED = (
    UserError, OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, SyntaxError,
    RuntimeError, csv.Error, tokenize.TokenError, yaml.YAMLError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
ADDRESS = re.compile(r" ?<[^<>]* at 0x[0-9a-fA-F]+>")  # the repr of an object, which differs between processes


@contextlib.contextmanager
def readable(what: str = "", remedy: str = "") -> Iterator[None]:
    """Turn every error that a damaged or outdated file raises into a UserError of one line.

    Args:
        what: name of the file, put before the message unless it is part of it.
        remedy: what to do about it, put after the message.

    Raises:
        UserError: the body raised one of DAMAGED.
    """
    try:
        yield
    except DAMAGED as error:
        message = ADDRESS.sub("", describe_error(error))
        if what:
            message = message.replace(f"{what}: ", "")
        name = "" if what in message else what
        line = ": ".join(filter(None, [name, message, remedy]))
        raise UserError(" ".join(line.split())) from error


def attempt(read: Callable[..., Value], *arguments: Any, what: str = "") -> tuple[Value | None, str]:
    """Call `read` with the arguments and catch the errors of damaged files.

    Returns:
        What `read` returned and "", or None and one line that says what is wrong with the file called `what`.
    """
    try:
        with readable(what):
            return read(*arguments), ""
    except UserError as error:
        return None, str(error)


def describe_error(error: Exception) -> str:
    """Return a sentence that says why a file could not be read."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is missing"
    if isinstance(error, KeyError):
        return f"{error} is missing, as in a file of another version"
    return f"cannot be read ({type(error).__name__}: {error})"
