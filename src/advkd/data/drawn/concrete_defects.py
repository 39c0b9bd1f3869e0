"""Draws a concrete surface and the five defects on it.

A region is a view of the photo, float32 (height, width, 3) in 0..255, which a defect changes in place. Masks are
float32 (height, width) in [0, 1]. The function of a defect returns where the defect is, bool (height, width).
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Rng = np.random.Generator


def _noise(height: int, width: int, cell: float, rng: Rng) -> np.ndarray:
    """Return smooth noise of about unit variance with features of `cell` pixels, float32 (height, width)."""
    rows = max(2, round(height / cell) + 1)
    columns = max(2, round(width / cell) + 1)
    coarse = Image.fromarray(rng.normal(0, 1.3, (rows, columns)).astype(np.float32))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def _blur(mask: np.ndarray, radius: float) -> np.ndarray:
    """Return a mask in [0, 1] blurred by a Gaussian of `radius` pixels."""
    image = Image.fromarray((np.clip(mask, 0, 1) * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius))).astype(np.float32) / 255


def _strokes(height: int, width: int, lines: list[tuple[np.ndarray, float]]) -> np.ndarray:
    """Return polylines of given widths as an antialiased mask in [0, 1], float32 (height, width)."""
    image = Image.new("L", (2 * width, 2 * height))
    pen = ImageDraw.Draw(image)
    for points, thickness in lines:
        pen.line([tuple(point) for point in 2 * points], fill=255, width=max(1, round(2 * thickness)), joint="curve")
    return np.asarray(image.resize((width, height), Image.Resampling.BOX)).astype(np.float32) / 255


def _shift(mask: np.ndarray, pixels: int) -> np.ndarray:
    """Return a mask moved down and to the right by `pixels`, with its edge repeated."""
    return np.pad(mask, ((pixels, 0), (pixels, 0)), "edge")[: mask.shape[0], : mask.shape[1]]


def _paint(region: np.ndarray, colour: np.ndarray, mask: np.ndarray) -> None:
    """Blend a colour into the region, in place."""
    region += mask[..., None] * (colour - region)


def draw_surface(side: int, rng: Rng) -> np.ndarray:
    """Return a surface without defects: grey, blotched, lit from one side, with grain, pores and sometimes a joint."""
    grey = rng.uniform(120, 185)
    tint = np.array([1.0, rng.uniform(0.965, 0.99), rng.uniform(0.88, 0.99)], np.float32)
    tone = grey + 9 * _noise(side, side, side / 3, rng) + 5 * _noise(side, side, side / 12, rng)
    tone += 4 * _noise(side, side, 5, rng) + 5 * rng.normal(0, 1, (side, side)).astype(np.float32)
    slope = np.linspace(-1, 1, side, dtype=np.float32)
    tone += rng.uniform(-14, 14) * slope[:, None] + rng.uniform(-14, 14) * slope[None, :]
    pores = Image.new("L", (side, side))
    pen = ImageDraw.Draw(pores)
    for x, y, radius in zip(*rng.integers(0, side, (2, 30)), rng.uniform(0.4, 1.8, 30), strict=True):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    tone -= 45 * _blur(np.asarray(pores) / 255.0, 0.6)
    if rng.random() < 0.35:
        row = int(rng.integers(side // 8, side - side // 8))
        tone[row : row + 2] -= 22
        tone[row + 2] += 14
    return tone[..., None] * tint


def _walk(start: np.ndarray, end: np.ndarray, steps: int, wobble: float, rng: Rng) -> np.ndarray:
    """Return a path from `start` to `end`, float (steps, 2): a random walk that is fixed at both ends."""
    jitter = rng.normal(0, wobble, (steps, 2)).cumsum(0)
    time = np.linspace(0, 1, steps)[:, None]
    jitter -= jitter[0] + time * (jitter[-1] - jitter[0])
    return start + time * (end - start) + jitter


def _crack(region: np.ndarray, rng: Rng) -> np.ndarray:
    """Draw a dark crack through the centre with a few branches."""
    height, width = region.shape[:2]
    extent = np.array([width, height])
    angle = rng.uniform(0, np.pi)
    reach = 0.46 * extent * np.array([np.cos(angle), np.sin(angle)])
    main = _walk(extent / 2 - reach, extent / 2 + reach, 28, 1.5, rng).clip(1, extent - 2)
    lines = [(main[i : i + 3], rng.uniform(0.9, 2.4)) for i in range(0, 26, 2)]
    for _ in range(int(rng.integers(1, 4))):
        fork = main[int(rng.integers(5, 23))]
        turn = angle + rng.choice([-1, 1]) * rng.uniform(0.5, 1.3)
        tip = fork + rng.uniform(0.2, 0.45) * extent * np.array([np.cos(turn), np.sin(turn)])
        lines.append((_walk(fork, tip, 12, 1.2, rng).clip(1, extent - 2), rng.uniform(0.6, 1.3)))
    mask = _strokes(height, width, lines)
    region += 12 * _blur(_shift(mask, 1), 1.0)[..., None]
    _paint(region, np.array([42, 40, 38], np.float32), 0.9 * _blur(mask, 0.5))
    return mask > 0.3


def _blob(height: int, width: int, rng: Rng) -> np.ndarray:
    """Return an irregular disc that does not touch the region's edge, as a mask in [0, 1]."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    edge = 0.13 * _noise(height, width, width / 4, rng) + 0.05 * _noise(height, width, 6, rng)
    inside = (np.hypot(x, y) + edge < 0.78) & (np.maximum(np.abs(x), np.abs(y)) < 0.93)
    return _blur(inside.astype(np.float32), 0.7)


