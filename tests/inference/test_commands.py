"""`advkd predict`, `advkd test` and `advkd export` on a copied run's folder and new photos."""

import csv
import json
import os
import shutil
import sys
from statistics import NormalDist

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import f1_score
from trained_photos import CLASSES, draw_photos

import advkd
from advkd.cli import main


@pytest.fixture
def new(centred, tmp_path):
    """A copied run, and a folder of new photos with one that is broken."""
    run = shutil.copytree(centred[0], tmp_path / "run")
    photos = draw_photos(tmp_path / "new", 5)
    (photos / CLASSES[0] / "broken.jpg").write_text("no image")
    return run, photos


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_predictions_are_those_of_load(new, tmp_path, capsys):
    run, photos = new
    assert main(["predict", str(run), str(photos), "--out", str(tmp_path / "out.csv")]) == 1
    printed = capsys.readouterr().err
    assert "left out: " in printed and "broken.jpg cannot be decoded" in printed and "1 of 11 images" in printed
    rows = rows_of(tmp_path / "out.csv")
    files = [row["file"] for row in rows]
    assert files == sorted(str(photo) for photo in photos.rglob("photo*.jpg"))
    labels, probabilities = advkd.load(run).predict(files)
    assert [row["label"].removeprefix("'") for row in rows] == labels
    found = [[float(row[f"probability of {name}"]) for name in CLASSES] for row in rows]
    np.testing.assert_allclose(found, probabilities, atol=1e-5)
    np.testing.assert_allclose([float(row["probability"]) for row in rows], probabilities.max(1), atol=1e-5)


