"""The whole DAG in a copy of the checkout: end to end, what makes it run again, and what a kill leaves."""

import contextlib
import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from advkd.cli import main
from advkd.files import read_json
from checkouts import advkd, copy_checkout, environment, snakemake

LONG = """
data: made
threads: 1
seeds: {okd: 1, aikd: 1, gip: 1}
okd:
  all:
    set: {crops: 24, held_out_crops: 8, made_photos: 12, fakes: 4, features: random_inception64, curve_points: 0}
  sagan:
    set: {width: 8}
    multiply: {iterations: 0.0008, batch: 0.16}
"""
RUN = "okd/codebrim/sagan/single/seed0"
LONGEST = 600  # seconds to wait at most: beside other work a training takes many times its seconds
KILLED = ["--config", "scale=long", f"runs=[{RUN}]", "checkpoint_seconds=0.3"]
# Smoke scale, with fewer steps and images; `paper` is made of all of it in .ci/run.
SIZES = "iterations: 4, early_iteration: 2, fakes: 16, curve_fakes: 8"


def settings(*words: str, seeds: int = 1, okd: str = "") -> list[str]:
    """The settings of `built`, with others beside or in place of them."""
    return ["--config", f"seeds={seeds}", f"override={{okd: {{{SIZES}{okd}}}}}", *words]


