"""Turns a trained network into graphs that run without advkd: a program of torch.export, and ONNX.

A classifier's graph contains normalisation, network, temperature and softmax. What comes before, from a photo to the
pixels that the network sees, is described beside it (`view.py`). A generator's graph ends in the images.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from advkd.errors import UserError
from advkd.extras import lacking
from advkd.inference.classifier import Classifier
from advkd.inference.generators import Generators
from advkd.models.normalisation import NORMALISATIONS

OPSET = 18  # of ONNX: the oldest that torch's exporter writes without converting
SUFFIXES = {"torch": ".pt2", "onnx": ".onnx"}
EXAMPLES = 2  # images of the example from which a graph is traced: 0 and 1 would be taken for constants


class FromPixels(nn.Module):
    """A classifier with what belongs to it: pixels in, logits and calibrated probabilities out."""

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        mean, std = torch.tensor(NORMALISATIONS[model.transform.views.normalisation])
        self.register_buffer("pixel_mean", 255 * mean[:, None, None])
        self.register_buffer("pixel_std", 255 * std[:, None, None])
        self.network, self.temperature = model.network, model.temperature or 1.0

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Map pixels (B, 3, S, S) in [0, 255] to logits (B, C) and probabilities (B, C)."""
        logits = self.network((pixels - self.pixel_mean) / self.pixel_std)
        return logits, (logits / self.temperature).softmax(1)


@dataclass(frozen=True)
class Graph:
    """A module to export, with an example of its inputs.

    Attributes:
        name: the stem of its files.
        module: maps the inputs, in this order, to the outputs; in evaluation mode, on the CPU.
        inputs: an example, by name. The first axis of each is the batch.
        outputs: the names of the outputs.
    """

    name: str
    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]

    @property
    def dynamic(self) -> tuple[dict[int, Any], ...]:
        """The axes whose length is free: the batch."""
        batch = torch.export.Dim("batch")
        return tuple({0: batch} for _ in self.inputs)


def graphs_of(model: Classifier | Generators) -> list[Graph]:
    """Return the graphs of a model on the CPU in float32: one of a classifier, one for each generator."""
    if isinstance(model, Classifier):
        size = model.transform.views.image_size
        pixels = torch.full((EXAMPLES, 3, size, size), 127.0)
        return [Graph("model", FromPixels(model).eval(), {"pixels": pixels}, ("logits", "probabilities"))]
    graphs = []
    for name, network in model.networks.items():
        inputs = {"noise": model.noise(EXAMPLES)}
        if model.conditional:
            inputs["labels"] = torch.zeros(EXAMPLES, dtype=torch.int64)
        graphs.append(Graph(name, network, inputs, ("images",)))
    return graphs


def write_program(graph: Graph, path: Path) -> None:
    """Write a program of torch.export, which `torch.export.load(path).module()` opens."""
    with _quiet():
        program = torch.export.export(graph.module, tuple(graph.inputs.values()), dynamic_shapes=graph.dynamic)
        torch.export.save(program, path)


def run_program(path: Path, inputs: dict[str, Tensor]) -> list[np.ndarray]:
    """Return the outputs of a program that `write_program` wrote."""
    with _quiet(), torch.inference_mode():
        outputs = torch.export.load(path).module()(*inputs.values())
    return [output.numpy() for output in (outputs if isinstance(outputs, tuple | list) else [outputs])]


def check_onnx() -> None:
    """Raise UserError unless the packages are there that write and run ONNX."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError:
        raise UserError(f"--format onnx {lacking('onnx')}") from None


def write_onnx(graph: Graph, path: Path) -> None:
    """Write an ONNX file by torch's exporter."""
    with _quiet():
        torch.onnx.export(
            graph.module,
            tuple(graph.inputs.values()),
            path,
            dynamo=True,
            external_data=False,
            opset_version=OPSET,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_shapes=graph.dynamic,
            verbose=False,
        )


def run_onnx(path: Path, inputs: dict[str, Tensor]) -> list[np.ndarray]:
    """Return the outputs of an ONNX file, computed by onnxruntime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return list(session.run(None, {name: value.numpy() for name, value in inputs.items()}))


@contextmanager
def _quiet() -> Iterator[None]:
    """Ignore torch's warnings to its own developers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
