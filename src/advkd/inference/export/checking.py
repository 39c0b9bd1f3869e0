"""Compares an exported graph with the network that it was made from, on real images where there are some."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from advkd.damage import attempt
from advkd.data.store import Store
from advkd.errors import UserError
from advkd.inference.classifier import Classifier
from advkd.inference.export.graphs import Graph
from advkd.inference.generators import Generators
from advkd.training.views import evaluated

MOST = 64  # images that are compared
# Of a probability, or of a pixel in [-1, 1]. Rounding stays below 1e-5, but may flip a sign in a binary network.
TOLERANCE = 1e-2


class Examples(NamedTuple):
    """What graphs are compared on.

    Attributes:
        inputs: of the graphs, by name.
        what: what they are, in words.
    """

    inputs: dict[str, Tensor]
    what: str


def examples_of(model: Classifier | Generators, photos: Sequence[Path], store: Path | None) -> Examples:
    """Return what a model's graphs are compared on.

    Args:
        model: a classifier is compared on photos, generators on noise.
        photos: images to take; none: the evaluation images.
        store: the prepared data set of the run, if it is on this machine.

    Raises:
        UserError: a photo cannot be read.
    """
    if isinstance(model, Generators):
        noise = model.noise(MOST // 8)
        classes = {"labels": torch.arange(len(noise)) % len(model.classes)} if model.conditional else {}
        return Examples({"noise": noise, **classes}, f"{len(noise)} noise vectors")
    if photos:
        chosen = photos[:MOST]
        return Examples({"pixels": torch.stack([model.transform.pixels(photo) for photo in chosen])}, _named(chosen))
    opened, _ = attempt(Store.open, store) if store else (None, "")
    if opened and opened.meta["sha256"] == model.provenance["data"]["sha256"]:
        images = torch.from_numpy(np.array(opened.held_out[:MOST]))
        sizes = None if opened.held_out_sizes is None else np.array(opened.held_out_sizes[:MOST])
        pixels = evaluated(images, sizes, model.transform.views).permute(0, 3, 1, 2).contiguous()
        return Examples({"pixels": pixels}, f"{len(pixels)} of the run's evaluation images")
    side = model.transform.views.image_size
    generator = torch.Generator().manual_seed(0)
    pixels = 255 * torch.rand(8, 3, side, side, generator=generator)
    return Examples(
        {"pixels": pixels}, "8 images of noise, as the evaluation images are not here: name some by --check"
    )


def _named(photos: Sequence[Path]) -> str:
    return f"{photos[0]}" if len(photos) == 1 else f"{len(photos)} photos"


def compare(
    graph: Graph, path: Path, run: Callable[[Path, dict[str, Tensor]], list[np.ndarray]], examples: Examples
) -> str:
    """Return in one line how far an exported graph's last output differs from that of the module that it was made from.

    Args:
        graph: has the module.
        path: the exported file.
        run: runs it.
        examples: what both compute.

    Raises:
        UserError: they differ by more than rounding, or the file gives no such output.
    """
    with torch.inference_mode():
        outputs = graph.module(*examples.inputs.values())
    expected = (outputs[-1] if isinstance(outputs, tuple) else outputs).numpy()
    found = run(path, examples.inputs)[-1]
    difference = float(np.abs(found - expected).max()) if found.shape == expected.shape else np.inf
    if not difference <= TOLERANCE:
        raise UserError(f"{path.name} gives other {graph.outputs[-1]} than the network, by up to {difference:.2g}")
    return f"{path.name}: {graph.outputs[-1]} differ by up to {difference:.1e} on {examples.what}"
