"""What runs on crops of photos leave, and what is kept of it."""

import shutil

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from advkd.errors import UserError
from advkd.files import read_json, sha256, write_json
from advkd.metrics.crops import Crops
from advkd.report import measure
from advkd.runs.code import classifier_evaluation_code
from advkd.runs.crops import has_crops, read_crops
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import ANSWERS, PREDICTIONS
from advkd.runs.keep import keep
from advkd.runs.lookup import folder_of
from advkd.runs.predictions import classifier_metrics
from advkd.settings import config

RUNS = [f"aikd/codebrim/preact_resnet18/baseline{variant}/seed0" for variant in ("", "+passes=2")]
USER = {"scale": "small"}


def leave_predictions(folder, seed=0, tagged=True):
    """Leave the predictions of a classifier of three classes on 90 crops of 30 photos, and return its arrays."""
    rng = np.random.default_rng(seed)
    labels = np.arange(90) % 3
    logits = (rng.normal(size=(90, 3)) + 1.5 * np.eye(3)[labels]).astype(np.float32)
    tags = np.eye(3, dtype=bool)[labels]
    tags[::7, 1] = True
    arrays = {"labels": labels, "logits": logits, "best_logits": logits}
    if tagged:
        arrays |= {"tags": tags, "photos": np.random.default_rng(5).permutation(90) // 3 + 11}
    np.savez(folder / "predictions.npz", **arrays)
    return arrays


@pytest.fixture
def runs(checkout):
    """Two finished runs on the same crops."""
    resolved = [config.resolve(name, config.user(USER)) for name in RUNS]
    for seed, run in enumerate(resolved):
        folder = folder_of(run).path
        folder.mkdir(parents=True)
        leave_predictions(folder, seed)
        result = {"status": "done", "config_hash": run.hash, "run": str(run.run),
                  "sha256": {PREDICTIONS: sha256(folder / PREDICTIONS)}}  # fmt: skip
        write_json(folder / "result.json", result)
        data = {"classes": ["crack", "other damage", "background"], "name": "codebrim", "source": {}, "sha256": {}}
        write_json(folder / "provenance.json", {"code": "c0ffee", "data": data, "result": result, "commit": "c0ffee"})
    return resolved


def test_metrics_hold_average_precision_and_what_it_rests_on(runs):
    folder = folder_of(runs[0])
    metrics, arrays = classifier_metrics(folder), np.load(folder.file(PREDICTIONS))
    probabilities = np.exp(arrays["logits"]) / np.exp(arrays["logits"]).sum(axis=1, keepdims=True)
    for label in range(3):
        expected = 100 * average_precision_score(arrays["tags"][:, label], probabilities[:, label])
        assert metrics["values"][f"ap.{label + 1}"] == pytest.approx(expected)
    assert metrics["values"]["map_low"] < metrics["values"]["map"] < metrics["values"]["map_high"]
    assert metrics["meta"]["n_photos"] == 30 and metrics["meta"]["n_images"] == 90
    assert metrics["evaluated"] == {"code": classifier_evaluation_code(crops=True)}
    assert classifier_metrics(folder) == metrics and has_crops(folder)


def test_runs_on_whole_images_have_no_crops(runs):
    folder = folder_of(runs[0])
    leave_predictions(folder.path, tagged=False)
    for name in ("result.json", "provenance.json"):
        content = read_json(folder.file(name))
        content.get("result", content)["sha256"] = {PREDICTIONS: sha256(folder.file(PREDICTIONS))}
        write_json(folder.file(name), content)
    metrics = classifier_metrics(folder)
    assert "map" not in metrics["values"] and not has_crops(folder)
    assert metrics["evaluated"] == {"code": classifier_evaluation_code()}
    with pytest.raises(UserError, match="evaluated on whole images, not on crops of photos: leave out --cluster"):
        measure.report(RUNS[0], None, config.user(USER), "photo")


@pytest.mark.parametrize(
    "changed",
    [
        {"tags": np.zeros((90, 3))},
        {"tags": np.zeros((4, 3), bool)},
        {"photos": np.zeros(90)},
        {"photos": np.zeros((90, 1), int)},
    ],
)
def test_misshapen_tags_and_photos_are_refused(tmp_path, changed):
    arrays = leave_predictions(tmp_path)
    np.savez(tmp_path / "predictions.npz", **{**arrays, **changed})
    with pytest.raises(UserError, match=r"predictions.npz has tags of type .* for 90 labels: delete"):
        RunFolder(tmp_path).crops()


def test_a_kept_run_has_the_same_crops_and_tests(runs, tmp_path):
    user = config.user(USER)
    before = measure.report(*RUNS, user, "photo")
    assert "mean average precision" in before and "resampling 30 photos" in before
    crops = [read_crops(folder_of(run)) for run in runs]
    keep(runs, tmp_path / "kept")
    shutil.rmtree("results")
    shutil.copytree(tmp_path / "kept" / "results", "results")
    assert not folder_of(runs[0]).has(PREDICTIONS)
    for run, expected in zip(runs, crops, strict=True):
        for array, other in zip(read_crops(folder_of(run)), expected, strict=True):
            np.testing.assert_array_equal(array, other)
    assert measure.report(*RUNS, user, "photo") == before
    assert folder_of(runs[0]).file(ANSWERS).stat().st_size < 4000


@pytest.mark.parametrize("array", Crops._fields)
def test_changed_crops_are_refused(runs, tmp_path, array):
    folder = folder_of(runs[0])
    keep(runs[:1], tmp_path)
    kept = RunFolder(tmp_path / folder.path)
    arrays = dict(np.load(kept.file(ANSWERS)))
    arrays[array].flat[7] = not arrays[array].flat[7]
    np.savez_compressed(kept.file(ANSWERS), **arrays)
    with pytest.raises(UserError, match=r"answers.npz is not what .*metrics.json differs\): take it again from where"):
        read_crops(kept)


def test_the_difference_of_two_runs_is_over_photos(runs):
    text = measure.report(*RUNS, config.user(USER))
    first, second = (classifier_metrics(folder_of(run))["values"] for run in runs)
    line = next(line for line in text.splitlines() if "mean average precision" in line)
    assert f"{first['map'] - second['map']:+.1f}" in line
    assert "McNemar" not in text
