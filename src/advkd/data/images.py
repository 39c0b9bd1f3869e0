"""Decoding image files to RGB.

Greyscale, palette, CMYK and RGBA images become RGB (alpha is dropped). 16-bit greyscale is scaled by 255/65535, not
clipped. The EXIF orientation is applied to a user's own photos only: CODEBRIM's boxes refer to the pixels as they are
stored, and loaders of the papers' data sets do not apply it.
"""

import io
import struct
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from advkd.data.archives.archive import DAMAGED, Archive
from advkd.errors import UserError
from advkd.opening import read_bytes

T = TypeVar("T")
# The formats of photos. PIL passes some of its other formats to another program, for example EPS to Ghostscript.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
# What files of these formats are called, in lower case.
IMAGE_SUFFIXES = (
    ".apng", ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff",
    ".webp",
)  # fmt: skip
# How an image of each EXIF orientation becomes upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
EXCHANGING = (5, 6, 7, 8)  # orientations that exchange width and height
# Some of PIL's parsers raise ValueError, SyntaxError or struct.error on damaged files.
BROKEN = (UnidentifiedImageError, ValueError, SyntaxError, struct.error, *DAMAGED)


class Decoded(NamedTuple):
    """A decoded image.

    Attributes:
        pixels: uint8 (height, width, 3).
        mode: the PIL mode in which it was stored; "RGB" if nothing was converted.
        turned: whether it was turned or mirrored as its EXIF orientation says.
    """

    pixels: np.ndarray
    mode: str
    turned: bool = False


class Examined(NamedTuple):
    """What is known of a photo once it is decoded.

    Attributes:
        pixels: uint8 (height, width, 3), turned as the EXIF orientation says.
        mode: the PIL mode in which it is stored.
        orientation: the EXIF orientation, 1 to 8; None where the file has none.
    """

    pixels: np.ndarray
    mode: str
    orientation: int | None


class Header(NamedTuple):
    """What an image's file says before its pixels.

    Attributes:
        size: the width and height of the stored pixels.
        upright: the width and height after the EXIF orientation is applied.
        turned: whether its EXIF orientation tells a viewer to turn or mirror them.
    """

    size: tuple[int, int]
    upright: tuple[int, int]
    turned: bool


def read_header(archive: Archive, name: str) -> Header:
    """Return the size of an image and whether it has an EXIF orientation; only its header is read.

    Raises:
        UserError: the file is not an image, is damaged, or is so large that it may be a decompression bomb.
    """
    return _with_image(f"{name} in {archive.path}", partial(archive.open, name), _to_header)


def decode_image(archive: Archive, name: str, upright: bool = False) -> Decoded:
    """Return the pixels of an image as RGB; with `upright`, turned as its EXIF orientation says.

    Raises:
        UserError: the file is not an image, is damaged, has a mode that cannot be converted to 8-bit RGB, or is so
            large that it may be a decompression bomb.
    """

    # Read the whole file first: a zip member's CRC is checked only at its end, which a decoder may not reach.
    def open_whole() -> BinaryIO:
        return io.BytesIO(archive.read(name))

    return _with_image(f"{name} in {archive.path}", open_whole, partial(_to_rgb, upright=upright))


def decode_photo(path: Path) -> Decoded:
    """Return the pixels of an image file as RGB, turned as its EXIF orientation says; raises as `decode_image`."""
    return _with_image(str(path), lambda: io.BytesIO(read_bytes(path)), partial(_to_rgb, upright=True))


def examine_photo(data: bytes, what: str) -> Examined:
    """Decode the bytes of a photo called `what`, and tell how it is stored; raises as `decode_image`."""

    def examined(image: Image.Image) -> Examined:
        orientation = _orientation(image)
        pixels, mode, _ = _to_rgb(image, upright=True)
        return Examined(pixels, mode, orientation)

    return _with_image(what, lambda: io.BytesIO(data), examined)


def to_rgb(image: Image.Image) -> np.ndarray:
    """Return the pixels of an opened image as `decode_photo` returns those of its file, uint8 (height, width, 3).

    Raises:
        UserError: it has a mode that cannot be converted to 8-bit RGB, or its file is damaged.
    """
    try:
        return _to_rgb(image, upright=True).pixels
    except BROKEN as error:
        raise UserError(f"an image of mode {image.mode} cannot be converted to RGB ({error})") from error


def resize_square(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return a uint8 square resized to (side, side, 3) with PIL's Lanczos filter, which antialiases when it shrinks."""
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS))


def _with_image(what: str, opener: Callable[[], BinaryIO], use: Callable[[Image.Image], T]) -> T:
    """Open an image and return what `use` returns for it; raise a UserError that begins with `what` if that fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PIL warns about odd metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with opener() as file, Image.open(file, formats=FORMATS) as image:
                return use(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UserError(f"{what} is too large to be a photo: {error}") from error
    except FileNotFoundError as error:
        raise UserError(f"{what} is missing") from error
    except BROKEN as error:
        reason = "not an image" if isinstance(error, UnidentifiedImageError) else error
        raise UserError(f"{what} cannot be decoded ({reason}): replace or remove it") from error


def _to_header(image: Image.Image) -> Header:
    orientation = _orientation(image)
    size = image.size
    # PIL turns TIFF files itself, so their size is already that of the upright image.
    exchanged = orientation in EXCHANGING and image.format != "TIFF"
    return Header(size, size[::-1] if exchanged else size, orientation in TURNS)


def _orientation(image: Image.Image) -> int | None:
    """Return the EXIF orientation of an image; None if it has none or its EXIF data are damaged."""
    try:
        orientation: int | None = image.getexif().get(ExifTags.Base.Orientation)
    except BROKEN:
        return None
    return orientation


def _to_rgb(image: Image.Image, upright: bool) -> Decoded:
    if not upright:
        return Decoded(*_to_rgb_as_stored(image))
    turned = _orientation(image) in TURNS
    image.load()  # which turns a TIFF file and removes its orientation
    orientation = _orientation(image)
    stored = image.transpose(TURNS[orientation]) if orientation in TURNS else image
    return Decoded(*_to_rgb_as_stored(stored), turned)


def _to_rgb_as_stored(image: Image.Image) -> tuple[np.ndarray, str]:
    """Return the pixels of an image as RGB, and the mode in which it was stored."""
    mode = image.mode
    if mode == "RGB":
        return np.asarray(image), mode
    if mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(f"values of mode {mode} outside 0..65535")
        grey = np.round(values / 257).astype(np.uint8)  # 65535 / 257 = 255
        return np.repeat(grey[:, :, None], 3, axis=2), mode
    if mode == "F":
        raise ValueError("floating-point values have no fixed range")
    return np.asarray(image.convert("RGB")), mode
