"""Turns an image into what a classifier was evaluated on: the training's own evaluation view, for any image.

    decode    RGB, 8 bits, turned as its EXIF orientation says
    store     resized to the square of the prepared data set, bilinearly and in 8 bits, as the data set was
    crop      where the training sees random crops of 64 pixels or more, the centre: 7/8 of the shorter side, as a
              square of the original image; otherwise the whole image
    view      resized bilinearly to the network's side, in floating point
    normalise (pixels / 255 - mean) / standard deviation

What is stored and seen at one size, as CIFAR's images, is not resized.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from advkd.data.classifier_store import resize_to_square
from advkd.data.images import decode_photo, to_rgb
from advkd.errors import UserError
from advkd.models.normalisation import normalise
from advkd.settings.classifier import ClassifierRun
from advkd.settings.classifier import Views as ViewSettings
from advkd.training.views import evaluated

Picture: TypeAlias = str | os.PathLike[str] | Image.Image | np.ndarray


@dataclass(frozen=True)
class Transform:
    """The evaluation view of a classifier's run. Calling it turns one image into the network's input.

    Attributes:
        stored_size: side in pixels of the square to which the data set's images were resized.
        views: size, crop and normalisation of what the network sees.
    """

    stored_size: int
    views: ViewSettings

    @classmethod
    def of(cls, settings: ClassifierRun) -> "Transform":
        """Return the evaluation view of a run with these settings."""
        return cls(settings.data.stored_size, settings.views)

    def __call__(self, image: Picture) -> Tensor:
        """Return the network's input for an image, float32 (3, S, S).

        Args:
            image: a path, an opened PIL image, or an array: uint8 (H, W, 3), or (H, W) for greyscale.

        Raises:
            UserError: the file is missing or no image, or the image cannot be converted to 8-bit RGB.
        """
        return normalise(self.pixels(image)[None] / 255, self.views.normalisation)[0]

    def pixels(self, image: Picture) -> Tensor:
        """Return the same before normalisation: float32 (3, S, S) in [0, 255]. Arguments and errors as of a call."""
        rgb = _rgb(image)
        stored = torch.from_numpy(np.array(resize_to_square(rgb, self.stored_size)))[None]
        sizes = np.array([[rgb.shape[1], rgb.shape[0]]])
        return evaluated(stored, sizes, self.views)[0].permute(2, 0, 1)


def each(images: Picture | Iterable[Picture]) -> Iterable[Picture]:
    """Return the single images of one image, of an iterable of images, or of an array (N, H, W, 3)."""
    if isinstance(images, str | os.PathLike | Image.Image):
        return [images]
    if isinstance(images, np.ndarray) and images.ndim < 4:
        return [images]
    return images


def _rgb(image: Picture) -> np.ndarray:
    """Return an image's pixels, uint8 (height, width, 3)."""
    if isinstance(image, str | os.PathLike):
        return decode_photo(Path(image)).pixels
    if isinstance(image, Image.Image):
        return to_rgb(image)
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
            raise UserError(f"an image is an array of type {image.dtype} and shape {image.shape}, not uint8 (H, W, 3)")
        if 0 in image.shape:
            raise UserError(f"an image is an array of shape {image.shape}, which has no pixel")
        return image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)
    raise UserError(f"an image is of type {type(image).__name__}: give a path, a PIL image or an array")
