"""Draws photos of concrete with the five defects, in the layout of CODEBRIM's archive of original images."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from advkd import files
from advkd.data.drawn.concrete_defects import DEFECTS, Rng, draw_surface
from advkd.data.readers.codebrim import TAGS

EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of every file in the archive
PATCH = 0.42  # largest side of a defect's region, as a fraction of the photo's side

Corners = tuple[int, int, int, int]  # first column and row, and the column and row after the last ones


def draw_codebrim_archive(path: Path, photos: int, seed: int, side: int = 256) -> None:
    """Write a zip archive of drawn photos and their annotations.

    Every eighth photo shows no defect and has no annotation (in CODEBRIM a third has none). The others show one to
    three defects, each in its own box with one to three tags, and some have a box of background. One photo is
    greyscale. The same arguments give the same bytes with the same version of PIL.

    Args:
        path: the archive to write.
        photos: the number of photos.
        seed: the seed of the drawing.
        side: width and height of a photo in pixels, at least 160.
    """
    with files.atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for number in range(1, photos + 1):
            rng = np.random.Generator(np.random.PCG64([seed, number]))
            pixels, boxes = _draw_photo(number, side, rng)
            name = f"image_{number:07d}"
            image = Image.fromarray(pixels)
            if number == 3:
                image = image.convert("L")
            jpeg = io.BytesIO()
            image.save(jpeg, "JPEG", quality=92)
            _add(archive, f"original_dataset/images/{name}.jpg", jpeg.getvalue())
            if boxes:
                xml = _annotation(f"{name}.jpg", side, boxes)
                _add(archive, f"original_dataset/annotations/{name}.xml", xml.encode())


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    # Stored, not deflated, so that the bytes do not depend on the version of zlib.
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system, info.external_attr = 3, 0o100644 << 16
    archive.writestr(info, data)


def _annotation(image: str, side: int, boxes: Sequence[tuple[Corners, set[str]]]) -> str:
    parts = [
        f"<annotation><folder>images</folder><filename>{image}</filename>",
        f"<size><width>{side}</width><height>{side}</height><depth>3</depth></size>",
    ]
    for (x0, y0, x1, y1), tags in boxes:
        marks = "".join(f"<{tag}>{int(tag in tags)}</{tag}>" for tag in TAGS)
        corners = f"<xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
        parts.append(
            f"<object><name>defect</name><difficult>0</difficult><bndbox>{corners}</bndbox>"
            f"<Defect>{marks}</Defect></object>"
        )
    return "".join([*parts, "</annotation>\n"])


def _draw_photo(number: int, side: int, rng: Rng) -> tuple[np.ndarray, list[tuple[Corners, set[str]]]]:
    """Return one photo, uint8 (side, side, 3), and its boxes with their tags."""
    canvas = draw_surface(side, rng)
    boxes: list[tuple[Corners, set[str]]] = []
    places = list(_draw_places(side, rng))
    if number % 8:
        # The kind of the first defect rotates, so that even a few photos show every class; the others are random.
        first = (number - number // 8 - 1) % len(DEFECTS)
        kinds = [first, *rng.integers(len(DEFECTS), size=int(rng.integers(0, 3))).tolist()]
        for kind, (x, y, width, height) in zip(kinds, places, strict=False):
            draw, tags = DEFECTS[kind]
            region = canvas[y : y + height, x : x + width]
            mask = draw(region, rng)
            boxes.append((_bounding_box(mask, x, y, side), tags))
        if rng.random() < 0.3:
            x, y, width, height = places[3]
            boxes.append(((x, y, x + width, y + height), {"Background"}))
    canvas += rng.normal(0, 3, canvas.shape).astype(np.float32)
    return np.clip(canvas, 0, 255).astype(np.uint8), boxes


def _draw_places(side: int, rng: Rng) -> Iterator[tuple[int, int, int, int]]:
    """Yield four regions (x, y, width, height), one in each quarter of the photo, in random order."""
    half = side // 2
    for quarter in rng.permutation(4).tolist():
        width = int(side * PATCH * rng.uniform(0.85, 1))
        height = int(side * PATCH * rng.uniform(0.85, 1))
        x = int(rng.integers(2, half - width))
        y = int(rng.integers(2, half - height))
        yield x + half * (quarter % 2), y + half * (quarter // 2), width, height


def _bounding_box(mask: np.ndarray, x: int, y: int, side: int) -> Corners:
    """Return the box around the pixels of `mask`, whose corner is at (x, y), with a margin of 3 pixels."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    x0, y0 = max(x + columns[0] - 3, 0), max(y + rows[0] - 3, 0)
    x1, y1 = min(x + columns[-1] + 4, side), min(y + rows[-1] + 4, side)
    return int(x0), int(y0), int(x1), int(y1)
