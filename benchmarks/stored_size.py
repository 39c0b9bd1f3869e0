"""How much of a photo's detail the training views keep when images are stored as squares of one size.

    python benchmarks/stored_size.py FOLDER [SIDE ...]

For every photo in FOLDER that is larger than 400 pixels on both sides, the same random views of 224 pixels are cut from
the photo and from its stored squares (see `advkd.data.classifier_store.resize_to_square`). Printed for each side: the
mean absolute gradient of the views, and their spectral power above half the Nyquist frequency, each as a fraction of
that of the views from the photo itself.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import RandomResizedCrop

from advkd.data.classifier_store import resize_to_square
from advkd.data.readers.photo_folder import IMAGE_SUFFIXES

VIEW, VIEWS, LEAST = 224, 4, 400


def view(image: Image.Image, box: tuple[float, float, float, float]) -> np.ndarray:
    """Return a view of the part `box` (fractions of the image's sides) as grey values, (VIEW, VIEW)."""
    width, height = image.size
    left, top, right, bottom = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    square = image.resize((VIEW, VIEW), Image.Resampling.BILINEAR, box=(left, top, right, bottom))
    return np.asarray(square.convert("L"), np.float64)


def gradient(grey: np.ndarray) -> float:
    """Return the mean absolute difference of neighbouring pixels."""
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())


def high_power(grey: np.ndarray) -> float:
    """Return the spectral power above half the Nyquist frequency, under a Hann window."""
    window = np.hanning(VIEW)
    power = np.abs(np.fft.fft2((grey - grey.mean()) * window[:, None] * window[None, :])) ** 2
    frequency = np.fft.fftfreq(VIEW)
    return float(power[np.hypot(frequency[:, None], frequency[None, :]) > 0.25].sum())


def main(folder: Path, sides: list[int]) -> None:
    """Print the fractions for every side."""
    torch.manual_seed(0)
    totals = np.zeros((len(sides) + 1, 2))
    photos = 0
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        photo = Image.open(path).convert("RGB")
        if min(photo.size) <= LEAST:
            continue
        photos += 1
        versions = [photo, *(Image.fromarray(resize_to_square(np.asarray(photo), side)) for side in sides)]
        for _ in range(VIEWS):
            blank = torch.empty(3, photo.height, photo.width)
            top, left, height, width = RandomResizedCrop.get_params(blank, [0.08, 1.0], [3 / 4, 4 / 3])
            box = (left / photo.width, top / photo.height, (left + width) / photo.width, (top + height) / photo.height)
            for row, version in enumerate(versions):
                grey = view(version, box)
                totals[row] += gradient(grey), high_power(grey)
    print(f"{photos} photos, {VIEWS} views of each")
    for side, (of_gradient, of_power) in zip(sides, totals[1:] / totals[0], strict=True):
        print(f"stored at {side}: {of_gradient:.0%} of the gradient, {of_power:.0%} of the power above half of Nyquist")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(word) for word in sys.argv[2:]] or [256, 384, 512])
