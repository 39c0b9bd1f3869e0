"""Writing a store so that its folder appears complete or not at all.

A store is written in a draft folder beside its place, `.NAME.advkd-draft`, which is moved into place at the end. The
process that writes holds a lock in that folder, which the kernel releases when the process ends. So the next process
can tell that the writer was killed, and removes what it left.
"""

import contextlib
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from advkd import files
from advkd.data.store import FILES, MANIFEST
from advkd.data.store_meta import META, SCHEMA
from advkd.errors import CannotWrite, UserError
from advkd.locks import hold, try_hold
from advkd.opening import open_to_append

DRAFT_SUFFIX = ".advkd-draft"
LOCK = "lock"


class RowWriter:
    """Writes a uint8 array to an .npy file one row at a time, in any order, without holding it in memory.

    The rows are written, not mapped into memory: a full disk then raises an error, where a mapped page would kill the
    process.
    """

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]) -> None:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        self._file, self._start, self.shape = file, file.tell(), shape

    def __setitem__(self, index: int, row: np.ndarray) -> None:
        if row.shape != self.shape[1:] or row.dtype != np.uint8 or not 0 <= index < self.shape[0]:
            raise ValueError(f"{row.dtype} {row.shape} is not a row {index} of uint8 {self.shape}")
        self._file.seek(self._start + index * math.prod(self.shape[1:]))
        self._file.write(row.tobytes())


class Draft:
    """A store that is being written; see `draft_store`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, name: str, array: np.ndarray) -> None:
        """Write the array `name`, one of `store.ARRAYS` and `store.OPTIONAL`."""
        with files.atomic(self._folder / f"{name}.npy") as temporary, temporary.open("wb") as file:
            np.save(file, array)

    @contextlib.contextmanager
    def row_writer(self, name: str, shape: tuple[int, ...]) -> Iterator[RowWriter]:
        """Yield a writer for the uint8 array `name` of shape `shape`; the caller sets every row."""
        with files.atomic(self._folder / f"{name}.npy") as temporary, temporary.open("wb") as file:
            yield RowWriter(file, shape)

    def keep_rows(self, name: str, rows: Sequence[int]) -> None:
        """Write the uint8 array `name` again with only some of its rows."""
        array = np.load(self._folder / f"{name}.npy", mmap_mode="r")
        with self.row_writer(name, (len(rows), *array.shape[1:])) as kept:
            for place, row in enumerate(rows):
                kept[place] = array[row]

    def finish(self, manifest: str, meta: dict[str, Any]) -> dict[str, Any]:
        """Write manifest.csv and then meta.json, and return `meta` with the checksums of the other files."""
        files.write_text(self._folder / MANIFEST, manifest)
        checksums = {path.name: files.sha256(path) for path in sorted(self._folder.iterdir())}
        meta = {"schema": SCHEMA, **meta, "sha256": checksums}
        files.write_json(self._folder / META, files.with_digest(meta))
        return meta


@contextlib.contextmanager
def draft_store(out: Path, needed: int) -> Iterator[Draft]:
    """Yield a draft, and move it to `out` on success; on any error, remove it.

    If another process is writing the same store, wait until it ends.

    Args:
        out: the folder of the store. An existing store is replaced, also where `out` is a link to it.
        needed: the size of the store in bytes.

    Raises:
        UserError: `out` exists and is not a store, or the disk is full or cannot be written to. Nothing is left behind.
    """
    out = Path(os.path.realpath(out))
    check_room(out, needed)
    draft_folder = _draft_folder(out)
    lock: BinaryIO | None = None
    try:
        lock = _lock_and_empty(draft_folder)
        folder = draft_folder / out.name
        folder.mkdir()
        yield Draft(folder)
        if out.exists():
            out.rename(draft_folder / "old")
        folder.rename(out)
    except (OSError, CannotWrite) as error:
        raise UserError(
            f"cannot write {out} ({error.strerror or error}): {needed / 1e6:,.1f} MB are needed there"
        ) from error
    finally:
        if lock is not None:
            _remove(draft_folder, lock)


def write_store(out: Path, arrays: dict[str, np.ndarray], manifest: str, meta: dict[str, Any]) -> dict[str, Any]:
    """Write arrays in memory as the store `out`, and return `meta` with the checksums added.

    Raises:
        UserError: as `draft_store`.
    """
    with draft_store(out, sum(array.nbytes for array in arrays.values())) as draft:
        for name, array in arrays.items():
            draft.save(name, array)
        return draft.finish(manifest, meta)


def check_room(out: Path, needed: int) -> None:
    """Raise a UserError if the store `out` cannot be written.

    First remove what a killed process left of this store, since it may be what fills the disk.

    Args:
        out: the folder of the store.
        needed: the size of the store in bytes.

    Raises:
        UserError: `out` exists and is not a store, or its disk has less than `needed` bytes free.
    """
    out = Path(os.path.realpath(out))
    _refuse_foreign_folder(out)
    if _draft_folder(out).exists():
        with contextlib.suppress(OSError):
            lock = _lock_and_empty(_draft_folder(out), wait=False)
            if lock:
                _remove(_draft_folder(out), lock)
    existing = next(parent for parent in out.absolute().parents if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise UserError(
            f"no room in {out.parent}: {needed / 1e6:,.1f} MB are needed, {free / 1e6:,.1f} MB are free: "
            f"free some, or set data_root to another disk"
        )


def _refuse_foreign_folder(out: Path) -> None:
    """Raise a UserError if `out` is a file, or holds files that are neither a store's nor added by desktops."""
    names: list[str] = []
    if out.is_dir():
        names = sorted(path.name for path in out.iterdir())
    elif out.exists():
        names = [out.name]
    for name in names:
        if name not in FILES and name != ".DS_Store" and not name.startswith(("._", ".nfs")):
            raise UserError(
                f"{out} would be replaced, but {name!r} is not part of a prepared data set: name another folder"
            )


def _draft_folder(out: Path) -> Path:
    return out.parent / f".{out.name}{DRAFT_SUFFIX}"


def _lock_and_empty(folder: Path, wait: bool = True) -> BinaryIO | None:
    """Create a draft folder if necessary, lock it, and remove what a killed process left in it.

    Returns:
        The lock. If another process holds it, wait for it; without `wait`, return None.
    """
    while True:
        if folder.is_symlink():  # its target is not ours to empty
            folder.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = open_to_append(folder / LOCK)
        except FileNotFoundError:  # the holder removed the folder at this moment
            continue
        if wait:
            hold(lock, f"{folder} is being written by another process; waiting for it to end")
        elif not try_hold(lock):
            lock.close()
            return None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock.fileno()), (folder / LOCK).stat()):
                _empty(folder)
                return lock
        lock.close()  # the holder removed the folder of this lock; try again


def _remove(folder: Path, lock: BinaryIO) -> None:
    """Remove a draft folder whose lock this process holds; the lock last, so that nobody else takes it before."""
    with lock, contextlib.suppress(OSError):
        _empty(folder)
        (folder / LOCK).unlink()
        folder.rmdir()  # fails if the next process has just put its lock there


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != LOCK:
            shutil.rmtree(path, ignore_errors=True)
