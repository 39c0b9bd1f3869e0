"""Compares what a run's folder holds with what was written there: products, records, and JSON files with a digest.

A finished run's files are bound together. result.json holds the SHA-256 of the products, of config.yaml and of
history.csv. provenance.json holds a copy of result.json. provenance.json and metrics.json hold a digest of their own
content. This detects accidents, not forgery.

`RunFolder` of runs/folder.py asks these functions whenever it reads a file, and says what to do where one differs.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from advkd import files
from advkd.files import sha256

FIRST_SCHEMA = 2  # the first schema of a run's folder whose records and metrics have checksums


def has_checksums(described: Mapping[str, Any]) -> bool:
    """Tell whether files were written in a schema that has checksums of records and metrics."""
    return bool(described.get("schema", 1) >= FIRST_SCHEMA)


def of_files(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of those files of `names` that exist in a folder."""
    return {name: sha256(folder / name) for name in names if (folder / name).exists()}


def all_fit(folder: Path, checksums: Mapping[str, str]) -> bool:
    """Tell whether the files of a folder are those that these checksums were taken of."""
    return of_files(folder, checksums) == checksums


def fits_product(path: Path, expected: str | None) -> bool:
    """Tell whether a product has the expected SHA-256, which is computed once for the file's time and size."""
    status = path.stat()
    return _sha256(path.absolute(), status.st_mtime_ns, status.st_size) == expected


@lru_cache(maxsize=1024)
def _sha256(path: Path, _mtime_ns: int, _size: int) -> str:
    """Return the SHA-256 of a file, computed once for its time and size: evaluations read an archive many times."""
    return sha256(path)


def fits_record(name: str, path: Path, result: Mapping[str, Any]) -> bool:
    """Tell whether a record is what result.json says; also where it says nothing of this record.

    Args:
        name: the record's name in result.json.
        path: the file.
        result: the content of result.json.
    """
    expected = result.get("records", {}).get(name)
    return not expected or sha256(path) == expected


def is_copy(result: Mapping[str, Any], recorded: Mapping[str, Any]) -> bool:
    """Tell whether result.json equals its copy in provenance.json.

    Those of version 0.1.0 may differ. One changed byte must not make one of them look like one of that version.
    """
    return recorded == result or not (has_checksums(result) or has_checksums(recorded))


def fits_digest(content: Mapping[str, Any], described: Mapping[str, Any]) -> bool:
    """Tell whether the digest in the content of a JSON file is that of the rest.

    Args:
        content: the content.
        described: has the schema that the file was written in.
    """
    return files.fits_digest(content, demanded=has_checksums(described))
