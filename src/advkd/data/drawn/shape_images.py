"""Draws small images of eight classes: a plain or striped shape in the colour of its class on a noisy background.

The colours of neighbouring classes overlap, so a network does better if it uses shape and stripes as well.
"""

import colorsys

import numpy as np
from PIL import Image, ImageDraw

Rng = np.random.Generator
_BAR = 0.32  # half the width of a cross's bars
OUTLINES = {  # corners of each shape (x, y), in units of the radius
    "disc": [(np.cos(turn), np.sin(turn)) for turn in np.linspace(0, 2 * np.pi, 24, endpoint=False)],
    "square": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
    "triangle": [(0, -1), (0.95, 0.75), (-0.95, 0.75)],
    "cross": [
        (-_BAR, -1), (_BAR, -1), (_BAR, -_BAR), (1, -_BAR), (1, _BAR), (_BAR, _BAR),
        (_BAR, 1), (-_BAR, 1), (-_BAR, _BAR), (-1, _BAR), (-1, -_BAR), (-_BAR, -_BAR),
    ],
}  # fmt: skip
CLASSES = tuple(f"{texture}_{shape}" for texture in ("plain", "striped") for shape in OUTLINES)


def draw_shape_image(label: int, width: int, height: int, rng: Rng) -> np.ndarray:
    """Return an image of the class `CLASSES[label]`, uint8 (height, width, 3)."""
    texture, shape = CLASSES[label].split("_")
    canvas = _background(width, height, rng)
    radius = min(width, height) * rng.uniform(0.24, 0.42)
    centre = np.array([rng.uniform(radius, extent - radius) for extent in (width, height)])
    colour, stripe = _colour(label, rng), _colour(label, rng)
    fill = np.broadcast_to(colour, canvas.shape)
    if texture == "striped":
        y, x = np.mgrid[:height, :width]
        turn, period = rng.uniform(0, np.pi), radius * rng.uniform(0.35, 0.55)
        wave = np.sin(2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / period + rng.uniform(0, 2 * np.pi))
        fill = np.where(wave[:, :, None] > 0, colour, 0.35 * stripe)
    mask = _mask(shape, width, height, centre, radius, rng.uniform(-0.3, 0.3))
    canvas += mask[:, :, None] * (fill - canvas)
    canvas += rng.normal(0, 7, canvas.shape)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def _background(width: int, height: int, rng: Rng) -> np.ndarray:
    """Return blotches of muted colours, float32 (height, width, 3)."""
    blotches = Image.fromarray(rng.integers(40, 190, (5, 5, 3), dtype=np.uint8))
    background = np.asarray(blotches.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    grey = background.mean(2, keepdims=True)
    return grey + 0.4 * (background - grey)


def _colour(label: int, rng: Rng) -> np.ndarray:
    """Return a random saturated colour near the hue of the class, (3,) in 0..255."""
    hue = (label / len(CLASSES) + rng.normal(0, 0.05)) % 1
    rgb = colorsys.hsv_to_rgb(hue, rng.uniform(0.6, 0.95), rng.uniform(0.7, 1))
    return 255 * np.array(rgb, np.float32)


def _mask(shape: str, width: int, height: int, centre: np.ndarray, radius: float, turn: float) -> np.ndarray:
    """Return an antialiased mask of the shape, turned by `turn` radians: float32 (height, width) in [0, 1]."""
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners = centre + radius * np.array(OUTLINES[shape]) @ rotation
    image = Image.new("L", (2 * width, 2 * height))
    ImageDraw.Draw(image).polygon([tuple(2 * corner) for corner in corners], fill=255)
    return np.asarray(image.resize((width, height), Image.Resampling.BOX), np.float32) / 255
