"""An exported folder gives the probabilities of its run: to advkd, and to programs without it."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from tiny_runs import document, make_store
from trained_photos import write_16_bits

import advkd
from advkd.errors import UserError
from advkd.files import sha256, write_json
from advkd.inference.export import view
from advkd.inference.export.graphs import run_onnx, run_program
from advkd.inference.export.licence import licence_of
from advkd.inference.export.writing import write_export
from advkd.runs.folder import RunFolder
from advkd.runs.predictions import classifier_metrics
from advkd.runs.train import train

HAS_ONNX = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime", "onnxscript"))
needs_onnx = pytest.mark.skipif(not HAS_ONNX, reason="the extra [onnx] is not installed")
CARDS_CODE = """
import json, re, sys
sys.modules["advkd"] = None  # the card says that this code needs none
scope = {}
card = open("README.md").read().split("## Load it without advkd")[1]
for block in re.findall(r"```python\\n(.*?)```", card, re.S):
    if "timm" not in block:
        exec(block, scope)
print(json.dumps({name: scope[name].tolist() for name in ("logits", "probabilities")}))
"""


@pytest.fixture(scope="module")
def exported(centred, whole, tmp_path_factory):
    """Exported folders with every format that this machine can write, by the run's view."""
    formats = ("safetensors", "torch", "onnx") if HAS_ONNX else ("safetensors", "torch")
    folders = {}
    for name, (run, photos) in {"centred": centred, "whole": whole}.items():
        copied = shutil.copytree(run, tmp_path_factory.mktemp("runs") / name)
        classifier_metrics(RunFolder(copied))
        folders[name] = tmp_path_factory.mktemp("exports") / f"a model, {name}"
        write_export(advkd.load(copied), folders[name], formats, photos=photos)
    return folders


@pytest.mark.parametrize("which", ["centred", "whole"])
def test_advkd_opens_it_again(which, exported, request):
    run, photos = request.getfixturevalue(which)
    model, again = advkd.load(run), advkd.load(exported[which])
    assert torch.equal(again.logits(photos), model.logits(photos))
    assert again.classes == model.classes and again.temperature == model.temperature
    assert again.provenance == model.provenance
    assert again.metrics["accuracy"] == pytest.approx(
        100
        * np.mean(
            [label == photo.parent.name for label, photo in zip(model.predict(photos).labels, photos, strict=True)]
        )
    )


