"""The model card: what the network is, how good, on what data, within which limits, and how to load it.

It is a README.md whose head the Hugging Face Hub reads.
"""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from advkd import __version__
from advkd.artifacts.papers import about_paper
from advkd.data import registry
from advkd.inference.classifier import Classifier
from advkd.inference.description import Description
from advkd.inference.export import loading_code
from advkd.inference.export.licence import Licence
from advkd.inference.export.timm_config import architecture
from advkd.inference.generators import Generators
from advkd.settings.config_files import REGISTRY
from advkd.settings.names import Run

WIDTH = 120
FEW = 1000  # evaluation images, below which the card says how uncertain the numbers are
# Of a classifier's metrics: its name, how it is called, its unit, the Hub's name for it.
CLASSIFIER = (
    ("accuracy", "accuracy", " %", "accuracy"),
    ("f1", "macro F1", "", "f1"),
    ("ece", "expected calibration error, 10 bins", " %", "ece"),
    ("ece_ts", "the same with temperature scaling, each half of the images at the other half's temperature", " %", ""),
    ("nll", "negative log-likelihood", " nats", ""),
)
GAN = (("fid", "Fréchet distance (FID)", "", "fid"), ("kid", "kernel distance (KID)", "", "kid"))


def write_card(model: Classifier | Generators, licence: Licence, folder: Path, formats: Sequence[str]) -> str:
    """Return the text of the model card.

    Args:
        model: the network.
        licence: its licence line.
        folder: the folder that is exported, whose name the card's commands use.
        formats: which files there are: "safetensors", "torch", "onnx".
    """
    head = yaml.safe_dump(_metadata(model, licence), sort_keys=False, allow_unicode=True, width=WIDTH)
    return f"---\n{head}---\n\n" + "\n".join(_body(model, licence, folder, formats)) + "\n"


def _metadata(model: Classifier | Generators, licence: Licence) -> dict[str, Any]:
    """Return what the Hub reads of a card."""
    description = model.description
    task = "image-classification" if isinstance(model, Classifier) else "unconditional-image-generation"
    loaded_by = "timm" if isinstance(model, Classifier) and architecture(model) else "advkd"
    found = [
        {"type": kind, "name": called, "value": round(value, 4)} for called, value, _, kind in _measured(model) if kind
    ]
    metadata: dict[str, Any] = {
        **licence.metadata,
        "library_name": loaded_by,
        "pipeline_tag": task,
        "tags": list(dict.fromkeys(["advkd", task, Run.parse(description.run).method, loaded_by])),
    }
    if found:
        dataset = {"type": str(description.settings["dataset"]), "name": _dataset(description)}
        results = [{"task": {"type": task}, "dataset": dataset, "metrics": found}]
        metadata["model-index"] = [{"name": description.run, "results": results}]
    return metadata


