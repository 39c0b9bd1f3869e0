"""What is wrong with a file of a run, and what to do about it."""

import zipfile
from pathlib import Path

from advkd.damage import ADDRESS, describe_error
from advkd.errors import NotAFile, UserError


class Damaged(UserError):
    """A file of a run is missing, damaged or of another version; says which, why, and what to do."""

    def __init__(self, path: Path, reason: str, remedy: str) -> None:
        super().__init__(f"{path} {reason}: {remedy}")
        self.path, self.reason, self.remedy = path, reason, remedy


def reason_of(error: Exception, path: Path) -> str:
    """Return what is wrong with a file as the end of a sentence that begins with its path."""
    if isinstance(error, FileNotFoundError):
        return "is missing"
    if isinstance(error, NotAFile):
        return f"is {error.kind}, not a file"
    if isinstance(error, KeyError):
        return f"has no {error}, as a file of another version"
    if isinstance(error, zipfile.BadZipFile) and not zipfile.is_zipfile(path):
        return "is no npz file"
    text = ADDRESS.sub("", describe_error(error)).replace(f"{path}: ", "")
    return " ".join(text.split())
