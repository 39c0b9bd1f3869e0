"""Generated images in a user's folder of photos, which `advkd synthesize --into` draws.

    synthetic/CLASS/000000.png, …  the images of each class, without loss
    synthetic/images.csv           of each image the class, the run, the generator, its noise's seed, and its SHA-256
    synthetic/generators.json      the runs that drew them, the SHA-256 of images.csv, and a digest of itself

The folder appears complete or not at all. Whoever reads the photos leaves it out (`FolderArchive`); the images join a
data set only where a run asks for them (`generator=folder`), and then its training part only.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from advkd.data.archives.folder_archive import DECLARATION, SYNTHETIC, has_synthetic
from advkd.data.derived_store import Joining
from advkd.data.images import decode_photo
from advkd.errors import UserError
from advkd.files import (
    as_csv_text,
    fits_digest,
    from_csv_text,
    new_folder,
    read_json,
    sha256,
    with_digest,
    without_digest,
    write_json,
    write_text,
)
from advkd.opening import open_text

IMAGES = "images.csv"
COLUMNS = ("file", "class", "run", "generator", "noise_seed", "sha256")


@dataclass(frozen=True)
class Drawn:
    """An image that a generator drew.

    Attributes:
        pixels: uint8 (H, W, 3).
        of_class: the name of its class.
        run: the generator's run.
        generator: which one of the run: "G1", "G2", ….
        seed: of the noise.
    """

    pixels: np.ndarray
    of_class: str
    run: str
    generator: str
    seed: int


@dataclass(frozen=True)
class Synthetic:
    """The generated images of a folder.

    Attributes:
        images: those of the training part's classes.
        runs: what generators.json says of each run that drew some.
        declaration: the SHA-256 of generators.json, from which the content of all images follows.
    """

    images: list[Joining]
    runs: Mapping[str, Mapping[str, Any]]
    declaration: str


def check_free(photos: Path) -> None:
    """Refuse a folder of photos that has generated images, or something of its own in their place."""
    place = photos / SYNTHETIC
    if has_synthetic(photos):
        raise UserError(f"{place} has generated images: move or delete this folder, and draw all that you want at once")
    if place.exists() or place.is_symlink():
        raise UserError(f"{place} is in the place of generated images, and none of advkd's: rename it")


def write_synthetic(photos: Path, images: Iterable[Drawn], runs: Mapping[str, Mapping[str, Any]]) -> Counter[str]:
    """Write generated images into a folder of photos, and return how many each class has.

    Args:
        photos: the folder of photos.
        images: the images, which may be drawn on the way.
        runs: of each run, what leads back to it.

    Raises:
        UserError: as `check_free`, or the folder cannot be written.
    """
    check_free(photos)
    counts: Counter[str] = Counter()
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    with new_folder(photos / SYNTHETIC) as draft:
        for image in images:
            file = PurePosixPath(image.of_class, f"{counts[image.of_class]:06d}.png")
            (draft / file).parent.mkdir(exist_ok=True)
            Image.fromarray(image.pixels).save(draft / file)
            names = [as_csv_text(text) for text in (str(file), image.of_class, image.run)]
            writer.writerow([*names, image.generator, image.seed, sha256(draft / file)])
            counts[image.of_class] += 1
        write_text(draft / IMAGES, table.getvalue())
        write_json(draft / DECLARATION, with_digest({"runs": runs, "sha256": {IMAGES: sha256(draft / IMAGES)}}))
    return counts


def declared(photos: Path) -> str | None:
    """Return the SHA-256 of what a folder declares of its generated images; None where it has none."""
    return sha256(photos / SYNTHETIC / DECLARATION) if has_synthetic(photos) else None


def read_synthetic(photos: Path, classes: Sequence[str]) -> Synthetic:
    """Return the generated images in a folder of photos, after comparing all files with their checksums.

    Args:
        photos: the folder of photos.
        classes: the names of its classes.

    Raises:
        UserError: it has none; or a file is missing, damaged, not declared, or of no class.
    """
    place = photos / SYNTHETIC
    if not has_synthetic(photos):
        raise UserError(f"{photos} has no generated images: advkd synthesize RUN --count N --into {photos}")
    runs = _read_declaration(place)
    with open_text(place / IMAGES, newline="") as file:
        rows = list(csv.DictReader(file))
    images = []
    for row in rows:
        name, of_class, run = (from_csv_text(row[key]) for key in ("file", "class", "run"))
        if of_class not in classes:
            raise UserError(f"{place} has images of {of_class!r}, and {photos} has no such class: {', '.join(classes)}")
        _compare(place, name, row["sha256"])
        images.append(Joining(decode_photo(place / name).pixels, classes.index(of_class), run, f"{SYNTHETIC}/{name}"))
    there = {path.relative_to(place).as_posix() for path in place.rglob("*.png") if not path.name.startswith(".")}
    if strange := sorted(there - {from_csv_text(row["file"]) for row in rows}):
        raise UserError(f"{place} holds {strange[0]!r}, which it does not declare: move it away")
    return Synthetic(images, runs, sha256(place / DECLARATION))


def _read_declaration(place: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return what generators.json says of each run, after comparing it and images.csv."""
    try:
        content = read_json(place / DECLARATION)
        if not isinstance(content, dict) or not fits_digest(content, demanded=True):
            raise ValueError("its digest differs")
        content = without_digest(content)
        runs: Mapping[str, Mapping[str, Any]] = content["runs"]
        expected = content["sha256"][IMAGES]
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{place / DECLARATION} is not what was written ({error}): {_again(place)}") from error
    _compare(place, IMAGES, expected)
    return runs


def _compare(place: Path, name: str, expected: str) -> None:
    if not (place / name).is_file():
        raise UserError(f"{place / name} is gone: {_again(place)}")
    if sha256(place / name) != expected:
        raise UserError(f"{place / name} is not what was drawn (its checksum differs): {_again(place)}")


def _again(place: Path) -> str:
    return f"delete {place}, and draw again"
