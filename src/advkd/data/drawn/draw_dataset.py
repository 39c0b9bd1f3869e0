"""Draws a data set and packs it as it is published."""

import zlib
from pathlib import Path

import numpy as np

from advkd.data.drawn.codebrim_archive import draw_codebrim_archive
from advkd.data.drawn.official_layouts import LAYOUTS, DrawnImage, write_content
from advkd.data.drawn.shape_images import CLASSES, draw_shape_image
from advkd.errors import UserError

SIDES = (60, 91)  # smallest side and largest side + 1, in pixels, where the images of a data set have many sizes


def draw_dataset(name: str, folder: Path, size: int, seed: int = 0) -> None:
    """Write the official files of a data set, with drawn images, into `folder`.

    The same arguments give the same bytes with the same versions of PIL, zlib and scipy. The first images of a class do
    not depend on `size`.

    Args:
        name: a data set of the registry.
        folder: where to write the files.
        size: for CODEBRIM the number of photos; for the other sets the number of training images in each of the eight
            classes. They get half as many evaluation images, but at least four.
        seed: the seed of the drawing.

    Raises:
        UserError: no data set is called `name`.
    """
    if name == "codebrim":
        draw_codebrim_archive(folder / "CODEBRIM_original_images.zip", size, seed)
        return
    if name not in LAYOUTS:
        raise UserError(f"nothing can be drawn for {name!r}; known are codebrim, {', '.join(LAYOUTS)}")
    side, pack = LAYOUTS[name]
    images = []
    for training, count in ((True, size), (False, max(4, size // 2))):
        for label in range(len(CLASSES)):
            for number in range(count):
                rng = np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode()), training, label, number]))
                width, height = (side, side) if side else rng.integers(*SIDES, 2).tolist()
                images.append(DrawnImage(training, label, number, draw_shape_image(label, width, height, rng)))
    for file, content in pack(images).items():
        write_content(folder / file, content)
