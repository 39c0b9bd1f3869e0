"""Writes the exported folder. `inference.exported` says what is in it, and reads it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from safetensors.torch import save_file

from advkd.files import atomic, new_folder, sha256, write_json, write_text
from advkd.inference.classifier import Classifier
from advkd.inference.export import graphs, view
from advkd.inference.export.card import write_card
from advkd.inference.export.checking import compare, examples_of
from advkd.inference.export.licence import licence_of
from advkd.inference.export.timm_config import timm_config
from advkd.inference.exported import CARD, CONFIG, SECTION, Format, section
from advkd.inference.generators import Generators
from advkd.progress import say
from advkd.settings.starts import WEIGHTS
from advkd.training.evaluation import weights_of

FORMATS: tuple[str, ...] = get_args(Format)


def write_export(
    model: Classifier | Generators,
    out: Path,
    formats: Sequence[Format] = ("safetensors",),
    *,
    licence: str | None = None,
    photos: Sequence[Path] = (),
    store: Path | None = None,
) -> None:
    """Write a model as a folder that the Hugging Face Hub takes as it is.

    Args:
        model: what `advkd.load` returned, on the CPU and in float32.
        out: the folder, which does not exist yet, or is empty.
        formats: the weights are always written, as safetensors; "torch" adds a program of torch.export, "onnx" an ONNX
            file. Both are compared with the network, and the difference is printed.
        licence: the licence that the network is given, where its data leave a choice.
        photos: images to compare graphs on; none: the run's evaluation images, if they are here.
        store: the run's prepared data set.

    Raises:
        UserError: `out` holds something, a package that ONNX needs is missing, the data's licence leaves no choice, a
            photo cannot be read, or a graph gives other results than the network. Nothing is left then.
    """
    if "onnx" in formats:
        graphs.check_onnx()
    line = licence_of(model.description, licence)
    with new_folder(out) as draft:
        with atomic(draft / WEIGHTS) as temporary:
            save_file(_weights(model), temporary, metadata={"format": "pt"})
        write_json(draft / CONFIG, _config(model, sha256(draft / WEIGHTS)))
        write_text(draft / CARD, write_card(model, line, out, formats))
        _write_graphs(model, draft, formats, photos, store)
    if not line.known:
        say("the card says `license: unknown`: give the network a licence by --licence, such as --licence cc-by-4.0")
    say(f"{model.description.run} -> {out}")


def _weights(model: Classifier | Generators) -> dict[str, Any]:
    if isinstance(model, Classifier):
        return weights_of(model.network)
    networks = model.networks.items()
    return {f"{name}.{key}": value for name, network in networks for key, value in weights_of(network).items()}


def _config(model: Classifier | Generators, checksum: str) -> dict[str, Any]:
    """Return the content of config.json."""
    content: dict[str, Any] = {SECTION: section(model.description, checksum)}
    if isinstance(model, Classifier):
        numbered = {str(number): name for number, name in enumerate(model.classes)}
        content |= {
            "id2label": numbered,
            "temperature": model.temperature,
            "preprocessing": view.description(model.transform),
        }
        content |= timm_config(model)
    return content


def _write_graphs(
    model: Classifier | Generators, draft: Path, formats: Sequence[Format], photos: Sequence[Path], store: Path | None
) -> None:
    """Write the graphs that are asked for, and say how far each differs from its network."""
    ways = {"torch": (graphs.write_program, graphs.run_program), "onnx": (graphs.write_onnx, graphs.run_onnx)}
    asked = [name for name in ways if name in formats]
    if not asked:
        return
    examples = examples_of(model, photos, store)
    for graph in graphs.graphs_of(model):
        for name in asked:
            write, run = ways[name]
            path = draft / f"{graph.name}{graphs.SUFFIXES[name]}"
            with atomic(path) as temporary:
                write(graph, temporary)
            say(compare(graph, path, run, examples))
