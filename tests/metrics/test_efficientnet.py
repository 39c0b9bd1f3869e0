"""The weights of EfficientNet-Lite0 are the registry's, and the network is the one that they were trained for."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from advkd.data import registry
from advkd.errors import UserError
from advkd.metrics import efficientnet, networks
from advkd.metrics.features import extract

ROOT = Path(__file__).parents[2]
SHA256 = registry.load_weights(ROOT / "config/datasets.yaml")["efficientnet_lite0"].archives[0].checksum[7:]


@pytest.fixture(scope="module")
def network():
    return efficientnet.build(efficientnet.packaged_weights(), SHA256)


def photo(name):
    """Return a photo that a package of ours brings, cut to a square, uint8 (1, S, S, 3)."""
    if name == "grace_hopper":
        pixels = np.asarray(Image.open(Path(matplotlib.get_data_path(), "sample_data/grace_hopper.jpg")).convert("RGB"))
        return pixels[None, :512]
    pixels = load_sample_image(f"{name}.jpg")
    return pixels[None, :, 106:533]


@pytest.mark.parametrize(
    ("name", "logits"),
    [  # by ImageNet's class: military uniform, suit, bow tie; palace, bell cote, lakeside; daisy, mushroom
        ("grace_hopper", {652: 7.2926, 834: 5.9442, 457: 5.8381}),
        ("china", {698: 8.3807, 442: 8.1287, 975: 6.9990}),
        ("flower", {985: 6.9817, 947: 6.1116}),
    ],
)
def test_photos_have_the_classes_and_logits_of_the_package_s_own_network(network, name, logits):
    """The logits are those of efficientnet-lite-pytorch 0.1.0, from which ours differ by 0, on the same 224 pixels."""
    images = torch.tensor(photo(name)).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        found = network.classify(images)[0]
    top = found.topk(len(logits)).indices
    assert top.tolist() == list(logits)
    torch.testing.assert_close(found[top], torch.tensor(list(logits.values())), rtol=0, atol=2e-3)


def test_the_features_are_those_before_the_classifier(network):
    assert sum(parameter.numel() for parameter in network.parameters()) == 4_652_008
    images = photo("flower")
    features = extract(network, images, 1, "cpu", "")
    assert features.shape == (1, 1280) and features.min() >= 0
    with torch.inference_mode():
        logits = network._fc(torch.from_numpy(features))
        torch.testing.assert_close(logits, network.classify(torch.tensor(images).permute(0, 3, 1, 2) / 255))
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("side", [32, 64, 224, 300])
def test_images_of_any_size_give_the_same_map(network, side):
    with torch.inference_mode():
        (features,) = network(torch.rand(1, 3, side, side))
    assert features.shape == (1, 1280, 7, 7)


def test_a_missing_package_is_one_line_that_says_what_to_install(monkeypatch):
    monkeypatch.setattr(efficientnet, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^the weights of EfficientNet-Lite0 are not installed: make env, or pip inst"):
        networks.build("efficientnet_lite0", None, SHA256)


def test_other_weights_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "weights.pth"
    with pytest.raises(UserError, match=r"does not exist.*: install its package again"):
        networks.build("efficientnet_lite0", path, SHA256)
    path.write_bytes(b"another file")
    with pytest.raises(UserError, match=r"is not EfficientNet-Lite0 \(sha256 .*: install its package again"):
        networks.build("efficientnet_lite0", path, SHA256)


def test_each_network_is_identified_by_its_weights(network):
    built, identity = networks.build("efficientnet_lite0", None, SHA256)
    assert identity == {"features": "efficientnet_lite0", "weights_sha256": SHA256}
    assert built.state_dict().keys() == network.state_dict().keys()
    assert networks.build("random_inception64", None, "")[1] == {"features": "random_inception64", "seed": 0}


def test_weights_are_given_where_they_are_needed_and_only_there(tmp_path):
    with pytest.raises(UserError, match="inception need weights: advkd fetch-inception"):
        networks.build("inception", None, "0" * 64)
    with pytest.raises(UserError, match="not needed: the features random_inception64 have random weights"):
        networks.build("random_inception64", tmp_path, "")
