"""`advkd.load` of a GAN's run: the generators draw what the training drew."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_runs import document, make_store

import advkd
from advkd.cli import main
from advkd.data.store_draft import write_store
from advkd.errors import UserError
from advkd.runs.folder import RunFolder
from advkd.runs.train import train
from advkd.synthesize import synthesize, synthesize_into
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


@pytest.fixture
def photos(tmp_path):
    """A folder of photos of the classes that the runs know, and one more."""
    for name in "abcd":
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.new("RGB", (9, 9)).save(tmp_path / "photos" / name / "1.png")
    return tmp_path / "photos"


def into(runs, photos, count=5):
    synthesize_into([RunFolder(run) for run in runs], count, photos, 3, "cpu")


def rows_of(photos):
    with (photos / "synthetic/images.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_images_join_a_folder_with_the_class_that_was_asked_for(trained, photos):
    into([trained["acgan"]], photos)
    gan, rows = advkd.load(trained["acgan"]), rows_of(photos)
    assert [row["class"] for row in rows] == list("abc") * 5
    assert [row["generator"] for row in rows[::3]] == ["G1", "G2", "G1", "G2", "G1"]  # they take turns
    noise = gan.noise(15, 3)
    for place, row in enumerate(rows):
        found = np.asarray(Image.open(photos / "synthetic" / row["file"])).astype(int)
        expected = gan.of_noise(noise[[place]], torch.tensor([place % 3]), int(row["generator"][1:]))
        assert np.abs(found - expected[0]).max() <= 1
    assert len({(photos / "synthetic" / row["file"]).read_bytes() for row in rows}) == 15
    (about,) = json.loads((photos / "synthetic/generators.json").read_text())["runs"].values()
    folder = RunFolder(trained["acgan"])
    assert about["weights"] == folder.result()["sha256"]["model.safetensors"]
    assert about["data"]["sha256"] == folder.provenance()["data"]["sha256"]


def trained_on(name, run, root):
    """Train a GAN on images of one class; returns its folder."""
    of_run = document(run, sets=1)
    images, labels = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8), np.zeros(8, np.int64)
    arrays = {"images": images, "labels": labels, "held_out": images[:2], "held_out_labels": labels[:2]}
    source = {"verified": "drawn on the spot", "content": "0" * 64, "kind": "zip", "sha256": None}
    write_store(
        root / "stores" / of_run["store"], arrays, "", {"name": "codebrim", "classes": [name], "source": source}
    )
    assert train(of_run, root / "runs" / run, root, "cpu", 1000.0) == 0
    return root / "runs" / run


def test_a_gan_of_one_class_gives_that_label(trained, photos, tmp_path):
    names = {"b": "okd/codebrim/sagan/single/seed1", "d": "okd/codebrim/sagan/single/seed2"}
    runs = [trained_on(name, run, tmp_path / name) for name, run in names.items()]
    into(runs, photos, 3)
    rows = rows_of(photos)
    assert [row["class"] for row in rows] == ["b"] * 3 + ["d"] * 3
    assert {row["class"]: row["run"] for row in rows} == names
    shutil.rmtree(photos / "synthetic")
    with pytest.raises(UserError, match="2 of the runs draw images of 'b': name one run for each class"):
        into([runs[0], trained["acgan"]], photos)
    assert sorted(path.name for path in photos.iterdir()) == list("abcd")


def test_what_cannot_join_is_one_line_and_writes_nothing(trained, photos, tmp_path):
    shutil.rmtree(photos / "b")
    for runs, folder, message in (
        ([trained["sagan"]], photos, r"draws images of no class in particular: name an ACGAN's run, or"),
        ([trained["acgan"]], photos, r"draws images of 'b', and .*photos has no such class: a, c, d"),
        ([trained["acgan"]], tmp_path / "none", r"none is not a folder of images"),
    ):
        with pytest.raises(UserError, match=message):
            into(runs, folder)
    with pytest.raises(UserError, match="--count is 0"):
        into([trained["acgan"]], photos, 0)
    assert sorted(path.name for path in photos.iterdir()) == list("acd")


def test_the_command_takes_one_place(capsys):
    run = "okd/codebrim/acgan/okd/seed0"
    for words, message in (
        ([run], "name one of --out, a new folder, and --into"),
        ([run, "--out", "a", "--into", "b"], "name one of --out, a new folder, and --into"),
        ([run, run, "--out", "a"], "--out takes the images of one run, here are 2"),
    ):
        assert main(["synthesize", *words, "--count", "1"]) == 2
        assert message in capsys.readouterr().err
