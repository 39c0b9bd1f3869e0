"""Decoding photos to RGB, whatever they were stored as.

Greyscale, palette, CMYK and RGBA images become RGB (alpha is dropped); 16-bit greyscale is scaled by 255/65535, not
clipped. The EXIF orientation is not applied: CODEBRIM's boxes refer to the pixels as they are stored.
"""

import io
import struct
import warnings
from collections.abc import Callable
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import Image, UnidentifiedImageError

from advkd.data.archives.members import DAMAGED, Archive
from advkd.errors import UserError

T = TypeVar("T")
# what photos are stored in; of PIL's others some give a file to another program, as EPS to Ghostscript
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
# ValueError, SyntaxError and struct.error are what some of PIL's parsers raise on broken files
BROKEN = (UnidentifiedImageError, ValueError, SyntaxError, struct.error, *DAMAGED)


def size(archive: Archive, name: str) -> tuple[int, int]:
    """Return width and height in pixels of an image, reading its header only.

    Raises:
        UserError: not an image, damaged, or so large that it may be a decompression bomb.
    """
    return _with_image(archive, name, archive.open, lambda image: image.size)


def decode(archive: Archive, name: str) -> tuple[np.ndarray, str]:
    """Return an image as uint8 (height, width, 3) and the mode it was stored in, "RGB" if nothing was converted.

    Raises:
        UserError: not an image, damaged, of a mode without a meaning as 8-bit RGB, or possibly a decompression bomb.
    """
    # read whole first: a zip member's CRC is checked only at its end, which a decoder may not reach
    return _with_image(archive, name, lambda name: io.BytesIO(archive.read(name)), _to_rgb)


def resize(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return a uint8 square resized to (side, side, 3) with PIL's Lanczos filter, which antialiases when it shrinks."""
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS))


def _with_image(archive: Archive, name: str, opened: Callable[[str], BinaryIO], use: Callable[[Image.Image], T]) -> T:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PIL's remarks on odd metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with opened(name) as file, Image.open(file, formats=FORMATS) as image:
                return use(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UserError(f"{name} in {archive.path} is too large to be a photo: {error}") from error
    except BROKEN as error:
        reason = "not an image" if isinstance(error, UnidentifiedImageError) else error
        raise UserError(f"{name} in {archive.path} cannot be decoded ({reason}): replace or remove it") from error


def _to_rgb(image: Image.Image) -> tuple[np.ndarray, str]:
    mode = image.mode
    if mode == "RGB":
        return np.asarray(image), mode
    if mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(f"values of mode {mode} outside 0..65535")
        grey = np.round(values / 257).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2), mode
    if mode == "F":
        raise ValueError("floating-point values have no fixed range")
    return np.asarray(image.convert("RGB")), mode
