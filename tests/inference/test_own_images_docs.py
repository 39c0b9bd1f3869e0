"""The code of docs/your-own-images.md does what the page says, with and without advkd."""

import re
import shutil

import numpy as np
import pytest
import torch
from trained_photos import draw_photos

from advkd.inference.classifier import Classifier
from advkd.inference.description import Description, Saved
from advkd.inference.export.view import code
from advkd.inference.export.writing import write_export
from advkd.models.resnet import resnet18
from advkd.settings import config
from checkouts import ROOT

RUN = "aikd/defects/resnet18/aikd/seed0"
PAGE = (ROOT / "docs/your-own-images.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def model():
    """A network of full width with random weights, under the settings that the page's run has."""
    resolved = config.resolve(RUN, config.user({"scale": "gpu", "folders": {"defects": "/nowhere"}}))
    provenance = {"config_hash": "0" * 12, "data": {"sha256": {"images.npy": "0" * 64}}}
    description = Description(
        run=RUN, scale="gpu", settings=resolved.written(), classes=("crack", "spalling"), epoch="last", temperature=1.5,
        uncalibrated="", metrics={}, provenance=provenance,
    )  # fmt: skip
    torch.manual_seed(0)
    return Classifier(Saved(description, resnet18(2).state_dict(), "drawn"), torch.device("cpu"), torch.float32)


def test_the_pages_view_is_that_of_the_pages_run(model):
    assert code(model.transform) in BLOCKS


def test_torchvision_gives_the_same_logits_without_advkd(model, tmp_path, monkeypatch):
    photos = draw_photos(tmp_path / "photos", 1)
    write_export(model, tmp_path / "defects-resnet18")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(next(photos.iterdir()), "new")
    next(tmp_path.glob("new/*")).rename("new/bridge.jpg")
    scope = {}
    for block in BLOCKS:
        if "pixels_of" in block:
            assert "advkd" not in block
            exec(block, scope)
    np.testing.assert_allclose(scope["logits"], model.logits("new/bridge.jpg"), rtol=0, atol=1e-3)
