"""Pictures inside the page: the drawn figures, and grids of what generators drew. Nothing is selected."""

import base64
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from advkd.artifacts.figure_records import figure_record
from advkd.damage import attempt
from advkd.errors import UserError
from advkd.report.content.records import Group
from advkd.settings.config import Resolved
from advkd.settings.user import User

SHOWN = 8  # images of each generator of a GAN
MOMENTS, NOISES = 5, 4  # of a training-long record of synthetic images
GAP = 2  # pixels between images
QUALITY = 85  # of WebP: noise, which early generators draw, is costly to keep exactly


class Picture(NamedTuple):
    """A picture as a data URI with its size in pixels; empty, with the reason in `error`, where there is none.

    name: of a figure. group: the run group that drew it. groups: those that a figure shows.
    """

    title: str
    words: str = ""
    uri: str = ""
    width: int = 0
    height: int = 0
    error: str = ""
    command: str = ""
    name: str = ""
    group: str = ""
    groups: tuple[str, ...] = ()


def figure(name: str, groups: dict[str, Group], user: User) -> Picture:
    """Return a figure of figures/SCALE, or how to make it; it is noted in the run groups that it shows."""
    record = figure_record(name, user)
    shown = tuple(group for group in record.groups if group in groups)
    picture = Picture(record.title, command=record.command, name=name, groups=shown)
    for group in shown:
        groups[group].figures.append((name, record.title))
    path, problem = attempt(record.file, ".png")
    if path is None:
        return picture._replace(error=problem)
    image, problem = attempt(png, path, what=str(path))
    if image is None:
        return picture._replace(error=f"{problem}: draw it again")
    uri, width, height = image
    return picture._replace(uri=uri, width=width, height=height)


def png(path: Path) -> tuple[str, int, int]:
    """Return a PNG file as a data URI, and its width and height; raises OSError or SyntaxError where it is damaged."""
    content = path.read_bytes()
    with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
        image.load()
        return f"data:image/png;base64,{base64.b64encode(content).decode()}", *image.size


def samples(groups: dict[str, Group]) -> list[Picture]:
    """Return a grid of what the first seed of each run group drew; of groups whose trainings keep no images nothing."""
    found = []
    for group in groups.values():
        one = next((record.one for record in group.records if drawn(record.one).exists()), None)
        if one is None or not any(record.word.startswith("done") for record in group.records if record.one is one):
            continue
        picture, problem = attempt(grid, one, what=str(drawn(one)))
        found.append((picture or Picture(group.name, error=problem))._replace(group=group.name))
    return found


def drawn(one: Resolved) -> Path:
    """Return the file in which a run keeps what its generators drew."""
    return one.run.folder(one.scale) / "samples.npz"


def grid(one: Resolved) -> Picture:
    """Return the grid of a run: a generator a row, or the same noises at several epochs; raises what np.load raises."""
    with drawn(one).open("rb") as file, np.load(file) as arrays:
        if "images" in arrays.files:
            rows, words = moments(arrays["images"], arrays["epochs"])
        else:
            names = [name for name in arrays.files if name[:1] == "G" and name[1:].isdigit()]
            if not names:
                raise UserError("has no images of a generator, as in a file of another version")
            rows = [arrays[name][:SHOWN] for name in names]
            generators = f"{', '.join(names)}, one row each" if len(names) > 1 else names[0]
            words = f"the first {len(rows[0])} final images of {generators}"
    sheet = tile(rows)
    content = io.BytesIO()
    Image.fromarray(sheet).save(content, "WEBP", quality=QUALITY)
    uri = f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
    return Picture(one.run.group, f"Seed {one.run.seed}: {words}.", uri, sheet.shape[1], sheet.shape[0])


def moments(images: np.ndarray, epochs: np.ndarray) -> tuple[list[np.ndarray], str]:
    """Return rows of images (m, k, S, S, 3), one row a noise over at most MOMENTS of the m moments, and their words."""
    chosen = np.unique(np.linspace(0, len(images) - 1, MOMENTS).round().astype(int))
    taken = images[chosen, :NOISES]
    listed = ", ".join(str(epoch) for epoch in epochs[chosen])
    words = f"{taken.shape[1]} noises, one row each, at epoch{'s' * (len(chosen) > 1)} {listed} from left to right"
    return list(taken.swapaxes(0, 1)), words


def tile(rows: list[np.ndarray]) -> np.ndarray:
    """Return rows of images, uint8 (n, H, W, 3) each, as one image with white gaps."""
    edge = ((GAP, 0), (GAP, 0), (0, 0))
    lines = [np.concatenate([np.pad(image, edge, constant_values=255) for image in row], 1) for row in rows]
    return np.pad(np.concatenate(lines), ((0, GAP), (0, GAP), (0, 0)), constant_values=255)
