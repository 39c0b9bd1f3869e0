"""A full disk: existing files stay whole, one line gives the reason, and with room the job continues."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_runs import TINY, make_store

from advkd import files
from advkd.cli import main
from advkd.data.store import Store
from advkd.data.store_draft import write_store
from advkd.errors import CannotWrite, UserError
from advkd.files import read_json
from advkd.progress import logging_to, say
from advkd.runs import checkpoint
from advkd.runs.train import train
from advkd.settings import config
from checkouts import advkd

pytest_plugins = ["small_disks"]
RUN = "okd/codebrim/sagan/single/seed0"
SETTINGS = {"okd": {**TINY, "iterations": 4, "curve_points": 0}}
FILES = ["model.safetensors", "samples.npz", "history.csv", "result.json"]
FULL = "No space left on device"


@pytest.fixture(scope="module")
def data_root(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def document():
    return config.resolve(RUN, config.user({"override": SETTINGS})).document()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, data_root, document):
    """The files of an undisturbed run, with its last checkpoint."""
    folder, save, saved = tmp_path_factory.mktemp("undisturbed"), checkpoint.save, {}

    def keep(folder: Path, state: dict) -> None:
        save(folder, state)
        saved["checkpoint.pt"] = (folder / "checkpoint.pt").read_bytes()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "save", keep)
        assert train(document, folder, data_root, "cpu", 1000) == 0
    return contents(folder) | saved


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def test_a_training_whose_disk_fills_up_keeps_its_checkpoint_and_ends_with_the_same_bits(
    small_disk, checkout, undisturbed, data_root, document
):
    """The disk has room for two checkpoints but not for a third, which is written before the first is deleted."""
    disk = small_disk(checkout / "results", int(2.5 * len(undisturbed["checkpoint.pt"])))
    words = ["device=cpu", f"data_root={data_root}", "checkpoint_seconds=0", f"override={json.dumps(SETTINGS)}"]
    done = advkd(checkout, "train", RUN, "--config", *words, check=False)
    folder = disk.folder / "smoke/runs" / RUN
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last == f"advkd train: {folder.relative_to(checkout)}/checkpoint.pt cannot be written: {FULL}"
    assert "Traceback" not in done.stderr and done.stderr.count(FULL) == 1
    found = {path.name for path in folder.iterdir() if path.is_file()}
    assert found == {*checkpoint.CHECKPOINTS, "config.yaml", "history.csv", "log.txt", ".lock"}, "no half-written file"
    disk.make_room()
    assert train(document, folder, data_root, "cpu", 1000) == 0
    assert contents(folder).items() <= undisturbed.items()
    assert [attempt["from_step"] for attempt in read_json(folder / "provenance.json")["attempts"]] == [0, 2]


@pytest.mark.parametrize("name", ["model.safetensors", "checkpoint.pt", "samples.npz"])
def test_products_without_room_give_one_line_and_are_written_later(
    name, small_disk, tmp_path, undisturbed, data_root, document
):
    """At the end of a training it writes its weights, its last checkpoint and its samples."""
    order = ["model.safetensors", "checkpoint.pt", "samples.npz"]
    before = sum(len(undisturbed[product]) for product in order[: order.index(name)])
    disk = small_disk(tmp_path / "disk", before + len(undisturbed[name]) // 2)
    with pytest.raises(UserError) as caught:
        train(document, disk.folder / "run", data_root, "cpu", 1000)
    assert str(caught.value) == f"{disk.folder / 'run' / name} cannot be written: {FULL}"
    assert not [path for path in disk.names() if "tmp" in path or name in path]
    disk.make_room()
    assert train(document, disk.folder / "run", data_root, "cpu", 1000) == 0
    assert contents(disk.folder / "run").items() <= undisturbed.items()


def test_a_log_without_room_is_reported_once_and_stops_nothing(
    small_disk, tmp_path, undisturbed, data_root, document, capsys
):
    disk = small_disk(tmp_path / "disk", 1 << 20)
    log = disk.folder / "log.txt"
    with logging_to(log):
        say("before")
        disk.fill()
        say("x" * 5000)
        assert train(document, tmp_path / "run", data_root, "cpu", 1000) == 0
        disk.make_room()
        say("after")
    assert contents(tmp_path / "run").items() <= undisturbed.items()
    told = capsys.readouterr().err.splitlines()
    assert [line for line in told if FULL in line] == [f"{log} cannot be written ({FULL}): it will lack lines"]
    logged = log.read_text()
    assert " before\n" in logged and logged.endswith(" after\n") and "done after" not in logged
    assert sum("done after" in line for line in told) == 1


def test_a_closed_standard_error_stops_nothing(tmp_path):
    with Path("/dev/full").open("w") as full:
        code = f"from advkd.progress import say; say('a'); say('b'); open({str(tmp_path / 'ended')!r}, 'w')"
        subprocess.run([sys.executable, "-c", code], stderr=full, env={"PYTHONPATH": "src"})
    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize("before", [False, True], ids=["no store before", "a store before"])
def test_a_store_without_room_says_how_much_it_needs(before, small_disk, tmp_path):
    """Only the room for the arrays is checked beforehand: a disk with just so much is full after them."""
    arrays = {
        "images": np.zeros((20, 64, 64, 3), np.uint8), "labels": np.arange(20),
        "held_out": np.zeros((2, 64, 64, 3), np.uint8), "held_out_labels": np.arange(2),
    }  # fmt: skip
    needed = sum(array.nbytes for array in arrays.values())
    disk = small_disk(tmp_path / "disk", 4 * needed)
    out = disk.folder / "set"
    if before:
        write_store(out, arrays, "", {"name": "before"})
    disk.fill(leave=needed + files.PROBE // 64)
    with pytest.raises(UserError) as caught:
        write_store(out, arrays, "x" * files.PROBE, {"name": "after"})
    assert str(caught.value) == f"cannot write {out} ({FULL}): {needed / 1e6:,.1f} MB are needed there"
    assert {path.name for path in disk.folder.iterdir()} == {"filler", *(["set"] if before else [])}
    if before:
        assert Store.open(out).meta["name"] == "before"
    disk.make_room()
    write_store(out, arrays, "x" * files.PROBE, {"name": "after"})
    assert Store.open(out).meta["name"] == "after"


@pytest.mark.parametrize(
    "words", [["table", "okd_table1"], ["figure", "okd_figure3"], ["report", "--html"]], ids=" ".join
)
def test_a_table_a_figure_and_the_page_leave_the_old_file_whole(words, checkout, small_disk, tmp_path, capsys):
    disk = small_disk(tmp_path / "disk", 40 << 20)
    out = disk.folder / "page.html" if words[0] == "report" else disk.folder
    command = [*words, str(out)] if words[0] == "report" else [*words, "--out", str(out)]
    assert main(command) == 0
    before = {name: (disk.folder / name).read_bytes() for name in disk.names()}
    disk.fill()
    capsys.readouterr()
    assert main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"advkd {words[0]}: {disk.folder}") and line.endswith(f"cannot be written: {FULL}")
    assert {name: (disk.folder / name).read_bytes() for name in disk.names()} == before


def torch_save(path: Path, array: np.ndarray) -> None:
    import torch

    torch.save({"a": torch.from_numpy(array)}, path)


def safetensors_save(path: Path, array: np.ndarray) -> None:
    from safetensors.numpy import save_file

    save_file({"a": array}, path)


def numpy_save(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array)


@pytest.mark.parametrize("write", [torch_save, safetensors_save, numpy_save])
def test_the_reason_is_found_even_if_a_library_hides_it(write, small_disk, tmp_path):
    disk = small_disk(tmp_path / "disk", 1 << 20)
    with (
        pytest.raises(CannotWrite, match=f"a cannot be written: {FULL}") as caught,
        files.atomic(disk.folder / "a") as a,
    ):
        write(a, np.zeros(1 << 18))
    assert getattr(caught.value.__cause__, "errno", None) is None, "the probe is only needed if the reason is hidden"
    assert not disk.names()