def with_long_scale(folder: Path) -> Path:
    """Copy the checkout to `folder` and add a scale whose training lasts long enough to be killed."""
    (copy_checkout(folder) / "config/scales/long.yaml").write_text(LONG)
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A checkout in which okd_table1 and okd_figure3 were made at smoke scale with one seed."""
    folder = copy_checkout(tmp_path_factory.mktemp("built") / "checkout")
    snakemake(folder, "okd_table1", "okd_figure3", *settings())
    return folder


def pending(folder: Path, *words: str) -> set[str]:
    """The rules that a dry run would execute."""
    done = snakemake(folder, "-n", "okd_table1", "okd_figure3", *words)
    table = done.stdout.split("Job stats:")[-1].split("Reasons:")[0] if "Job stats:" in done.stdout else ""
    return {line.split()[0] for line in table.splitlines() if line.split()[1:2] and line.split()[1].isdigit()} - {
        "total", "okd_table1", "okd_figure3",
    }  # fmt: skip


def test_every_cell_of_the_table_is_filled_and_traceable(built):
    with (built / "results/smoke/tables/okd_table1.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10 and {row["status"] for row in rows} == {"done"}
    for row in rows:
        metrics = read_json(built / "results/smoke/runs" / row["runs"] / "metrics.json")
        assert float(row["mean"]) == pytest.approx(metrics["values"][row["metric"]], rel=1e-12)
        assert (row["features"], row["data"], row["scale"]) == ("random_inception64", "drawn on the spot", "smoke")
        assert row["std"] == "" and row["seeds"] == "0", "one seed has no spread"
    mean = sum(float(row["mean"]) for row in rows if row["row"].startswith("OKD-SAGAN G")) / 3
    assert float(rows[-1]["mean"]) == pytest.approx(mean)
    assert {row["row"]: row["published"] for row in rows}["OKD-SAGAN G2"] == "118.23"
    acgan = next(row for row in rows if row["row"] == "ACGAN")
    assert float(acgan["fid_early_mean"]) > 0, "the literal reading of the paper's epochs stands beside"


def test_the_table_says_what_its_numbers_are(built):
    for suffix in ("md", "tex"):
        text = (built / f"results/smoke/tables/okd_table1.{suffix}").read_text()
        for words in ("scale smoke", "1 seed", "reproduces nothing", "drawn by a program", "random weights", "118.23"):
            assert words in text
    assert r"\toprule" in text and "% Made by: snakemake --cores all okd_table1 --config scale=smoke" in text


def test_explain_and_status_read_what_was_built(built):
    text = advkd(built, "explain", "okd_table1", "OKD-SAGAN", "G2", *settings()).stdout
    result = read_json(built / "results/smoke/runs/okd/codebrim/sagan/okd/seed0/result.json")
    for words in (
        "published   118.23",
        result["sha256"]["model.safetensors"],
        result["config_hash"],
        "sha256 images.npy",
    ):
        assert words in text
    text = advkd(built, "status", *settings()).stdout
    assert "okd_table1        10    10  built" in text and "4 done" in text


def test_nothing_is_made_twice(built):
    for path in [*(built / "src").rglob("*.py"), *(built / "config").rglob("*.yaml"), *(built / "workflow").rglob("*")]:
        path.touch()
    again = pending(built, *settings("device=cpu", "mirror=/elsewhere"))
    assert again == set(), "a fresh checkout's times mean nothing, nor does the machine"


def test_what_is_outdated_is_made_again_without_snakemake_s_records(built):
    """As after copying results, or deleting .snakemake. Asking changes nothing."""
    records, code = built / ".snakemake", built / "src/advkd/methods/okd.py"
    result = built / "results/smoke/runs" / RUN / "result.json"
    changed, original = result.stat().st_mtime_ns, code.read_text()
    records.rename(built / "records")
    try:
        assert "train" in pending(built, *settings(okd=", rho: 0.5"))
        code.write_text(original + "\nCHANGED = True\n")
        assert pending(built, *settings()) == set()
        assert "train" in pending(built, *settings("retrain=stale"))
    finally:
        code.write_text(original)
        shutil.rmtree(records, ignore_errors=True)
        (built / "records").rename(records)
    assert pending(built, *settings()) == set() and result.stat().st_mtime_ns == changed


def test_what_changes_numbers_is_made_again(built):
    assert pending(built, *settings(seeds=2)) == {"train", "evaluate", "table", "figure"}
    assert pending(built, *settings(okd=", rho: 0.5")) == {"train", "evaluate", "table", "figure"}


def test_preparing_the_same_store_again_trains_nothing_again(built):
    (meta,) = built.glob("data/stores/*/meta.json")
    log = built / "results/smoke/runs/okd/codebrim/sagan/okd/seed0/log.txt"
    before, logged = meta.read_bytes(), log.read_text()
    assert "done after" in logged
    snakemake(built, "okd_table1", "--until", "train", "-R", "prepare", *settings())
    assert meta.read_bytes() == before
    assert log.read_text().startswith(logged)
    assert "finished before, and nothing of it changed" in log.read_text()[len(logged) :]


def test_code_that_changed_is_told(built):
    path = built / "src/advkd/methods/okd.py"
    original = path.read_text()
    try:
        path.write_text(original + "\n# a comment\n")
        assert "code changed since" not in advkd(built, "status", *settings()).stdout
        path.write_text(original + "\nCHANGED = True\n")
        assert "4 done (counts; code changed since)" in advkd(built, "status", *settings()).stdout
    finally:
        path.write_text(original)


def test_an_evaluation_by_older_code_is_told_and_made_again_on_request_only(built):
    path = built / "src/advkd/metrics/frechet.py"
    original = path.read_text()
    try:
        path.write_text(original + "\nCHANGED = True\n")
        assert pending(built, *settings()) == set()
        assert "4 done (counts; code of its metrics changed since)" in advkd(built, "status", *settings()).stdout
        again = pending(built, *settings("retrain=stale"))
        assert "evaluate" in again and "train" not in again
    finally:
        path.write_text(original)


def test_synthesized_images_are_reproducible(built, tmp_path, monkeypatch, capsys):
    """In another process and in this one, where more was drawn before."""
    words = ["synthesize", "okd/codebrim/acgan/okd/seed0", "--count", "7", *settings()]
    advkd(built, *words, "--out", str(tmp_path / "a"))
    monkeypatch.chdir(built)
    assert main([*words, "--out", str(tmp_path / "b")]) == 0
    with (tmp_path / "a/images.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 21 and {row["generator"] for row in rows} == {"G1", "G2", "G3"}
    assert len({row["class"] for row in rows}) == 5
    for row in rows:
        assert (tmp_path / "a" / row["file"]).read_bytes() == (tmp_path / "b" / row["file"]).read_bytes()
    assert main([*words, "--out", str(tmp_path / "a")]) == 2 and "is not an empty folder" in capsys.readouterr().err


def test_a_missing_run_is_one_line(built, tmp_path):
    run = "okd/codebrim/sagan/okd+rho=0/seed0"
    done = advkd(built, "synthesize", run, "--count", "1", "--out", str(tmp_path / "x"), check=False)
    assert done.returncode == 2
    assert done.stderr == f"advkd synthesize: {run} at scale smoke is not started: advkd train {run}\n"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = with_long_scale(tmp_path_factory.mktemp("undisturbed") / "checkout")
    snakemake(folder, "runs", *KILLED)
    return folder


def start(folder: Path) -> subprocess.Popen:
    """Start what `make runs` starts, in a process group of its own."""
    command = [sys.executable, "-m", "advkd.start", "runs", *KILLED]
    with (folder / "out.txt").open("a") as out:
        return subprocess.Popen(
            command, cwd=folder, env=environment(folder), stdout=out, stderr=out, start_new_session=True
        )


@pytest.mark.parametrize("orphan", [True, False], ids=["snakemake alone", "everything"])
def test_killed_in_the_middle_of_a_training_it_ends_with_the_same_bits(undisturbed, orphan, tmp_path):
    folder = with_long_scale(tmp_path / "checkout")
    shutil.copytree(undisturbed / "data", folder / "data")
    run = Path("results/long/runs", RUN)
    process = start(folder)
    deadline = time.monotonic() + LONGEST
    while not (folder / run / "checkpoint.pt").exists():
        assert process.poll() is None and time.monotonic() < deadline, (folder / "out.txt").read_text()
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL) if orphan else os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (folder / run / "result.json").exists(), "killed too late to show anything"

    second = start(folder)
    try:
        second.wait(timeout=LONGEST)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(second.pid, signal.SIGKILL)
    printed = (folder / "out.txt").read_text()
    assert second.returncode == 0, printed
    assert "clearing the lock of a Snakemake that was killed" in printed
    for name in ("result.json", "model.safetensors", "samples.npz", "history.csv", "metrics.json"):
        assert (folder / run / name).read_bytes() == (undisturbed / run / name).read_bytes(), name
    attempts = read_json(folder / run / "provenance.json")["attempts"]
    log = (folder / run / "log.txt").read_text()
    if orphan:
        # The second waited for the first, or came when it was done and kept its result.
        assert ("by another process" in log or "nothing of it changed" in log) and len(attempts) == 1
    else:
        assert len(attempts) == 2 and attempts[1]["from_step"] > 0
    assert log.count("thread(s)") == len(attempts) and log.count("done after") == 1, "the log is appended to"
    assert not [path for path in (folder / run).iterdir() if "tmp" in path.name or "checkpoint" in path.name]


def test_a_second_make_in_one_folder_says_so(undisturbed):
    import fcntl

    with (undisturbed / ".snakemake/advkd.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # as a Snakemake that works there does
        second = subprocess.run(
            [sys.executable, "-m", "advkd.start", "runs"], cwd=undisturbed, env=environment(undisturbed),
            capture_output=True, text=True,
        )  # fmt: skip
    assert second.returncode == 2 and "another Snakemake works in this folder" in second.stderr


def test_a_folder_of_images_takes_the_place_of_the_data_set(checkout, tmp_path):
    """Also with spaces in every path, and noticing when the images change."""
    rng = np.random.default_rng(0)
    images = tmp_path / "my defects"
    for kind, number in (("crack", 9), ("rust", 8)):
        (images / kind).mkdir(parents=True)
        for i in range(number):
            Image.fromarray(rng.integers(0, 256, (70, 90, 3), dtype=np.uint8)).save(images / kind / f"{i} a.png")
    places = [f"folders={{codebrim: '{images}'}}", f"data_root={tmp_path / 'my data'}"]
    tiny = "override={okd: {crops: 0, batch: 4, iterations: 2, early_iteration: 1, fakes: 6, curve_points: 0}}"
    words = ["okd_table1", "--config", "seeds=1", *places, tiny]
    snakemake(checkout, *words)
    table = (checkout / "results/smoke/tables/okd_table1.md").read_text()
    assert "the user's own images" in table and "15 real crops, 6 images of each generator" in table
    assert "'iterations': 2" in table, "what was overridden stands in the caption"
    assert "Nothing to be done" in snakemake(checkout, "-n", *words).stdout
    photo = images / "rust/0 a.png"
    data, times = photo.read_bytes(), photo.stat()
    photo.write_bytes((images / "rust/1 a.png").read_bytes().ljust(len(data), b"\0")[: len(data)])
    os.utime(photo, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "prepare" in snakemake(checkout, "-n", *words).stdout, "also of the same size and time"
    photo.unlink()
    shutil.rmtree(checkout / ".snakemake")
    assert "prepare" in snakemake(checkout, "-n", *words).stdout, "whatever snakemake remembers"
    other = [f"folders={{codebrim: '{tmp_path / 'nothing'}'}}", *words[3:]]
    assert "prepare" in snakemake(checkout, "-n", "okd_table1", "--config", "seeds=1", *other).stdout
    refused = advkd(checkout, "train", "okd/codebrim/sagan/okd/seed0", "--config", "seeds=1", *words[3:], check=False)
    assert refused.returncode == 2 and "was prepared from other images" in refused.stderr


BAD = {
    ("--config", "scale=huge"): "scale 'huge' is unknown: config/scales has",
    ("--config", "scael=smoke"): "unknown key 'scael'",
    ("runs", "--config", "runs=[okd/codebrim/sagan/okd+roh=1/seed0]"): "unknown key 'roh'",
    ("--config", "override={okd: {batch: 5000}}"): "larger than the data set",
    ("okd_table7",): "okd_table7",
}


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_bad_input_stops_before_anything_runs(checkout, words):
    done = snakemake(checkout, *words, check=False)
    assert done.returncode != 0 and BAD[words] in done.stderr
    assert not (checkout / "results").exists() and not (checkout / "data").exists()
