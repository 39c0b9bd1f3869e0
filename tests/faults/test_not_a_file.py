"""A pipe or a folder in the place of each file that commands read: none waits, and none ends in a traceback."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_classifiers
from small_workflows import finish

from advkd.cli import main
from advkd.settings import config
from checkouts import copy_checkout, environment

RUN = "aikd/cifar100/preact_resnet18/baseline/seed0"
FOLDER = Path("results/smoke/runs", RUN)
OVERRIDE = {"aikd": tiny_classifiers.TINY}
CONFIG = ["--config", f"override={json.dumps(OVERRIDE)}", "device=cpu"]
LONGEST = 60  # seconds
MAKE = {"pipe": os.mkfifo, "folder": os.mkdir}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A checkout with one finished classifier."""
    folder = copy_checkout(tmp_path_factory.mktemp("built") / "checkout")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        finish(RUN, tiny_classifiers, config.user({"override": OVERRIDE}))
    return folder


@pytest.fixture(autouse=True)
def _there(built, monkeypatch):
    monkeypatch.chdir(built)
    signal.alarm(10 * LONGEST)  # ends this process where a command waits
    yield
    signal.alarm(0)


@pytest.fixture(params=MAKE)
def put(request):
    """Put something else in a file's place until the end of a test."""
    places = []

    def in_place_of(path: Path) -> str:
        places.append(path)
        if path.exists():
            path.rename(f"{path}.away")
        MAKE[request.param](path)
        return f"a {request.param}, not a file"

    yield in_place_of
    for path in places:
        path.rmdir() if path.is_dir() else path.unlink()
        if Path(f"{path}.away").exists():
            Path(f"{path}.away").rename(path)


ASKED = [["status", "--all"], ["explain", RUN], ["measure", RUN], ["plan", "aikd_table2"], ["train", RUN],
         ["table", "aikd_table2", "--out", "out"], ["doctor"]]  # fmt: skip


def ask(words: list[str], capsys) -> str:
    """Run a command; return what it printed."""
    status = main([*words, *CONFIG])
    printed = capsys.readouterr()
    assert status in (0, 1, 2) and "Traceback" not in printed.err, printed.err
    return printed.out + printed.err


OF_RUN = ["config.yaml", "history.csv", "result.json", "provenance.json", "predictions.npz", "metrics.json", ".lock",
          "log.txt", "checkpoint.pt"]  # fmt: skip


@pytest.mark.parametrize("name", OF_RUN)
def test_in_a_run_s_folder(name, put, capsys):
    said = put(FOLDER / name)
    printed = [ask(words, capsys) for words in ASKED if words[0] != "train"]
    if name in ("result.json", ".lock", "provenance.json"):
        assert said in "".join(printed)


@pytest.mark.parametrize("name", ["config/config.yaml", "config/aikd.yaml", "config/scales/smoke.yaml",
                                  "config/datasets.yaml", "paper/published/aikd_table2.csv", "paper/claims.yaml",
                                  "paper/papers.yaml"])  # fmt: skip
def test_in_the_checkout(name, put, capsys):
    said = put(Path(name))
    printed = "".join(ask(words, capsys) for words in [*ASKED, ["claims"]] if words[0] != "train")
    assert said in printed


@pytest.mark.parametrize("name", [".lock", "checkpoint.pt", "config.yaml"])
def test_before_a_training(name, put, capsys):
    run = RUN.replace("seed0", "seed1")
    folder = Path(str(FOLDER).replace("seed0", "seed1"))
    folder.mkdir(exist_ok=True)
    said = put(folder / name)
    printed = ask(["train", run], capsys)
    # A checkpoint is renamed into its place, and the pipe there is replaced, as a file would be.
    assert said in printed or f"{folder / name} cannot be written: it is a" in printed or (folder / name).is_file()


@pytest.mark.parametrize("name", ["meta.json", "images.npy", "labels.npy"])
def test_in_a_store(name, put, capsys):
    (store,) = Path("data/stores").iterdir()
    said = put(store / name)
    for words in ASKED[:-1]:
        if words[0] != "train":
            ask(words, capsys)
    assert said in ask(["train", RUN.replace("seed0", "seed2")], capsys)


def test_an_image_of_a_folder(tmp_path, put, capsys):
    from PIL import Image

    for kind in ("crack", "rust"):
        (tmp_path / kind).mkdir()
        for number in range(6):
            Image.new("RGB", (40, 40), (number * 40, 0, 0)).save(tmp_path / kind / f"{number}.png")
    said = put(tmp_path / "crack/0.png")
    settings = {"dataset": "mine", "data": "folder", "stored_size": 64, "held_out": 0.2, "data_seed": 0}
    out = tmp_path.parent / f"{tmp_path.name}-store"
    printed = ask(["prepare", str(tmp_path), "--settings", json.dumps(settings), "--out", str(out)], capsys)
    assert (out / "meta.json").is_file()
    assert ("1 that are no files (pipes, sockets, devices) are left out" in printed) == said.startswith("a pi")


@pytest.mark.parametrize("name", ["config/config.yaml", ".snakemake/advkd.lock"])
def test_snakemake_does_not_wait(name, put, built):
    Path(".snakemake").mkdir(exist_ok=True)
    put(Path(name))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "okd_table1", "--until", "draw", *CONFIG]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, env=environment(built))
    printed = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in printed
    assert f"{name} is " in printed


def test_make_does_not_wait(put, built):
    Path(".snakemake").mkdir(exist_ok=True)
    said = put(Path(".snakemake/advkd.lock"))
    command = [sys.executable, "-m", "advkd.start", "-n"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, env=environment(built))
    assert done.returncode == 2 and done.stderr == f"advkd: .snakemake/advkd.lock is {said}: move it away\n"
