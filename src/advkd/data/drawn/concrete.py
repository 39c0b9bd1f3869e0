"""Concrete drawn on the spot, with the five defects, in the layout of CODEBRIM's archive of original images.

It lets everything run without the real data, in seconds. It looks a little like concrete and shows the machinery
at work; numbers from it say nothing about the paper.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from advkd import files
from advkd.data.drawn.drawing import DEFECTS, Rng, surface
from advkd.data.readers.codebrim import TAGS

EPOCH = (1980, 1, 1, 0, 0, 0)
PATCH = 0.42  # side of a defect's region, as a part of the photo's


def make_archive(path: Path, photos: int, seed: int, side: int = 256) -> None:
    """Write a zip of `photos` drawn photos, `side` pixels a side (at least 160), and their annotations to `path`.

    Every eighth photo is sound and has no annotation, as a third of CODEBRIM's have none; the others show one to three
    defects, each in a box of its own with one to three tags, and some a box of background. One photo is greyscale.
    The same arguments give the same bytes (under the same version of PIL).
    """
    with files.atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for number in range(1, photos + 1):
            rng = np.random.Generator(np.random.PCG64([seed, number]))
            pixels, boxes = _photo(number, side, rng)
            name = f"image_{number:07d}"
            image = Image.fromarray(pixels)
            jpeg = io.BytesIO()
            (image.convert("L") if number == 3 else image).save(jpeg, "JPEG", quality=92)
            _add(archive, f"original_dataset/images/{name}.jpg", jpeg.getvalue())
            if boxes:
                xml = _annotation(f"{name}.jpg", side, boxes)
                _add(archive, f"original_dataset/annotations/{name}.xml", xml.encode())


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    # stored, not deflated: the bytes then depend on no version of zlib
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system, info.external_attr = 3, 0o100644 << 16
    archive.writestr(info, data)


def _annotation(image: str, side: int, boxes: list[tuple[tuple[int, ...], set[str]]]) -> str:
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


def _photo(number: int, side: int, rng: Rng) -> tuple[np.ndarray, list]:
    """Return one photo, uint8 (side, side, 3), and its boxes, 0-based and half-open, with their tags."""
    canvas = surface(side, rng)
    boxes = []
    places = list(_places(side, rng))
    if number % 8:
        # in turn, so that even a few photos show every class; then whatever comes
        first = (number - number // 8 - 1) % len(DEFECTS)
        kinds = [first, *rng.integers(len(DEFECTS), size=int(rng.integers(0, 3))).tolist()]
        for kind, (x, y, width, height) in zip(kinds, places, strict=False):
            draw, tags = DEFECTS[kind]
            region = canvas[y : y + height, x : x + width]
            mask = draw(region, rng)
            boxes.append((_bounds(mask, x, y, side), tags))
        if rng.random() < 0.3:
            x, y, width, height = places[3]
            boxes.append(((x, y, x + width, y + height), {"Background"}))
    canvas += rng.normal(0, 3, canvas.shape).astype(np.float32)
    return np.clip(canvas, 0, 255).astype(np.uint8), boxes


def _places(side: int, rng: Rng) -> Iterator[tuple[int, int, int, int]]:
    """Yield four regions (x, y, width, height) that do not overlap, one a quarter of the photo, in random order."""
    half = side // 2
    for quarter in rng.permutation(4).tolist():
        width, height = (int(side * PATCH * rng.uniform(0.85, 1)) for _ in range(2))
        x, y = (int(rng.integers(2, half - extent)) for extent in (width, height))
        yield x + half * (quarter % 2), y + half * (quarter // 2), width, height


def _bounds(mask: np.ndarray, x: int, y: int, side: int) -> tuple[int, int, int, int]:
    """Return the box around the pixels of `mask` with a margin of 3 pixels, as annotators leave one."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    low = max(x + columns[0] - 3, 0), max(y + rows[0] - 3, 0)
    high = min(x + columns[-1] + 4, side), min(y + rows[-1] + 4, side)
    return tuple(int(value) for value in (*low, *high))
