"""`advkd.load` of a GAN's run: the generators draw what the training drew."""

import csv
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_runs import document, make_store

import advkd
from advkd.errors import UserError
from advkd.runs.folder import RunFolder
from advkd.runs.train import train
from advkd.synthesize import synthesize
from advkd.training.seeding import Streams


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folders of a SAGAN's and of an ACGAN's run, by model."""
    root = tmp_path_factory.mktemp("gans")
    folders = {}
    for model in ("sagan", "acgan"):
        of_run = document(f"okd/codebrim/{model}/okd/seed0", sets=2)
        make_store(root)
        folders[model] = root / "runs" / of_run["run"]
        assert train(of_run, folders[model], root, "cpu", 1000.0) == 0
    return folders


@pytest.mark.parametrize("model", ["sagan", "acgan"])
def test_the_same_noise_gives_the_samples_of_the_training(trained, model):
    gan = advkd.load(trained[model])
    noise = torch.randn(6, gan.z, generator=Streams(0, 0).generator("samples"))
    labels = torch.arange(6) % 3 if gan.conditional else None
    with np.load(trained[model] / "samples.npz") as samples:
        for number in (1, 2):
            found = gan.of_noise(noise, labels, number)
            assert np.abs(found.astype(int) - samples[f"G{number}"]).max() <= 1


@pytest.mark.parametrize("model", ["sagan", "acgan"])
def test_generate_draws_what_synthesize_writes(trained, model, tmp_path):
    run = shutil.copytree(trained[model], tmp_path / "copied")
    synthesize(RunFolder(trained[model]), 5, tmp_path / "out", 3, "cpu")
    found = advkd.load(run).generate(5, seed=3, generator=2)
    assert found.shape == (5, 64, 64, 3) and found.dtype == np.uint8
    with (tmp_path / "out/images.csv").open(newline="") as file:
        written = [row for row in csv.DictReader(file) if row["generator"] == "G2"]
    for image, row in zip(found, written, strict=True):
        assert np.abs(np.asarray(Image.open(tmp_path / "out" / row["file"])).astype(int) - image).max() <= 1
        assert row["class"] == ({"sagan": "", "acgan": "abc"[int(row["file"][-8:-4]) % 3]}[model])


def test_labels_are_names_or_numbers(trained):
    gan = advkd.load(trained["acgan"])
    by_name = gan.generate(4, labels="b", seed=1)
    np.testing.assert_array_equal(gan.generate(4, labels=[1, "b", 1, "b"], seed=1), by_name)
    assert (gan.generate(4, labels="a", seed=1) != by_name).any()
    assert (gan.generate(4, labels="b", seed=2) != by_name).any()
    np.testing.assert_array_equal(gan.generate(60, labels=1, seed=1)[:4], by_name)


def test_what_cannot_be_generated_is_one_line(trained):
    acgan, sagan = advkd.load(trained["acgan"]), advkd.load(trained["sagan"])
    for call, match in (
        (lambda: acgan.generate(2, labels="d"), "'d' is no class of okd/codebrim/acgan/okd/seed0: a, b, c"),
        (lambda: acgan.generate(2, labels=3), "3 is no class"),
        (lambda: acgan.generate(2, labels=["a"]), "there are 1 labels for 2 images"),
        (lambda: acgan.generate(0), "ask for at least 1"),
        (lambda: acgan.generate(2, generator=3), "generator is 3: .* has G1, G2"),
        (lambda: sagan.generate(2, labels="a"), "take no labels"),
        (lambda: advkd.load(trained["sagan"], epoch="best"), "weights of its last iteration only"),
    ):
        with pytest.raises(UserError, match=match):
            call()
