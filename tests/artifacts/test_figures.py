import re
import shutil
import zlib

import numpy as np
import pytest

from advkd.artifacts import aikd_figures, figure_captions, figures
from advkd.artifacts.drawing import tsne
from advkd.artifacts.seed_results import finished_runs
from advkd.errors import UserError
from advkd.files import read_json, sha256, write_json
from advkd.metrics import calibration
from advkd.runs.code import gan_evaluation_code
from advkd.runs.keep import keep
from advkd.runs.lookup import code_today, folder_of
from advkd.settings import catalog, config

CLASSES = 7
DRAWN = {"verified": "drawn on the spot", "content": "0" * 64}


def finish(one, source=DRAWN):
    """Leave a classifier's predictions, features, provenance and result."""
    rng = np.random.default_rng(zlib.crc32(str(one.run).encode()))
    labels = np.arange(CLASSES * 6) % CLASSES
    logits = (rng.normal(size=(len(labels), CLASSES)) + 2 * np.eye(CLASSES)[labels]).astype(np.float32)
    folder = folder_of(one).path
    folder.mkdir(parents=True, exist_ok=True)
    features = (logits @ rng.normal(size=(CLASSES, 5))).astype(np.float16)
    np.savez(folder / "predictions.npz", labels=labels, logits=logits, best_logits=logits, features=features)
    checksums = {"predictions.npz": sha256(folder / "predictions.npz")}
    write_json(folder / "result.json", {"status": "done", "config_hash": one.hash, "sha256": checksums})
    names = [f"{label:03d}.Kind_{label}" for label in range(CLASSES)]
    data = {"name": one.run.dataset, "classes": names, "source": source, "sha256": {"images.npy": "1" * 64}}
    write_json(folder / "provenance.json", {"code": code_today(one), "data": data, "result": {"config_hash": one.hash}})


def runs(figure, user):
    groups = {group for cell in catalog.cells(figure) for group in (cell.run, cell.of) if group}
    return {group: config.resolve(f"{group}/seed0", user) for group in sorted(groups)}


@pytest.fixture
def smoke(checkout):
    return config.user({"scale": "smoke"})


@pytest.fixture
def drawn(monkeypatch):
    """The captions of the figures that were drawn."""
    found = []
    real = figure_captions.figure_caption
    monkeypatch.setattr(aikd_figures, "figure_caption", lambda *words: found.append(real(*words)) or found[-1])
    return found


@pytest.mark.parametrize("figure", ["aikd_figure4", "aikd_figure6", "aikd_figure7"])
def test_figures_are_the_same_bytes_twice(figure, smoke, tmp_path, drawn):
    for one in runs(figure, smoke).values():
        finish(one)
    for folder in ("a", "b"):
        figures.write_figure(figure, smoke, tmp_path / folder)
    for suffix in ("pdf", "png", "svg", "json"):
        first, second = ((tmp_path / folder / f"{figure}.{suffix}").read_bytes() for folder in "ab")
        assert first == second and len(first) > 200
    number = figure.removeprefix("aikd_figure")
    assert drawn[0].startswith(f"AI-KD, Figure {number}: ") and "Scale smoke. Seed 0" in drawn[0]
    assert "it reproduces nothing" in drawn[0] and "images drawn by a program, not photographed" in drawn[0]


@pytest.mark.parametrize("figure", ["aikd_figure5", "aikd_figure6", "aikd_figure7"])
def test_without_any_run_a_figure_says_so(figure, smoke, tmp_path, drawn):
    figures.write_figure(figure, smoke, tmp_path)
    assert (tmp_path / f"{figure}.pdf").stat().st_size > 1000 and "No run is finished." in drawn[0]


