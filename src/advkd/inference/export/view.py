"""How a photo becomes the pixels that a classifier sees, for programs that have no advkd: in words, and as Python.

The code needs Pillow and NumPy only. It gives the pixels of `inference.transform` up to rounding in floating point.
"""

from typing import Any

from advkd.inference.transform import Transform
from advkd.models.normalisation import NORMALISATIONS
from advkd.training.views import CENTRE, CENTRED_FROM

HEAD = '''\
{imports}import numpy as np
from PIL import Image, ImageOps


def pixels_of(path):
    """Return what the network sees of a photo, before normalisation: float32 (1, 3, {side}, {side}) in [0, 255]."""
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode.startswith("I"):  # 16-bit greyscale, which `convert` would clip
        image = Image.fromarray(np.round(np.asarray(image) / 257).astype(np.uint8))
'''
SQUARE = '    square = image.convert("RGB").resize(({stored}, {stored}), Image.Resampling.BILINEAR)\n'
CENTRED = """\
    width, height = image.size
    x, y = {reach} * min(width, height) / width, {reach} * min(width, height) / height
    left, top, right, bottom = ({stored} * place for place in (0.5 - x, 0.5 - y, 0.5 + x, 0.5 + y))
    square = square.crop((math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)))
    box = (left % 1, top % 1, left % 1 + right - left, top % 1 + bottom - top)
    bands = [band.convert("F").resize(({side}, {side}), Image.Resampling.BILINEAR, box) for band in square.split()]
    return np.stack([np.asarray(band) for band in bands])[None]
"""
WHOLE = """\
    bands = [band.convert("F").resize(({side}, {side}), Image.Resampling.BILINEAR) for band in square.split()]
    return np.stack([np.asarray(band) for band in bands])[None]
"""
AS_STORED = "    return np.asarray(square, np.float32).transpose(2, 0, 1)[None]\n"


def kind_of(transform: Transform) -> str:
    """Return how the network's view is cut from the stored square: "stored", "centre" or "whole"."""
    if transform.views.crop == "pad":
        return "stored"
    centred = transform.views.crop == "resized" and transform.views.image_size >= CENTRED_FROM
    return "centre" if centred else "whole"


def code(transform: Transform) -> str:
    """Return a Python function `pixels_of` that turns a path into what the network sees."""
    kind = kind_of(transform)
    values = {"stored": transform.stored_size, "side": transform.views.image_size, "reach": CENTRE / 2}
    text = HEAD + SQUARE + {"stored": AS_STORED, "centre": CENTRED, "whole": WHOLE}[kind]
    return text.format(imports="import math\n\n" if kind == "centre" else "", **values)


def description(transform: Transform) -> dict[str, Any]:
    """Return the steps from a photo to the network's input as numbers and sentences, for config.json."""
    stored, side = transform.stored_size, transform.views.image_size
    mean, std = NORMALISATIONS[transform.views.normalisation]
    steps = [
        "decode to RGB, 8 bits, turned as the EXIF orientation says; 16-bit greyscale is divided by 257",
        f"resize to {stored}x{stored} pixels, bilinear with antialiasing, rounded to 8 bits; the aspect ratio is lost",
    ]
    if kind_of(transform) == "centre":
        steps.append(
            f"cut out the centre that is a square in the photo, with a side of {CENTRE:g} of the photo's shorter side,"
            f" and resize it to {side}x{side} pixels, bilinear with antialiasing, in floating point"
        )
    elif kind_of(transform) == "whole":
        steps.append(f"resize to {side}x{side} pixels, bilinear with antialiasing, in floating point")
    steps.append("divide by 255, subtract the mean and divide by the standard deviation of each channel")
    return {"stored_size": stored, "image_size": side, "mean": list(mean), "std": list(std), "steps": steps}
