"""A prepared data set: a folder of uint8 arrays that training maps or moves whole to the GPU.

    images.npy           uint8 (N, H, W, 3)    training crops, in the order in which they were drawn
    labels.npy           int64 (N,)            their classes
    held_out.npy         uint8 (M, H, W, 3)    crops of photos that no training crop comes from
    held_out_labels.npy  int64 (M,)
    manifest.csv         where every crop comes from
    meta.json            classes, counts, settings, source and checksums; no paths and no times, so that preparing
                         the same source again gives the same bytes

The folder appears whole or not at all.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from advkd import files
from advkd.errors import UserError

ARRAYS = ("images", "labels", "held_out", "held_out_labels")


@dataclass(frozen=True)
class Store:
    """An opened store; the arrays are mapped from disk, read-only. See the module for shapes and types."""

    path: Path
    images: np.ndarray
    labels: np.ndarray
    held_out: np.ndarray
    held_out_labels: np.ndarray
    meta: dict

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
            for name in ARRAYS:
                if files.sha256(path / f"{name}.npy") != checksums[f"{name}.npy"]:
                    raise UserError(f"{path / name}.npy is not what was prepared: {remedy}")
            arrays = [np.load(path / f"{name}.npy", mmap_mode="r") for name in ARRAYS]
        except FileNotFoundError as error:
            raise UserError(f"no prepared data set in {path} ({Path(error.filename).name} is missing)") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"the prepared data set in {path} is damaged ({error}): {remedy}") from error
        return cls(path, *arrays, meta)


def write(out: Path, arrays: dict[str, np.ndarray], manifest: str, meta: dict) -> dict:
    """Write a store to the folder `out`, replacing one that is there, and return `meta` with the checksums added.

    Raises:
        UserError: the disk is full or cannot be written; nothing is left behind.
    """
    with _replaced(out, sum(array.nbytes for array in arrays.values())) as folder:
        for name in ARRAYS:
            with files.atomic(folder / f"{name}.npy") as temporary, temporary.open("wb") as file:
                np.save(file, arrays[name])
        files.write_text(folder / "manifest.csv", manifest)
        checksums = {path.name: files.sha256(path) for path in sorted(folder.iterdir())}
        meta = {**meta, "sha256": checksums}
        files.write_json(folder / "meta.json", meta)
    return meta


def check_room(out: Path, needed: int) -> None:
    """Raise UserError if the disk of the folder `out` has less than `needed` bytes free."""
    place = next(parent for parent in out.absolute().parents if parent.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise UserError(
            f"no room in {out.parent}: {needed / 1e6:,.1f} MB are needed, {free / 1e6:,.1f} MB are free: "
            f"free some, or set data_root to another disk"
        )


@contextlib.contextmanager
def _replaced(out: Path, needed: int) -> Iterator[Path]:
    """Yield an empty folder beside `out` that takes its place on success and is removed on any error."""
    check_room(out, needed)
    temporary = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        folder = temporary / out.name
        folder.mkdir()
        yield folder
        if out.exists():
            out.rename(temporary / "old")
        folder.rename(out)
    except OSError as error:
        raise UserError(
            f"cannot write {out} ({error.strerror or error}): {needed / 1e6:,.1f} MB are needed there"
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