@pytest.mark.parametrize("which", ["centred", "whole"])
def test_the_cards_code_gives_the_same_without_advkd(which, exported, request):
    run, photos = request.getfixturevalue(which)
    expected = advkd.load(run)
    shutil.copyfile(photos[0], exported[which] / "photo.jpg")
    done = subprocess.run([sys.executable, "-c", CARDS_CODE], cwd=exported[which], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(found["logits"], expected.logits(photos[0]), rtol=0, atol=1e-3)
    np.testing.assert_allclose(found["probabilities"], expected.predict(photos[0]).probabilities, rtol=0, atol=1e-4)


@pytest.mark.parametrize("which", ["centred", "whole"])
def test_the_cards_view_scales_16_bits_of_grey(which, tmp_path, request):
    transform = advkd.load(request.getfixturevalue(which)[0]).transform
    write_16_bits(tmp_path / "grey.png")
    scope = {}
    exec(view.code(transform), scope)
    found = scope["pixels_of"](tmp_path / "grey.png")
    np.testing.assert_allclose(found[0], transform.pixels(tmp_path / "grey.png"), rtol=0, atol=2e-3)


def test_the_cards_code_runs_without_a_temperature_and_with_quotes_in_the_folders_name(photos, tmp_path, monkeypatch):
    from advkd.inference.classifier import Classifier
    from advkd.inference.description import Description, Saved
    from advkd.models.resnet import resnet18

    described = _described("aikd/cub200/resnet18/baseline/seed0", _resolved("aikd/cub200/resnet18/baseline/seed0"))
    described["settings"] = {**described["settings"], "width": 64}
    torch.manual_seed(0)
    saved = Saved(Description(**described), resnet18(3).state_dict(), "drawn")
    folder = tmp_path / """the "best" one's"""
    write_export(Classifier(saved, torch.device("cpu"), torch.float32), folder)
    photo = next(photos.glob("*/*.jpg")).resolve()
    shutil.copyfile(photo, tmp_path / "photo.jpg")
    shutil.copyfile(photo, folder / "photo.jpg")
    with_advkd, *without = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    known, scope = {}, {}
    exec(with_advkd, known)
    monkeypatch.chdir(folder)
    for block in without:
        if "timm" not in block:
            exec(block, scope)
    np.testing.assert_allclose(scope["probabilities"], known["probabilities"][0], rtol=0, atol=1e-4)


def test_the_weights_are_torchvisions_where_it_has_the_network(tmp_path):
    """At width 64 the card shows torchvision's and timm's code, and config.json has timm's keys."""
    import torchvision

    from advkd.inference.classifier import Classifier
    from advkd.inference.description import Description, Saved
    from advkd.models.resnet import resnet18

    views = {"width": 64, "image_size": 224, "stored_size": 512}
    settings = {**_resolved("aikd/cub200/resnet18/baseline/seed0"), **views}
    described = _described("aikd/cub200/resnet18/baseline/seed0", settings, temperature=2.0)
    torch.manual_seed(0)
    saved = Saved(Description(**described), resnet18(3).state_dict(), "drawn")
    write_export(Classifier(saved, torch.device("cpu"), torch.float32), tmp_path / "out")
    network = torchvision.models.resnet18(num_classes=3)
    network.load_state_dict(load_file(tmp_path / "out/model.safetensors"))
    images = torch.randn(2, 3, 224, 224)
    torch.testing.assert_close(network.eval()(images), advkd.load(tmp_path / "out").network(images))
    config = json.loads((tmp_path / "out/config.json").read_text())
    assert config["architecture"] == "resnet18" and config["pretrained_cfg"]["input_size"] == [3, 224, 224]
    assert config["id2label"] == {"0": "a", "1": "b", "2": "c"}
    card = (tmp_path / "out/README.md").read_text()
    assert "torchvision.models.resnet18(num_classes=3)" in card and "timm.create_model" in card


def test_timm_makes_the_network(tmp_path):
    timm = pytest.importorskip("timm")
    from advkd.inference.classifier import Classifier
    from advkd.inference.description import Description, Saved
    from advkd.models.densenet import densenet121

    settings = {**_resolved("aikd/cub200/densenet121/baseline/seed0"), "width": 64}
    described = _described("aikd/cub200/densenet121/baseline/seed0", settings)
    saved = Saved(Description(**described), densenet121(3).state_dict(), "drawn")
    write_export(Classifier(saved, torch.device("cpu"), torch.float32), tmp_path / "out")
    network = timm.create_model(f"local-dir:{tmp_path / 'out'}", pretrained=True).eval()
    images = torch.randn(2, 3, 224, 224)
    torch.testing.assert_close(network(images), advkd.load(tmp_path / "out").network(images))


def test_the_hub_can_read_the_head_of_the_card(exported):
    _, head, body = (exported["centred"] / "README.md").read_text().split("---\n", 2)
    metadata = yaml.safe_load(head)
    assert metadata["license"] == "unknown" and metadata["pipeline_tag"] == "image-classification"
    (result,) = metadata["model-index"][0]["results"]
    measured = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert measured["accuracy"] == pytest.approx(advkd.load(exported["centred"]).metrics["accuracy"], abs=1e-3)
    for section in ("## Metrics", "## Data and training", "## Limits", "## Licence", "## Load it without advkd"):
        assert section in body
    assert "advkd knows no licence of them" in body and "`=crack, thin`, `spalling`" in body


def test_no_path_of_this_machine_is_published(exported, tmp_path):
    for file in ("README.md", "config.json"):
        text = (exported["centred"] / file).read_text()
        assert "/tmp" not in text and str(Path.home()) not in text and "/src/" not in text.replace("`src/", "")


LICENCES = [
    ("real", "cub200", None, {"license": "unknown"}, "states no licence"),
    ("real", "cub200", "cc-by-4.0", {"license": "cc-by-4.0"}, "published under `cc-by-4.0`"),
    ("real", "fgvc_aircraft", None, {"license": "other", "license_name": "non-commercial-research-only"}, "same terms"),
    ("real", "codebrim", None, {"license": "other"}, "non-commercial research and education only, no redistribution"),
    ("folder", "mine", None, {"license": "unknown"}, "knows no licence"),
    ("folder", "mine", "mit", {"license": "mit"}, "published under `mit`"),
    ("made", "cub200", None, {"license": "mit"}, "drawn by advkd"),
]


@pytest.mark.parametrize(("data", "dataset", "chosen", "metadata", "words"), LICENCES)
def test_the_licence_follows_from_the_data(data, dataset, chosen, metadata, words):
    line = licence_of(_description(data=data, dataset=dataset), chosen)
    assert line.metadata.items() >= metadata.items() and words in line.sentences
    assert line.known == (metadata["license"] != "unknown")


def test_a_licence_that_the_data_forbid_is_refused():
    with pytest.raises(UserError, match="leaves no choice"):
        licence_of(_description(data="real", dataset="fgvc_aircraft"), "mit")
    with pytest.raises(UserError, match="name one as the Hub does"):
        licence_of(_description(data="folder", dataset="mine"), "My Own Licence!")


def test_nothing_is_written_where_something_is_wrong(centred, tmp_path, monkeypatch):
    run, photos = centred
    model = advkd.load(run)
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "file").write_text("mine")
    with pytest.raises(UserError, match="exists and is not an empty folder"):
        write_export(model, taken)
    with pytest.raises(UserError, match=r"none\.jpg is missing"):
        write_export(model, tmp_path / "out", ("torch",), photos=[tmp_path / "none.jpg"])
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "onnxruntime", None)
        patched.setitem(sys.modules, "onnx", None)
        with pytest.raises(UserError, match=r"--format onnx needs the extra onnx: install advkd\[onnx\]"):
            write_export(model, tmp_path / "out", ("onnx",))
    monkeypatch.setattr(
        "advkd.inference.export.graphs.run_program", lambda *_: [np.zeros((len(photos), 2), np.float32)]
    )
    with pytest.raises(UserError, match=r"model.pt2 gives other probabilities than the network, by up to \d"):
        write_export(model, tmp_path / "out", ("torch",), photos=photos)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_damaged_export_is_one_line(exported, tmp_path):
    def refused(match, change):
        folder = shutil.copytree(exported["whole"], tmp_path / "export", dirs_exist_ok=True)
        change(folder)
        with pytest.raises(UserError, match=match) as error:
            advkd.load(folder)
        assert "\n" not in str(error.value)

    def edit(key, value):
        def change(folder):
            config = json.loads((folder / "config.json").read_text())
            config["advkd"][key] = value
            write_json(folder / "config.json", config)

        return change

    def narrower(folder):
        config = json.loads((folder / "config.json").read_text())
        config["advkd"]["settings"]["width"] = 32
        write_json(folder / "config.json", config)

    refused("its checksum differs", lambda folder: save_file({"a": torch.zeros(1)}, folder / "model.safetensors"))
    refused("model.safetensors is missing", lambda folder: (folder / "model.safetensors").unlink())
    refused("was not exported by advkd", lambda folder: write_json(folder / "config.json", {"architecture": "vit"}))
    refused(r"config\.json: cannot be read", lambda folder: (folder / "config.json").write_text("{"))
    refused("which this one cannot read", edit("schema", 99))
    refused(r"does not fit the network .* \(size mismatch", narrower)
    refused("are not those of this version", edit("settings", {}))
    with pytest.raises(UserError, match="holds the weights of the last epoch, not of the best"):
        advkd.load(exported["whole"], epoch="best")


