"""A prepared data set: a folder of uint8 arrays that training maps or moves whole to the GPU.

    images.npy           uint8 (N, H, W, 3)    training images; of a GAN's set crops, in the order in which they were
                                               drawn, of a classifier's in the official order
    labels.npy           int64 (N,)            their classes
    held_out.npy         uint8 (M, H, W, 3)    evaluation images, none of which is (or is cropped from) a training image
    held_out_labels.npy  int64 (M,)
    sizes.npy            int32 (N, 2)          width and height of the images before they were squashed to the square
    held_out_sizes.npy   int32 (M, 2)          that is stored; classifiers' sets only
    manifest.csv         where every image comes from
    meta.json            classes, counts, settings, source and checksums; no paths and no times, so that preparing
                         the same source again gives the same bytes

The folder appears whole or not at all. Until then it lies in a draft's folder beside it, `.NAME.advkd-draft`, whose
lock the kernel releases with the process that writes: so the next one knows what a killed one left, and removes it.
"""

import contextlib
import fcntl
import math
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

import numpy as np

from advkd import files
from advkd.errors import CannotWrite, UserError
from advkd.locks import hold

DRAFT, LOCK = ".advkd-draft", "lock"
ARRAYS = ("images", "labels", "held_out", "held_out_labels")
SIZES = ("sizes", "held_out_sizes")
FILES = {*(f"{name}.npy" for name in (*ARRAYS, *SIZES)), "manifest.csv", "meta.json"}


@dataclass(frozen=True)
class Store:
    """An opened store; the arrays are mapped from disk, read-only. See the module for shapes and types."""

    path: Path
    images: np.ndarray
    labels: np.ndarray
    held_out: np.ndarray
    held_out_labels: np.ndarray
    meta: dict
    sizes: np.ndarray | None = None
    held_out_sizes: np.ndarray | None = None

    @classmethod
    def open(cls, path: Path) -> "Store":
        """Open the store in the folder `path` after comparing its arrays with their checksums in meta.json.

        Raises:
            UserError: no store is there, or one of its files is missing or damaged.
        """
        path = Path(path)
        remedy = "delete the folder and prepare the data again"
        try:
            meta = files.read_json(path / "meta.json")
            checksums = meta["sha256"]
            names = (*ARRAYS, *(name for name in SIZES if f"{name}.npy" in checksums))
            for name in names:
                if files.sha256(path / f"{name}.npy") != checksums[f"{name}.npy"]:
                    raise UserError(f"{path / name}.npy is not what was prepared: {remedy}")
            arrays = {name: np.load(path / f"{name}.npy", mmap_mode="r") for name in names}
        except FileNotFoundError as error:
            raise UserError(f"no prepared data set in {path} ({Path(error.filename).name} is missing)") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"the prepared data set in {path} is damaged ({error}): {remedy}") from error
        return cls(path, meta=meta, **arrays)


class Rows:
    """A uint8 array in an .npy file that is written one row at a time, in any order, and never lies in memory.

    Rows are written, not mapped: a disk that is full is then an error, where a mapped page would kill the process.
    """

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]) -> None:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        self._file, self._start, self.shape = file, file.tell(), shape

    def __setitem__(self, index: int, row: np.ndarray) -> None:
        if row.shape != self.shape[1:] or row.dtype != np.uint8 or not 0 <= index < self.shape[0]:
            raise ValueError(f"{row.dtype} {row.shape} is no row {index} of uint8 {self.shape}")
        self._file.seek(self._start + index * math.prod(self.shape[1:]))
        self._file.write(row.tobytes())


