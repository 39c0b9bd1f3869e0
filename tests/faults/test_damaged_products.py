"""Commands that read a finished run's products report a changed bit and compute no number from it."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny_classifiers
import tiny_runs
from small_workflows import FOLDER, RUN, SETTINGS, finish

from advkd.cli import main
from advkd.damage import attempt
from advkd.errors import UserError
from advkd.files import read_json
from advkd.runs import gan_evaluation
from advkd.runs.damaged import Damaged
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import HISTORY, PREDICTIONS, PROVENANCE, RESULT
from advkd.settings import config
from checkouts import copy_checkout

CLASSIFIER = "aikd/cifar100/preact_resnet18/baseline/seed0"
OVERRIDE = {"okd": {**SETTINGS, "fakes": 10, "iterations": 2}, "aikd": tiny_classifiers.TINY}
CONFIG = ["--config", f"override={json.dumps(OVERRIDE)}", "device=cpu"]
PLACES = 200


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout with a finished GAN, the features of its real crops, and a finished classifier."""
    folder = copy_checkout(tmp_path_factory.mktemp("built") / "checkout")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, tiny in ((RUN, tiny_runs), (CLASSIFIER, tiny_classifiers)):
            finish(name, tiny, config.user({"override": OVERRIDE}))
        (store,) = Path("data/stores").glob("codebrim*")
        gan_evaluation.prepare_reals(store, Path("reals"), "random_inception64", None, "", "cpu")
    return folder


@pytest.fixture(autouse=True)
def _there(checkout, _in_checkout, monkeypatch):
    monkeypatch.chdir(checkout)


@pytest.fixture
def change():
    """A function that changes one bit in the middle of a file; the file is restored after the test."""
    before: dict[Path, bytes] = {}

    def change(path: Path) -> None:
        content = before[path] = path.read_bytes()
        path.write_bytes(flipped(content, len(content) // 2))

    yield change
    for path, content in before.items():
        path.write_bytes(content)


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]


EVALUATE = ["evaluate", RUN, "--reals", "reals", "--out", "metrics.json"]
REPORTED = [
    (EVALUATE, FOLDER / "samples.npz", "is not what the run wrote"),
    (EVALUATE, Path("reals/reals.npz"), "is not what was prepared"),
    (EVALUATE, Path("reals/held_out.npz"), "is not what was prepared"),
    (["synthesize", RUN, "--count", "1", "--out", "images"], FOLDER / "model.safetensors",
     "model.safetensors is not what the run wrote (its checksum differs): delete result.json beside it"),
    (["measure", CLASSIFIER], Path("results/smoke/runs", CLASSIFIER, "predictions.npz"), "is not what the run wrote"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "path", "said"), REPORTED, ids=[f"{words[0]} {path.name}" for words, path, _ in REPORTED]
)
def test_a_command_that_computes_from_a_damaged_file_reports_it(words, path, said, change, capsys):
    change(path)
    capsys.readouterr()
    assert main([*words, *CONFIG]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"advkd {words[0]}: ") and str(path.parent) in line and said in line
    assert not Path("metrics.json").exists() and not Path("images").exists()


def test_a_table_reports_it_only_in_the_cells_of_that_run(change, tmp_path, capsys):
    change(Path("results/smoke/runs", CLASSIFIER, "predictions.npz"))
    assert main(["table", "aikd_table2", "--out", str(tmp_path), *CONFIG]) == 0
    assert "predictions.npz is not what the run wrote" in capsys.readouterr().err
    cells = (tmp_path / "aikd_table2.csv").read_text().splitlines()
    damaged = [line for line in cells if "predictions.npz is not what the run wrote" in line]
    assert damaged and all("preact_resnet18/baseline" in line for line in damaged) and len(damaged) < len(cells) - 1


def test_a_figure_reports_it(change, tmp_path, capsys):
    change(FOLDER / "samples.npz")
    assert main(["figure", "okd_figure3", "--out", str(tmp_path), *CONFIG]) == 0
    assert re.search(r"okd_figure3: \S+samples\.npz is not what the run wrote", capsys.readouterr().err)
    assert list(read_json(tmp_path / "okd_figure3.json")) == ["damage"]


BEST = Path("results/smoke/runs", CLASSIFIER, "best.safetensors")


def test_no_flipped_byte_of_the_best_weights_passes(change):
    folder, content = RunFolder(BEST.parent), BEST.read_bytes()
    change(BEST)
    for place in random.Random(0).sample(range(len(content)), PLACES):
        BEST.write_bytes(flipped(content, place))
        with pytest.raises(Damaged, match="is not what the run wrote"):
            folder.check(BEST.name)


@pytest.mark.parametrize("name", ["meta.json", "reals.npz", "held_out.npz"])
def test_no_flipped_byte_of_the_real_crops_features_passes(name, change):
    """A byte between two values of the JSON file changes nothing that is read."""
    path = Path("reals", name)
    content, meta = path.read_bytes(), read_json(Path("reals/meta.json"))
    change(path)
    for place in random.Random(0).sample(range(len(content)), min(PLACES, len(content))):
        path.write_bytes(flipped(content, place))
        try:
            read = gan_evaluation.load_reals(Path("reals"))
        except UserError:
            continue
        assert name == "meta.json" and read.meta == meta, place


# Every command that reads a run, with a file that it reads; and what it ends with. A command that shows many runs tells
# the damaged one and shows the others. `advkd claims` shows no number of scale smoke.
READERS = [
    (["status"], RESULT, 0),
    (["explain", "R1"], PROVENANCE, 0),
    (["evidence"], RESULT, 0),
    (["keep", CLASSIFIER, "--out", "kept"], PREDICTIONS, 2),
    (["tensorboard", CLASSIFIER, "--out", "logs"], HISTORY, 1),
    (["report", "--html", "page.html"], PREDICTIONS, 0),
]


@pytest.mark.parametrize(("words", "name", "status"), READERS, ids=[words[0] for words, _, _ in READERS])
def test_every_command_that_reads_a_run_tells_its_changed_file(words, name, status, change, capsys):
    path = Path("results/smoke/runs", CLASSIFIER, name)
    change(path)
    capsys.readouterr()
    assert main([*words, *CONFIG]) == status
    printed = capsys.readouterr()
    told = printed.out + printed.err
    if words[0] == "report":
        told += Path("page.html").read_text()
    assert name in told and "Traceback" not in told


def test_a_training_restores_a_changed_result_from_its_copy(change, capsys):
    path = Path("results/smoke/runs", CLASSIFIER, RESULT)
    before = path.read_bytes()
    change(path)
    assert main(["train", CLASSIFIER, *CONFIG]) == 0
    assert "finished before, and nothing of it changed" in capsys.readouterr().err and path.read_bytes() == before


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_numpy_compares_checksums_which_torch_does_not(write: Callable, tmp_path):
    """An npz file's own checksums report a changed bit, or it changes no number."""
    arrays = {"a": np.arange(500), "b": np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)}
    path = tmp_path / "a.npz"
    write(path, **arrays)
    content = path.read_bytes()
    edges = [
        *range(120),
        *range(len(content) - 250, len(content)),
    ]  # headers: a changed bit may have any effect
    reported = 0

    def read() -> dict[str, np.ndarray]:
        with np.load(path) as found:
            return {name: found[name] for name in arrays}

    for place in [*edges, *random.Random(0).sample(range(len(content)), PLACES)]:
        path.write_bytes(flipped(content, place))
        found, problem = attempt(read)
        reported += bool(problem)
        assert problem or all(np.array_equal(found[name], arrays[name]) for name in arrays), place
    assert reported > PLACES / 2
