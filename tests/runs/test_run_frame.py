"""The table of runs, against the files of runs that were trained here and of the reference results."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_classifiers as tiny
import yaml

import advkd
from advkd.errors import UserError
from advkd.files import write_json

REFERENCE = Path("results/reference/results")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of results with a Baseline and an AI-KD student without a critic."""
    root = tmp_path_factory.mktemp("trained")
    data_root, runs = tiny.make_store(root / "data"), root / "results/smoke/runs"
    for method in ("baseline", "aikd+omega=0"):
        status, _, _ = tiny.train(tiny.document(method, epochs=1), runs, data_root)
        assert status == 0
    return root / "results"


@pytest.fixture
def results(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "results")
    return tmp_path / "results"


def row_of(frame, method):
    (row,) = frame[frame["method"] == method].to_dict("records")
    return row


def test_a_row_is_what_the_files_of_a_run_say(results):
    frame = advkd.results(results)
    row = row_of(frame, "aikd")
    folder = Path(row["path"])
    assert folder == results / "smoke/runs/aikd/cifar100/preact_resnet18/aikd+omega=0/seed0"
    assert (row["scale"], row["run"], row["variant"]) == ("smoke", tiny.NAME.format("aikd+omega=0"), "omega=0")
    assert (row["paper"], row["dataset"], row["model"], row["seed"]) == ("aikd", "cifar100", "preact_resnet18", 0)
    assert row["state"] == "done" and row["problem"] == ""

    written = yaml.safe_load((folder / "config.yaml").read_text())["settings"]
    assert row["settings.alpha_p"] == written["alpha_p"] and row["settings.epochs"] == 1
    assert json.loads(row["settings.milestones"]) == written["milestones"]
    named = {name.partition(".")[2] for name in frame.columns if name.startswith("settings.")}
    assert written.keys() - named == {"dataset", "model", "method", "seed"}

    labels, logits = (np.load(folder / "predictions.npz")[name] for name in ("labels", "logits"))
    assert row["metrics.top1_error"] == pytest.approx(100 * (logits.argmax(1) != labels).mean())
    provenance = json.loads((folder / "provenance.json").read_text())
    assert row["time.seconds"] == provenance["wall_seconds"] and row["time.attempts"] == 1
    assert row["time.began"] == pd.Timestamp(provenance["attempts"][0]["began"])
    assert row["provenance.code"] == provenance["code"] and row["result.best_epoch"] == 1
    assert row["provenance.data"] == "drawn on the spot"


def test_a_column_is_empty_where_a_run_has_nothing_for_it(results):
    baseline = row_of(advkd.results(results), "baseline")
    assert np.isnan(baseline["settings.alpha_p"]) and baseline["settings.lr"] == 0.05


def test_columns_stand_in_groups(results):
    columns = list(advkd.results(results).columns)
    groups = [name.partition(".")[0] for name in columns if "." in name]
    assert list(dict.fromkeys(groups)) == ["settings", "result", "metrics", "time", "provenance"]
    assert groups == sorted(groups, key=list(dict.fromkeys(groups)).index) and columns[0] == "path"


def test_a_folder_of_results_of_a_scale_or_of_runs_can_be_named(results, monkeypatch):
    whole = advkd.results(results)
    for folder in (results / "smoke", results / "smoke/runs"):
        pd.testing.assert_frame_equal(advkd.results(folder), whole)
    assert len(advkd.results(results, scale="smoke")) == 2
    monkeypatch.chdir(results.parent)
    assert list(advkd.results()["run"]) == list(whole["run"])


def test_every_state_has_a_row(results):
    runs = results / "smoke/runs"
    of = {method: runs / tiny.NAME.format(method) for method in ("baseline", "aikd+omega=0", "cskd", "tfkd", "pskd")}
    (of["cskd"]).mkdir(parents=True)
    (of["cskd"] / "log.txt").write_text("[10:00:00] epoch 1/3\n")
    shutil.copytree(of["baseline"], of["tfkd"])
    for name in ("result.json", "provenance.json"):
        (of["tfkd"] / name).unlink()
    document = yaml.safe_load((of["tfkd"] / "config.yaml").read_text())
    (of["tfkd"] / "config.yaml").write_text(yaml.safe_dump({**document, "run": tiny.NAME.format("tfkd")}))
    diverged = {"config_hash": document["config_hash"], "status": "diverged", "epoch": 2, "step": 7, "sha256": {}}
    write_json(of["tfkd"] / "result.json", diverged)
    (of["aikd+omega=0"] / "predictions.npz").write_bytes(b"no predictions")
    (of["aikd+omega=0"] / "metrics.json").unlink(missing_ok=True)

    frame = advkd.results(results)
    states = dict(zip(frame["method"], frame["state"], strict=True))
    assert states == {"baseline": "done", "cskd": "unfinished", "tfkd": "diverged", "aikd": "damaged"}
    assert "no checkpoint" in row_of(frame, "cskd")["problem"]
    assert row_of(frame, "tfkd")["result.epoch"] == 2 and "at epoch 2" in row_of(frame, "tfkd")["problem"]
    damaged = row_of(frame, "aikd")
    assert "predictions.npz is not what the run wrote" in damaged["problem"]
    assert damaged["settings.alpha_p"] == 0.3 and np.isnan(damaged["metrics.top1_error"])
    assert not frame["problem"].str.contains("\n").any()


def test_a_damaged_record_is_said(results):
    path = results / "smoke/runs" / tiny.NAME.format("baseline") / "config.yaml"
    path.write_text(path.read_text().replace("lr: 0.05", "lr: 0.06"))
    row = row_of(advkd.results(results), "baseline")
    assert row["state"] == "damaged" and "config.yaml is not what the run wrote" in row["problem"]


def test_kept_runs_of_the_reference_results():
    """Of an earlier version, and without weights and predictions."""
    frame = advkd.results(REFERENCE)
    assert len(frame) == len(list(REFERENCE.glob("*/runs/**/result.json"))) and set(frame["state"]) == {"done"}
    frame = frame[frame["scale"] == "reduced"]
    with (REFERENCE / "reduced/tables/gip_table1.csv").open(newline="") as file:
        published = [row for row in csv.DictReader(file) if row["mean"] and row["kind"] == "run"]
    means = frame.groupby(frame["run"].str.removesuffix("/seed0"))["metrics.accuracy"].mean()
    assert published
    for row in published:
        assert float(row["mean"]) == pytest.approx(means[row["run"]]), row["run"]
    gans = frame[frame["paper"] == "okd"]
    assert gans["metrics.kid.mean"].notna().all() and gans["metrics.top1_error"].isna().all()


def test_no_run_is_one_line(tmp_path, results):
    with pytest.raises(UserError, match=r"there is no run below .*: train one, or name the folder of other results"):
        advkd.results(tmp_path / "nothing")
    with pytest.raises(UserError, match="there is no run at scale gpu below"):
        advkd.results(results, scale="gpu")