class Draft:
    """A store that is being written, in a folder that `draft` puts in its place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, name: str, array: np.ndarray) -> None:
        """Write the array `name`, one of `ARRAYS` and `SIZES`."""
        with files.atomic(self._folder / f"{name}.npy") as temporary, temporary.open("wb") as file:
            np.save(file, array)

    @contextlib.contextmanager
    def rows(self, name: str, shape: tuple[int, ...]) -> Iterator[Rows]:
        """Yield the uint8 array `name` of `shape`, every row of which must be set."""
        with files.atomic(self._folder / f"{name}.npy") as temporary, temporary.open("wb") as file:
            yield Rows(file, shape)

    def finish(self, manifest: str, meta: dict) -> dict:
        """Write the manifest and, last, `meta` with the checksums added; return it."""
        files.write_text(self._folder / "manifest.csv", manifest)
        checksums = {path.name: files.sha256(path) for path in sorted(self._folder.iterdir())}
        meta = {**meta, "sha256": checksums}
        files.write_json(self._folder / "meta.json", meta)
        return meta


@contextlib.contextmanager
def draft(out: Path, needed: int) -> Iterator[Draft]:
    """Yield a store to be written and finished, which takes the place of `out` on success; on any error it is removed.

    Another process that writes the same store, as an orphan of a killed workflow, is waited for.

    Args:
        out: the store's folder; one that is there is replaced, where a link leads to it as well.
        needed: bytes that the store will take.

    Raises:
        UserError: `out` is or holds what is no store's; the disk is full or cannot be written. Nothing is left behind.
    """
    out = Path(os.path.realpath(out))
    check_room(out, needed)
    place, lock = _place(out), None
    try:
        lock = _hold(place)
        folder = place / out.name
        folder.mkdir()
        yield Draft(folder)
        if out.exists():
            out.rename(place / "old")
        folder.rename(out)
    except (OSError, CannotWrite) as error:
        raise UserError(
            f"cannot write {out} ({error.strerror or error}): {needed / 1e6:,.1f} MB are needed there"
        ) from error
    finally:
        if lock is not None:
            _remove(place, lock)


def _refuse_foreign(out: Path) -> None:
    """Raise UserError if a store would replace something else in `out` than a store, and what desktops add to it."""
    names = sorted(path.name for path in out.iterdir()) if out.is_dir() else [out.name] if out.exists() else []
    names = [name for name in names if name != ".DS_Store" and not name.startswith(("._", ".nfs"))]
    if foreign := next((name for name in names if name not in FILES), None):
        raise UserError(
            f"{out} would be replaced, but {foreign!r} is no part of a prepared data set: name another folder"
        )


def _place(out: Path) -> Path:
    return out.parent / f".{out.name}{DRAFT}"


def _hold(place: Path, wait: bool = True) -> TextIO | None:
    """Lock a draft's folder and empty it of what a killed process left; None if a living one has it and without `wait`.

    The folder is made if it is not there.
    """
    while True:
        if place.is_symlink():  # what it leads to is none of ours to empty
            place.unlink()
        place.mkdir(parents=True, exist_ok=True)
        try:
            lock = (place / LOCK).open("w")
        except FileNotFoundError:  # its holder removed the folder this moment
            continue
        if wait:
            hold(lock, f"{place} is being written by another process; waiting for it to end")
        else:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                return None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock.fileno()), (place / LOCK).stat()):
                _empty(place)
                return lock
        lock.close()  # of a folder that its holder removed


def _remove(place: Path, lock: TextIO) -> None:
    """Remove a draft's folder whose lock this process holds: the lock last, so that nobody takes it meanwhile."""
    with lock, contextlib.suppress(OSError):
        _empty(place)
        (place / LOCK).unlink()
        place.rmdir()  # fails where the next one has just put its lock there


def _empty(place: Path) -> None:
    for path in place.iterdir():
        if path.name != LOCK:
            shutil.rmtree(path, ignore_errors=True)


def write(out: Path, arrays: dict[str, np.ndarray], manifest: str, meta: dict) -> dict:
    """Write a store that lies in memory to the folder `out` and return `meta` with the checksums added. See `draft`."""
    with draft(out, sum(array.nbytes for array in arrays.values())) as store:
        for name, array in arrays.items():
            store.save(name, array)
        return store.finish(manifest, meta)


def check_room(out: Path, needed: int) -> None:
    """Raise UserError if the disk of the folder `out` has less than `needed` bytes free, or `out` is no store's folder.

    What a killed process left of this store is removed first: it may be what fills the disk.
    """
    out = Path(os.path.realpath(out))
    _refuse_foreign(out)
    if _place(out).exists():
        with contextlib.suppress(OSError):
            if lock := _hold(_place(out), wait=False):
                _remove(_place(out), lock)
    place = next(parent for parent in out.absolute().parents if parent.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise UserError(
            f"no room in {out.parent}: {needed / 1e6:,.1f} MB are needed, {free / 1e6:,.1f} MB are free: "
            f"free some, or set data_root to another disk"
        )
