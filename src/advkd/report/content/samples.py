"""Grids of the images that the generators of finished runs drew. Nothing is selected: the first images are shown."""

import base64
import io
from typing import NamedTuple

import numpy as np
from PIL import Image

from advkd.damage import attempt
from advkd.errors import UserError
from advkd.report.content.runs import RunGroup
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import SAMPLES
from advkd.runs.lookup import folder_of
from advkd.settings.config import Resolved

IMAGES = 8  # of each generator of a GAN
MOMENTS, NOISES = 5, 4  # of the images that a training keeps over time
GAP = 2  # pixels between images
WEBP_QUALITY = 85  # early generators draw noise, which is costly to keep exactly


class SampleGrid(NamedTuple):
    """The images of one run in one picture.

    Attributes:
        group: the name of the run group.
        caption: what the picture shows.
        uri: the picture as a data URI; empty if there is none.
        width, height: its size in pixels.
        error: why there is no picture; otherwise empty.
    """

    group: str
    caption: str = ""
    uri: str = ""
    width: int = 0
    height: int = 0
    error: str = ""


def gather_samples(groups: dict[str, RunGroup]) -> list[SampleGrid]:
    """Return a grid for each run group whose trainings keep images, of its first seed that has any."""
    grids = []
    for group in groups.values():
        with_images = [record for record in group.records if folder_of(record.resolved).has(SAMPLES)]
        if with_images and with_images[0].done:
            resolved = with_images[0].resolved
            grid, problem = attempt(draw_grid, resolved, what=str(folder_of(resolved).file(SAMPLES)))
            grids.append(grid or SampleGrid(group.name, error=problem))
    return grids


def why_no_samples(groups: dict[str, RunGroup]) -> str:
    """Return why there is no grid, in a sentence."""
    finished = [record for group in groups.values() for record in group.records if record.done]
    for record in finished:
        result, _ = attempt(folder_of(record.resolved).result)
        if result and SAMPLES in result["sha256"]:
            return "The runs with a generator that are here were kept without their images. Figures may show some."
    return "No run with a generator is finished at this scale."


def draw_grid(resolved: Resolved) -> SampleGrid:
    """Return the grid of a run: one row for each generator, or the same noises at several epochs.

    Raises:
        UserError: the file cannot be read, or holds no images of a generator.
    """
    folder = folder_of(resolved)
    if "images" in folder.sample_names():
        rows, words = select_moments(*folder.samples("images", "epochs"))
    else:
        rows, words = select_first(folder)
    sheet = tile(rows)
    content = io.BytesIO()
    Image.fromarray(sheet).save(content, "WEBP", quality=WEBP_QUALITY)
    uri = f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
    return SampleGrid(resolved.run.group, f"Seed {resolved.run.seed}: {words}.", uri, sheet.shape[1], sheet.shape[0])


def generator_names(folder: RunFolder) -> list[str]:
    """Return the names of a GAN's generators, G1, G2, …, in its samples.npz."""
    return [name for name in folder.sample_names() if name.startswith("G") and name[1:].isdigit()]


def select_first(folder: RunFolder) -> tuple[list[np.ndarray], str]:
    """Return the first final images of each generator of a GAN, one row each, and what they are in words."""
    names = generator_names(folder)
    if not names:
        raise UserError("has no images of a generator, as in a file of another version")
    rows = [images[:IMAGES] for images in folder.samples(*names)]
    generators = f"{', '.join(names)}, one row each" if len(names) > 1 else names[0]
    return rows, f"the first {len(rows[0])} final images of {generators}"


def select_moments(images: np.ndarray, epochs: np.ndarray) -> tuple[list[np.ndarray], str]:
    """Return images over a training, one row for each noise, and what they are in words.

    Args:
        images: uint8 (m, k, S, S, 3), of k noises at m moments; at most MOMENTS moments and NOISES noises are taken.
        epochs: (m,), the epoch of each moment.
    """
    moments = np.unique(np.linspace(0, len(images) - 1, MOMENTS).round().astype(int))
    selected = images[moments, :NOISES]
    listed = ", ".join(str(epoch) for epoch in epochs[moments])
    unit = "epochs" if len(moments) > 1 else "epoch"
    words = f"{selected.shape[1]} noises, one row each, at {unit} {listed} from left to right"
    return list(selected.swapaxes(0, 1)), words


def tile(rows: list[np.ndarray]) -> np.ndarray:
    """Return rows of images, each uint8 (n, H, W, 3), as one image with white gaps."""
    top_left = ((GAP, 0), (GAP, 0), (0, 0))
    lines = []
    for row in rows:
        padded = [np.pad(image, top_left, constant_values=255) for image in row]
        lines.append(np.concatenate(padded, axis=1))
    return np.pad(np.concatenate(lines), ((0, GAP), (0, GAP), (0, 0)), constant_values=255)
