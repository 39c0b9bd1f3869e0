"""An exported folder: the names of its files, and reading a trained network from them.

    model.safetensors    the weights; of a GAN those of its generators
    config.json          the network, the classes, the view and the temperature, for advkd, for timm and for readers
    README.md            the model card, with the metadata that the Hugging Face Hub reads
    model.pt2, model.onnx, G1.pt2, G1.onnx, …    the same network as a graph, where one was asked for

`advkd.inference.export` writes it.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError
from safetensors.torch import load_file

from advkd import __version__
from advkd.damage import readable
from advkd.errors import UserError
from advkd.files import read_json, sha256
from advkd.inference.description import Description, Epoch, Saved
from advkd.settings.starts import WEIGHTS

CONFIG, CARD = "config.json", "README.md"
SECTION = "advkd"  # of config.json: what `read_export` reads
SCHEMA = 1
Format = Literal["safetensors", "torch", "onnx"]
AGAIN = "export the run again, or download the folder again"


def section(description: Description, checksum: str) -> dict[str, Any]:
    """Return what config.json holds for `read_export`.

    Args:
        description: what is known of the network.
        checksum: the SHA-256 of the file of weights.
    """
    return {"schema": SCHEMA, "version": __version__, "sha256": checksum, **asdict(description)}


def is_export(path: Path) -> bool:
    """Tell whether a folder looks like an exported one."""
    return (path / CONFIG).is_file()


def read_export(path: Path, epoch: Epoch | None) -> Saved:
    """Return the network that an exported folder holds.

    Args:
        path: the folder.
        epoch: whose weights the caller wants; None: whichever were exported.

    Raises:
        UserError: advkd did not export the folder, a file is missing or damaged, or the weights are of another epoch.
    """
    content = _content(path)
    description = _description(path, content)
    if epoch is not None and epoch != description.epoch:
        raise UserError(f"{path} holds the weights of the {description.epoch} epoch, not of the {epoch}: {AGAIN}")
    weights = path / WEIGHTS
    with readable(str(weights), AGAIN):
        if sha256(weights) != content["sha256"]:  # which refuses what is no file
            raise UserError(f"{weights} is not what was exported (its checksum differs)")
        try:
            return Saved(description, load_file(weights), str(weights))
        except SafetensorError as error:
            raise ValueError(str(error)) from error


def _content(path: Path) -> Mapping[str, Any]:
    """Return advkd's section of config.json."""
    with readable(str(path / CONFIG), AGAIN):
        config = read_json(path / CONFIG)
    content = config.get(SECTION) if isinstance(config, dict) else None
    if not isinstance(content, dict):
        raise UserError(f"{path} was not exported by advkd: its {CONFIG} has no section {SECTION!r}")
    if content.get("schema") != SCHEMA:
        raise UserError(f"{path} was exported by version {content.get('version')} of advkd, which this one cannot read")
    return content


def _description(path: Path, content: Mapping[str, Any]) -> Description:
    with readable(str(path / CONFIG), AGAIN):
        values = {field.name: content[field.name] for field in fields(Description)}
        return Description(**{**values, "classes": tuple(content["classes"])})