def test_predictions_are_printed_without_a_file(new, capsys):
    run, photos = new
    pattern = f"{photos}/{CLASSES[1]}/*.jpg"
    assert main(["predict", str(run), pattern, "--epoch", "best"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and all(line.startswith(CLASSES) for line in lines)


def test_names_that_cannot_be_shown_are_printed_as_codes(new, tmp_path, capsys):
    run, photos = new
    odd = tmp_path / "odd"
    odd.mkdir()
    shutil.copy(next((photos / CLASSES[1]).iterdir()), odd / os.fsdecode(b"no\xffutf8\n\x1b[31m.jpg"))
    (odd / "broken\n\x1b[31m.jpg").write_text("no image")
    assert main(["predict", str(run), str(odd)]) == 1
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 1 and r"odd/no\udcffutf8\n\x1b[31m.jpg" in printed.out
    assert r"odd/broken\n\x1b[31m.jpg cannot be decoded" in printed.err and "\x1b[31m" not in printed.err


def test_a_folder_is_judged(new, tmp_path, capsys):
    run, photos = new
    assert main(["test", str(run), "--data", str(photos), "--out", str(tmp_path / "judged")]) == 1
    out = capsys.readouterr().out
    model = advkd.load(run)
    files = sorted(photos.rglob("photo*.jpg"))
    truth, said = [file.parent.name for file in files], model.predict(files).labels
    right = sum(a == b for a, b in zip(truth, said, strict=True))
    metrics = json.loads((tmp_path / "judged/metrics.json").read_text())
    assert metrics["images"] == 10 and metrics["unreadable"] == 1
    assert metrics["values"]["accuracy"] == pytest.approx(10 * right)
    assert f"{10 * right:.1f} %" in out
    assert metrics["values"]["f1"] == pytest.approx(f1_score(truth, said, average="macro"))
    z, p, n = NormalDist().inv_cdf(0.975), right / 10, 10  # Wilson's interval in its closed form
    centre, half = p + z**2 / (2 * n), z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    low, high = ((centre + side * half) / (1 + z**2 / n) for side in (-1, 1))
    found = metrics["values"]["accuracy_low"], metrics["values"]["accuracy_high"]
    assert found == pytest.approx((100 * low, 100 * high), abs=1e-6)
    with (tmp_path / "judged/confusion.csv").open(newline="") as file:
        (_, *columns), *rows = csv.reader(file)
    for name, (first, *counts) in zip(CLASSES, rows, strict=True):
        assert first.removeprefix("'") == name
        for column, count in zip(columns, counts, strict=True):
            pairs = [(name, column.removeprefix("'"))]
            assert int(count) == sum(pair in pairs for pair in zip(truth, said, strict=True))
    for row in rows_of(tmp_path / "judged/classes.csv"):
        name = row["class"].removeprefix("'")
        of_class = [b for a, b in zip(truth, said, strict=True) if a == name]
        assert float(row["recall"]) == pytest.approx(of_class.count(name) / len(of_class))
    with Image.open(tmp_path / "judged/confusion.png") as picture:
        assert picture.format == "PNG" and min(picture.size) > 300
    assert len(rows_of(tmp_path / "judged/predictions.csv")) == 10


def test_a_run_is_exported_and_used(new, tmp_path, capsys):
    run, photos = new
    words = ["--to", str(tmp_path / "out"), "--format", "torch", "--check", f"{photos}/{CLASSES[1]}"]
    assert main(["export", str(run), *words, "--licence", "cc-by-4.0"]) == 0
    printed = capsys.readouterr().err
    assert "model.pt2: probabilities differ by up to" in printed and "on 5 photos" in printed
    card = (tmp_path / "out/README.md").read_text()
    assert "license: cc-by-4.0" in card and "| accuracy |" in card
    assert main(["predict", str(tmp_path / "out"), f"{photos}/{CLASSES[1]}", "--out", str(tmp_path / "a.csv")]) == 0
    assert main(["predict", str(run), f"{photos}/{CLASSES[1]}", "--out", str(tmp_path / "b.csv")]) == 0
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()


def test_the_settings_of_another_program_are_left_aside(new, tmp_path, capsys, monkeypatch):
    run, photos = new
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("defaults:\n  - model: vit\nseed: 3\n")  # Hydra's
    monkeypatch.chdir(tmp_path)
    assert main(["predict", str(run), f"{photos}/{CLASSES[1]}/*.jpg"]) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 5
    assert "config/config.yaml is not used: " in printed.err
    assert main(["predict", str(run), str(photos), "--config", "scale=smoke"]) == 2  # which asks for settings


def test_bad_input_is_one_line_and_nothing_is_written(new, tmp_path, capsys, monkeypatch):
    run, photos = new
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    before = sorted(tmp_path.iterdir())

    def refused(match, *words):
        assert main([str(word) for word in words]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert [line for line in lines if line.startswith(f"advkd {words[0]}: ") and match in line], lines
        assert sorted(tmp_path.iterdir()) == before

    refused("is neither a folder nor a run's name", "predict", tmp_path / "none", photos)
    refused("is not trained here", "predict", "aikd/mine/resnet18/aikd/seed77", photos)
    refused("is neither a run's folder", "export", photos, "--to", tmp_path / "out")
    refused("is missing, and matches no file", "predict", run, tmp_path / "none.jpg", "--out", tmp_path / "a.csv")
    refused("none of 1 images can be read", "predict", run, run / "log.txt", "--out", tmp_path / "a.csv")
    refused("holds images of 'new'", "test", run, "--data", tmp_path, "--out", tmp_path / "out")
    refused("exists and is not an empty folder", "test", run, "--data", photos, "--out", photos)
    refused("exists and is not an empty folder", "export", run, "--to", photos)
    refused(". is the working folder: name a new one", "export", run, "--to", ".")
    refused(". is the working folder: name a new one", "test", run, "--data", photos, "--out", ".")
    refused("name one as the Hub does", "export", run, "--to", tmp_path / "out", "--licence", "(c) me")
    monkeypatch.setitem(sys.modules, "onnx", None)
    refused("needs the extra onnx", "export", run, "--to", tmp_path / "out", "--format", "onnx")