def test_reliability_pools_the_images_of_all_seeds(checkout, tmp_path, drawn):
    user = config.user({"scale": "reduced", "seeds": 3})
    group = "aikd/cifar100/preact_resnet18/aikd"
    done = [config.resolve(f"{group}/seed{seed}", user) for seed in (0, 2)]
    confidence, correct = [], []
    for one in done:
        finish(one, {"verified": "published checksum", "content": "0" * 64})
        with np.load(folder_of(one).path / "predictions.npz") as arrays:
            labels, logits = arrays["labels"], arrays["logits"].astype(np.float64)
        scaled = calibration.cross_fit(logits, labels).logits
        likely = np.exp(scaled) / np.exp(scaled).sum(1, keepdims=True)
        confidence.append(likely.max(1))
        correct.append(likely.argmax(1) == labels)
    figures.write_figure("aikd_figure4", user, tmp_path)
    shown = read_json(tmp_path / "aikd_figure4.json")["numbers"]
    found = shown["CIFAR-100"]["AI-KD + TS"]
    assert found["runs"] == [str(one.run) for one in done] and sum(found["count"]) == 2 * CLASSES * 6
    bins = calibration.reliability(np.concatenate(confidence), np.concatenate(correct))
    assert found["count"] == bins.count.tolist()
    means = [None if np.isnan(value) else pytest.approx(value) for value in bins.accuracy]
    assert found["accuracy"] == means
    assert found["ece_of_pooled"] == pytest.approx(calibration.expected_calibration_error(bins))
    assert shown["CIFAR-100"]["AI-KD"]["count"] != found["count"]
    assert shown["MIT67"]["AI-KD"] == {"runs": []}
    assert (
        "Seeds 0, 2, images pooled, error bars" in drawn[0]
        and "official archive, verified by published checksum" in drawn[0]
    )
    assert "width 16 (64)" in drawn[0], "what differs from the paper"


def test_states_of_runs_that_cannot_be_shown(smoke):
    (cell,) = [cell for cell in catalog.cells("aikd_figure4") if cell.row == "CIFAR-100 / TF-KD"]
    (one,) = catalog.resolved(cell, smoke)
    result = folder_of(one).path / "result.json"
    assert finished_runs([one]) == ([], "not run")
    write_json(result, {"status": "done", "config_hash": "other", "sha256": {}})
    assert finished_runs([one]) == ([], "outdated")
    write_json(result, {"status": "diverged", "config_hash": one.hash, "step": 3, "sha256": {}})
    assert finished_runs([one]) == ([], "diverged")
    write_json(result, {"status": "blocked", "config_hash": one.hash, "parent": "x", "reason": "y", "sha256": {}})
    assert finished_runs([one]) == ([], "blocked")
    finish(one)
    assert [str(found.run) for found in finished_runs([one])[0]] == [str(one.run)]


def test_maps_embed_the_drawn_classes_of_both(smoke, tmp_path, monkeypatch):
    monkeypatch.setattr(aikd_figures, "CLASSES", 4)
    monkeypatch.setattr(tsne, "embed", lambda features, seed: seen.append(features) or np.zeros((len(features), 2)))
    seen = []
    for name, one in runs("aikd_figure6", smoke).items():
        if "pskd" not in name:
            finish(one)
    figures.write_figure("aikd_figure6", smoke, tmp_path)
    record = read_json(tmp_path / "aikd_figure6.json")["numbers"]
    chosen = tsne.choose(np.arange(CLASSES), 4, record["seed"])
    assert record["classes"] == {str(label): f"{label:03d}.Kind_{label}" for label in chosen}
    assert set(record["points"].values()) == {24} and not any("pskd" in name for name in record["points"])
    assert [len(features) for features in seen] == [24, 48] * 3

    def features(method):
        run = config.resolve(f"aikd/cub200/resnet18/{method}/seed0", smoke)
        labels, found = folder_of(run).predictions("features")
        return found[np.isin(labels, chosen)]

    np.testing.assert_array_equal(seen[-2], features("aikd"))
    np.testing.assert_array_equal(seen[-1], np.concatenate([features("aikd"), features("baseline")]))


def test_sweeps_are_the_catalogue_s_numbers(smoke, tmp_path):
    for name, one in runs("aikd_figure7", smoke).items():
        if "tau_g=5" not in name:
            finish(one)
    figures.write_figure("aikd_figure7", smoke, tmp_path)
    found = read_json(tmp_path / "aikd_figure7.json")["numbers"]
    assert len(found) == 30 and found["b / tau_G = 5"]["status"] == "not run"
    same = [found[row]["mean"] for row in ("a / FC_1 = 64, FC_2 = 32", "b / tau_G = 3", "b / tau_P = 1")]
    assert len(set(same)) == 1, "the paper's choice is one run"
    run = config.resolve("aikd/cifar100/preact_resnet18/aikd+fc1=16+fc2=8/seed0", smoke)
    labels, logits = folder_of(run).predictions("logits")
    expected = 100 * np.mean(logits.argmax(1) != labels)
    assert found["a / FC_1 = 16, FC_2 = 8"]["mean"] == pytest.approx(expected)