def _spalled_patch(region: np.ndarray, rng: Rng) -> np.ndarray:
    """Draw a spalled patch: rough, with aggregate, a shadow along one edge and light along the other."""
    height, width = region.shape[:2]
    mask = _blob(height, width, rng)
    rough = region.mean() * rng.uniform(0.68, 0.8)
    inside = rough + 16 * _noise(height, width, 7, rng) + 12 * _noise(height, width, 2.5, rng)
    inside = inside[..., None] * np.array([1.04, 0.99, 0.9], np.float32)
    stones = Image.new("L", (width, height))
    pen = ImageDraw.Draw(stones)
    for _ in range(width * height // 110):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        a, b = rng.uniform(1.5, 4.5, 2)
        pen.ellipse((x - a, y - b, x + a, y + b), fill=int(rng.integers(70, 256)))
    stone = np.asarray(stones).astype(np.float32)
    _paint(inside, stone[..., None] * 0.45 + np.array([74, 68, 60], np.float32), 0.75 * _blur(stone > 0, 0.5))
    _paint(region, inside, mask)
    soft = _blur(mask, 2.5)
    relief = _shift(soft, 3) - soft
    region -= 110 * np.clip(-relief, 0, 1)[..., None] * mask[..., None]
    region += 60 * np.clip(relief, 0, 1)[..., None]
    return mask > 0.5


def _rust(region: np.ndarray, mask: np.ndarray, strength: float, rng: Rng) -> None:
    """Blend uneven rust into the region, in place."""
    height, width = region.shape[:2]
    shade = 1 + 0.18 * _noise(height, width, 6, rng) + 0.1 * _noise(height, width, 2, rng)
    colour = np.array([rng.uniform(108, 140), rng.uniform(62, 78), rng.uniform(34, 46)], np.float32)
    _paint(region, shade[..., None] * colour, strength * mask)


def _exposed_bars(region: np.ndarray, rng: Rng) -> np.ndarray:
    """Draw a spalled patch with one to three rusty bars in it."""
    opened = _spalled_patch(region, rng)
    height, width = opened.shape
    upright = rng.random() < 0.5
    across = np.arange(width if upright else height, dtype=np.float32)
    along = np.arange(height if upright else width, dtype=np.float32)
    count = int(rng.integers(1, 4))
    for place in np.linspace(0, 1, count + 2)[1:-1]:
        radius = rng.uniform(3.2, 5.0)
        centre = place * len(across) + rng.uniform(-3, 3) + rng.uniform(-0.06, 0.06) * (along - len(along) / 2)
        offset = (across[None, :] - centre[:, None]) / radius
        ribs = 1 + 0.16 * np.sin(2 * np.pi * (along[:, None] + 2.5 * offset) / 6)
        light = np.sqrt(np.clip(1 - offset**2, 0, 1)) * ribs * 0.85 + 0.22
        bar = (np.abs(offset) < 1).astype(np.float32)
        dark = 0.55 * (np.abs(offset - 0.6) < 1.3)
        if not upright:
            bar, light, dark = bar.T, light.T, dark.T
        within = _blur(opened.astype(np.float32), 1)
        region *= 1 - (dark * within)[..., None]
        steel = light[..., None] * np.array([116, 72, 50], np.float32)
        colour = steel * (1 + 0.12 * _noise(height, width, 3, rng)[..., None])
        _paint(region, colour, _blur(bar, 0.5) * within)
    _rust(region, _blur(opened.astype(np.float32), 6) * np.clip(0.5 + _noise(height, width, 12, rng), 0, 1), 0.55, rng)
    return opened


def _runs(height: int, width: int, rng: Rng) -> np.ndarray:
    """Return streaks that run down from a ragged upper edge and fade, as a mask in [0, 1]."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    profile = 0.45 + 0.45 * _noise(2, width, 15, rng)[0] + 0.25 * _noise(2, width, 5, rng)[0]
    wavering = x * (width - 1) + 2.0 * _noise(height, width, 18, rng)
    columns = np.interp(wavering, np.arange(width), profile).clip(0, 1.2).astype(np.float32)
    top = 0.1 + 0.05 * _noise(height, width, 12, rng)
    falling = np.clip((y - top) * 12, 0, 1) * np.clip(1.3 - y / (0.2 + 0.8 * columns), 0, 1)
    patches = np.clip(0.8 + 0.35 * _noise(height, width, 9, rng), 0, 1)
    border = np.clip(12 * np.minimum(x, 1 - x), 0, 1) * np.clip(12 * (1 - y), 0, 1)
    return (falling * columns * patches * border).clip(0, 1)


def _corrosion_stain(region: np.ndarray, rng: Rng) -> np.ndarray:
    """Draw streaks of rust."""
    height, width = region.shape[:2]
    mask = _blur(1.3 * _runs(height, width, rng), 1.2)
    _rust(region, mask, 0.85, rng)
    return mask > 0.15


def _efflorescence(region: np.ndarray, rng: Rng) -> np.ndarray:
    """Draw white crusts that seep from a damp crack and run down."""
    height, width = region.shape[:2]
    start, end = np.array([0.08, 0.16]) * [width, height], np.array([0.92, 0.16]) * [width, height]
    seam = _strokes(height, width, [(_walk(start, end, 20, 1.2, rng).clip(1, None), 1.6)])
    runs = _runs(height, width, rng) + 0.7 * _blur(seam, 4)
    region *= 1 - 0.22 * _blur(runs, 5)[..., None]
    grainy = runs * (0.8 + 0.3 * _noise(height, width, 3, rng))
    crust = _blur(np.clip(3 * (grainy - 0.2), 0, 1), 0.6)
    white = 232 + 9 * _noise(height, width, 3, rng) + 8 * rng.normal(0, 1, (height, width)).astype(np.float32)
    _paint(region, white[..., None] * np.array([1, 0.99, 0.96], np.float32), 0.9 * crust)
    _paint(region, np.array([60, 57, 54], np.float32), 0.7 * seam * (1 - 0.6 * crust))
    return (crust > 0.3) | (seam > 0.3)


def _seeping_crack(region: np.ndarray, rng: Rng) -> np.ndarray:
    """Draw efflorescence and a crack."""
    return _efflorescence(region, rng) | _crack(region, rng)


# The function of each kind of defect, and the tags of its box.
DEFECTS: tuple[tuple[Callable[[np.ndarray, Rng], np.ndarray], set[str]], ...] = (
    (_crack, {"Crack"}),
    (_exposed_bars, {"Spallation", "ExposedBars", "CorrosionStain"}),
    (_spalled_patch, {"Spallation"}),
    (_corrosion_stain, {"CorrosionStain"}),
    (_efflorescence, {"Efflorescence"}),
    (_exposed_bars, {"Spallation", "ExposedBars"}),
    (_seeping_crack, {"Crack", "Efflorescence"}),
)
