"""How to load an exported folder, as the model card shows it: with advkd, and without.

Every piece of code on the card can be run in the exported folder; tests do so.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from advkd.inference.classifier import Classifier
from advkd.inference.export import view
from advkd.inference.export.timm_config import architecture
from advkd.inference.generators import Generators

WITH_ADVKD = """\
import advkd

model = advkd.load({place})
labels, probabilities = model.predict(["photo.jpg"])
"""
GENERATE = """\
import advkd

model = advkd.load({place})
images = model.generate(16, seed=0)  # uint8 (16, 64, 64, 3)
"""
TORCHVISION = """\
import json

import torch
import torchvision
from safetensors.torch import load_file

with open("config.json") as file:
    config = json.load(file)
network = torchvision.models.{name}(num_classes={classes}).eval()
network.load_state_dict(load_file("model.safetensors"))
mean, std = (torch.tensor(config["preprocessing"][key])[:, None, None] for key in ("mean", "std"))
with torch.no_grad():
    logits = network((torch.from_numpy(pixels_of("photo.jpg")) / 255 - mean) / std)
probabilities = (logits / (config["temperature"] or 1)).softmax(1)[0]  # null: none could be fitted
print(config["id2label"][str(int(probabilities.argmax()))], float(probabilities.max()))
"""
TIMM = """\
import timm

network = timm.create_model("local-dir:.", pretrained=True).eval()  # "hf-hub:YOU/NAME" after an upload
"""
PROGRAM = """\
import torch

program = torch.export.load("model.pt2").module()
with torch.no_grad():
    logits, probabilities = program(torch.from_numpy(pixels_of("photo.jpg")))
"""
ONNX = """\
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
logits, probabilities = session.run(None, {"pixels": pixels_of("photo.jpg")})
"""
GENERATOR_PROGRAM = """\
import torch

program = torch.export.load("G1.pt2").module()
with torch.no_grad():
    images = program({inputs})  # float32 (16, 3, 64, 64) in [-1, 1]
"""
GENERATOR_ONNX = """\
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("G1.onnx")
noise = np.random.default_rng(0).standard_normal((16, {z})).astype(np.float32)
(images,) = session.run(None, {{{inputs}}})  # float32 (16, 3, 64, 64) in [-1, 1]
"""


def sections(model: Classifier | Generators, folder: Path, formats: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the card's sections on loading; arguments as of `card.write_card`."""
    yield from ["## Load it with advkd", ""]
    template = WITH_ADVKD if isinstance(model, Classifier) else GENERATE
    yield from _block(template.format(place=repr(folder.resolve().name)))
    if isinstance(model, Classifier):
        yield from _of_classifier(model, formats)
    else:
        yield from _of_generators(model, formats)


def _of_classifier(model: Classifier, formats: Sequence[str]) -> Iterator[str]:
    yield from ["## Load it without advkd", ""]
    yield from ["What the network sees of a photo, exactly as in its evaluation:", ""]
    yield from _block(view.code(model.transform))
    name = architecture(model)
    if name:
        yield from ["torchvision:", ""]
        yield from _block(TORCHVISION.format(name=name, classes=len(model.classes)))
        yield from ["timm (its own transform is close to the one above, but resizes once and not twice):", ""]
        yield from _block(TIMM)
    if "torch" in formats:
        yield from ["torch alone:", ""]
        yield from _block(PROGRAM)
    if "onnx" in formats:
        yield from ["onnxruntime:", ""]
        yield from _block(ONNX)
    if not name and not {"torch", "onnx"} & set(formats):
        network = model.description.classifier.network
        place = network.implementation.partition(":")[0].replace(".", "/")
        yield f"Other libraries have no such network: it is in `src/{place}.py` of advkd. `advkd export` with"
        yield from [
            "`--format torch` or `--format onnx` also writes it as a graph, which needs no code of a network.",
            "",
        ]


def _of_generators(model: Generators, formats: Sequence[str]) -> Iterator[str]:
    if not {"torch", "onnx"} & set(formats):
        return
    yield from ["## Load it without advkd", ""]
    classes = len(model.classes)
    if "torch" in formats:
        inputs = f"torch.randn(16, {model.z})" + (f", torch.arange(16) % {classes}" if model.conditional else "")
        yield from _block(GENERATOR_PROGRAM.format(inputs=inputs))
    if "onnx" in formats:
        inputs = '"noise": noise' + (f', "labels": np.arange(16) % {classes}' if model.conditional else "")
        yield from _block(GENERATOR_ONNX.format(z=model.z, inputs=inputs))


def _block(code: str) -> list[str]:
    return ["```python", *code.rstrip("\n").split("\n"), "```", ""]