def test_images_of_generators(smoke, tmp_path):
    groups = {cell.run for cell in catalog.cells("okd_figure3")}
    four = "okd/codebrim/acgan/okd"  # has so many images
    for group in groups - {"okd/codebrim/sagan/okd"}:
        one = config.resolve(f"{group}/seed0", smoke)
        folder = folder_of(one).path
        folder.mkdir(parents=True)
        images = np.random.default_rng(0).integers(0, 255, (4 if group == four else 12, 64, 64, 3)).astype(np.uint8)
        np.savez(folder / "samples.npz", G1=images, G2=images, G3=images)
        result = {"status": "done", "config_hash": one.hash, "sha256": {"samples.npz": sha256(folder / "samples.npz")}}
        write_json(folder / "result.json", result)
        meta = {"features": one.settings["features"]}
        evaluated = {"status": "done", "values": {}, "meta": meta, "evaluated": {"code": gan_evaluation_code()}}
        write_json(folder / "metrics.json", evaluated)
        provenance = {"code": code_today(one), "data": {"name": "codebrim", "source": DRAWN}, "result": result}
        write_json(folder / "provenance.json", provenance)
    figures.write_figure("okd_figure3", smoke, tmp_path)
    assert {path.suffix for path in tmp_path.glob("okd_figure3.*")} == {".pdf", ".png", ".svg", ".json"}
    record = read_json(tmp_path / "okd_figure3.json")
    assert "Left out: OKD-SAGAN G1, OKD-SAGAN G2, OKD-SAGAN G3 (not started)." in record["caption"]
    rows = record["numbers"]["rows"]
    assert [row["generator"] for row in rows] == ["G1", "G1", "G2", "G3", "G1", "G1", "G2", "G3"]
    assert {(row["images"], row["state"]) for row in rows} == {(10, "done"), (4, "done"), (0, "not started")}
    assert {row["images"] for row in rows if row["run"].startswith(four)} == {4}


def test_damaged_predictions_are_one_line_in_the_figure_s_place(smoke, tmp_path, capsys):
    one = config.resolve("aikd/cifar100/preact_resnet18/aikd/seed0", smoke)
    finish(one)
    (folder_of(one).path / "predictions.npz").write_bytes(b"damaged")
    figures.write_figure("aikd_figure4", smoke, tmp_path)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and re.search(r"^aikd_figure4: .*predictions.npz .*: delete", told[0])
    assert told[0] == f"aikd_figure4: {read_json(tmp_path / 'aikd_figure4.json')['damage']}"
    assert (tmp_path / "aikd_figure4.pdf").read_bytes().startswith(b"%PDF")


def test_a_kept_run_shows_what_its_answers_tell(smoke, tmp_path):
    names = [f"aikd/cifar100/preact_resnet18/{method}/seed0" for method in ("baseline", "aikd")]
    for name in names:
        finish(config.resolve(name, smoke))
    figures.write_figure("aikd_figure4", smoke, tmp_path / "whole")
    keep([config.resolve(name, smoke) for name in names], tmp_path / "kept")
    shutil.rmtree("results")
    shutil.copytree(tmp_path / "kept/results", "results")
    figures.write_figure("aikd_figure4", smoke, tmp_path)
    whole, kept = (read_json(folder / "aikd_figure4.json") for folder in (tmp_path / "whole", tmp_path))
    for method in ("Baseline", "AI-KD"):
        first, second = (record["numbers"]["CIFAR-100"][method] for record in (whole, kept))
        assert first["count"] == second["count"] and first["accuracy"] == second["accuracy"]
    assert "CIFAR-100 / AI-KD + TS (kept without its predictions.npz)" in kept["caption"]


def test_other_figures_are_refused(smoke, tmp_path):
    with pytest.raises(
        UserError, match="gip_figure1 cannot be drawn by this version; it draws okd_figure3, okd_figureS1, aikd"
    ):
        figures.write_figure("gip_figure1", smoke, tmp_path)