def _body(model: Classifier | Generators, licence: Licence, folder: Path, formats: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the card below its metadata."""
    run = Run.parse(model.description.run)
    paper = about_paper(run.paper)
    yield from [f"# {run.method} {run.model} on {_dataset(model.description)}", ""]
    yield from _paragraph(_what(model, paper["short"]))
    yield from ["## Metrics", ""]
    yield from _metrics(model)
    yield from ["## Data and training", ""]
    yield from _data(model.description)
    yield from _paragraph(f"{paper['title']}. {paper['citation']}")
    yield from ["## Limits", ""]
    for limit in _limits(model):
        yield from textwrap.wrap(limit, WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    yield from ["", "## Licence", ""]
    yield from _paragraph(licence.sentences)
    yield from loading_code.sections(model, folder, formats)


def _what(model: Classifier | Generators, paper: str) -> str:
    description = model.description
    if isinstance(model, Generators):
        kind = f"{len(model.networks)} generator(s) of 64x64 images"
        classes = f", of the classes {_listed(model.classes)}" if model.conditional else ""
        return f"{kind}{classes}, trained by advkd {__version__} as run `{description.run}` of the paper {paper}."
    epoch = "last epoch" if description.epoch == "last" else "best epoch"
    side = model.transform.views.image_size
    calibrated = (
        f"Probabilities are those of logits divided by the temperature {description.temperature:.4f}."
        if description.temperature is not None
        else f"Probabilities are not calibrated: {description.uncalibrated}."
    )
    return (
        f"A classifier of {len(model.classes)} classes ({_listed(model.classes)}), which sees {side}x{side} pixels. It"
        f" was trained by advkd {__version__} as run `{description.run}` of the paper {paper}; these are the weights of"
        f" the {epoch}. {calibrated}"
    )


def _measured(model: Classifier | Generators) -> list[tuple[str, float, str, str]]:
    """Return what the run's metrics say of these weights: in words, the value, its unit, the Hub's name for it."""
    metrics, best = model.metrics, model.description.epoch == "best"
    found = []
    if isinstance(model, Classifier):
        for key, called, unit, kind in CLASSIFIER:
            value = metrics.get(f"best.{key}" if best else key)
            if value is not None:
                found.append((called, float(value), unit, kind))
        return found
    for name in model.networks:
        for key, called, unit, kind in GAN:
            if (value := metrics.get(f"{key}.{name}")) is not None:
                found.append((f"{called} of {name}", float(value), unit, kind))
    return found


def _metrics(model: Classifier | Generators) -> Iterator[str]:
    measured = _measured(model)
    if not measured:
        yield from _paragraph("Nobody has measured this run yet.")
        return
    held_out = model.provenance["data"].get("held_out")
    count = f"{held_out:,} " if held_out else ""
    kind = "evaluation images" if isinstance(model, Classifier) else "held-out and training crops"
    yield from [f"| on {count}{kind} of {_dataset(model.description)} | |", "|---|---|"]
    for called, value, unit, _ in measured:
        yield f"| {called} | {value:.4g}{unit}{_interval(model, called)} |"
    yield ""


def _interval(model: Classifier | Generators, called: str) -> str:
    """Return the 95 % interval of the accuracy of the last epoch; "" for other metrics."""
    low, high = model.metrics.get("accuracy_low"), model.metrics.get("accuracy_high")
    if called != "accuracy" or model.description.epoch == "best" or low is None or high is None:
        return ""
    return f" (95 % interval over images {low:.1f} to {high:.1f})"


def _data(description: Description) -> Iterator[str]:
    """Yield what the network was trained on and how."""
    settings, provenance = description.settings, description.provenance
    data = provenance["data"]
    counted = f"{data['images']:,} training and {data['held_out']:,} evaluation images, " if "images" in data else ""
    yield from _paragraph(
        f"{_dataset(description)}: {counted}{len(description.classes)} classes; content `{_content(data)}`."
        f" {_citation(description)}"
    )
    length = f"{settings['epochs']} epochs" if "epochs" in settings else f"{settings['iterations']} iterations"
    commit = f", commit `{provenance['commit'][:12]}`" if provenance.get("commit") else ""
    hardware = provenance.get("gpu") or provenance.get("processor") or "unknown"
    parents = [f"{role} `{parent['run']}`" for role, parent in data.get("parents", {}).items()]
    learned = f", learning from its {' and '.join(parents)}" if parents else ""
    yield from _paragraph(
        f"Trained for {length} with seed {settings['seed']} at scale `{description.scale}`{learned}, on {hardware}, in"
        f" {provenance.get('wall_seconds', 0):,.0f} s{commit}. All settings are in `config.json`; configuration hash"
        f" `{provenance['config_hash']}`."
    )
    if start := data.get("start"):
        yield from _paragraph(
            f"It began with the weights of another trained network, all but the last layer's: `{start['name']}`,"
            f" SHA-256 `{start['sha256'][:16]}`. The licence of those weights may bind this network too."
        )


def _limits(model: Classifier | Generators) -> Iterator[str]:
    description = model.description
    held_out = model.provenance["data"].get("held_out")
    if description.settings["data"] == "made":
        yield "The training images were drawn by a program, to test it: the network is of no use for photos."
    if isinstance(model, Generators):
        yield "Images are 64x64 pixels and show what the training images show; they are no evidence of anything."
        return
    yield (
        "It names one of its classes for every image, also for one that shows none of them; a high probability does not"
        " say that the image is of a known kind."
    )
    yield (
        "Metrics and temperature are of images from the same source as the training images. On other cameras, places or"
        " distances expect worse; measure it there with `advkd test`."
    )
    if held_out and held_out < FEW:
        yield f"It was evaluated on {held_out} images only, so the metrics are uncertain."
    if description.epoch == "best":
        yield "The best epoch was chosen on the evaluation images, so its metrics are too good."
    if description.settings.get("banner") == "cut":
        yield (
            "The training images were used without the banner at their bottom; cut it off before you show the network"
            " an image that has one."
        )


def _dataset(description: Description) -> str:
    """Return what the data set is called."""
    name, origin = str(description.settings["dataset"]), description.settings["data"]
    if origin == "folder":
        return f"{name} (the publisher's own images)"
    title = registry.load(REGISTRY)[name].title
    return f"drawn stand-ins for {title}" if origin == "made" else title


def _citation(description: Description) -> str:
    if description.settings["data"] != "real":
        return ""
    return registry.load(REGISTRY)[str(description.settings["dataset"])].citation


def _content(data: Any) -> str:
    """Return what identifies the images: the digest of their source, or of the prepared arrays."""
    source = data.get("source", {})
    return str(source.get("content") or data["sha256"]["images.npy"])[:16]


def _listed(names: Sequence[str], most: int = 12) -> str:
    """Return some names in a list."""
    more = f", … and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(f"`{name}`" for name in names[:most]) + more


def _paragraph(text: str) -> list[str]:
    return [*textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False), ""]