@pytest.mark.parametrize("run", ["gip/cifar10/reactnet18/gip/seed0", "gip/cifar10/acgan/acgan/seed0"])
def test_networks_with_operations_of_their_own_are_exported(run, tmp_path, capsys):
    """Signs with gradients of their own, and dropout."""
    from advkd.inference.classifier import Classifier
    from advkd.inference.description import Description, Saved
    from advkd.models import classifiers
    from advkd.settings import config

    settings = config.resolve(run, config.user({"scale": "smoke"})).typed
    described = _described(run, dict(settings.flat()))
    saved = Saved(Description(**described), classifiers.build(settings.network, 3).state_dict(), "drawn")
    formats = ("torch", "onnx") if HAS_ONNX else ("torch",)
    write_export(Classifier(saved, torch.device("cpu"), torch.float32), tmp_path / "out", formats)
    printed = capsys.readouterr().err
    assert all(
        f"model.{suffix}: probabilities differ by up to" in printed for suffix in ("pt2", "onnx")[: len(formats)]
    )


@pytest.mark.parametrize("model", ["sagan", "acgan"])
def test_generators_are_exported(model, tmp_path):
    of_run = document(f"okd/codebrim/{model}/single/seed0")
    run = make_store(tmp_path) / "runs" / of_run["run"]
    assert train(of_run, run, tmp_path, "cpu", 1000.0) == 0
    gan = advkd.load(run)
    write_export(gan, tmp_path / "out", ("torch", "onnx") if HAS_ONNX else ("torch",))
    again = advkd.load(tmp_path / "out")
    np.testing.assert_array_equal(again.generate(3, seed=5), gan.generate(3, seed=5))
    inputs = {"noise": gan.noise(3, 5)} | ({"labels": torch.arange(3) % 3} if gan.conditional else {})
    ways = {"pt2": run_program} | ({"onnx": run_onnx} if HAS_ONNX else {})
    for suffix, run_graph in ways.items():
        (images,) = run_graph(tmp_path / f"out/G1.{suffix}", inputs)
        pixels = np.clip(np.round(127.5 * (images + 1)), 0, 255).transpose(0, 2, 3, 1)
        assert np.abs(pixels - gan.generate(3, seed=5)).max() <= 1
    card = (tmp_path / "out/README.md").read_text()
    assert "non-commercial" in card or "drawn by advkd" in card
    assert sha256(tmp_path / "out/model.safetensors") in (tmp_path / "out/config.json").read_text()


def _resolved(run):
    from advkd.settings import config

    return dict(config.resolve(run, config.user({"scale": "smoke"})).settings)


def _described(run, settings, temperature=None):
    data = {"sha256": {"images.npy": "0" * 64}, "images": 30, "held_out": 9}
    provenance = {"config_hash": "0" * 12, "data": data}
    return {
        "run": run, "scale": "smoke", "settings": settings, "classes": ("a", "b", "c"), "epoch": "last",
        "temperature": temperature, "uncalibrated": "", "metrics": {}, "provenance": provenance,
    }  # fmt: skip


def _description(data, dataset):
    from advkd.inference.description import Description

    return Description(**_described("aikd/cub200/resnet18/aikd/seed0", {"data": data, "dataset": dataset}))
