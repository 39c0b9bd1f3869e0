"""Too little memory gives one line with the remedy and no half-written file, and the next try continues."""

import errno
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_workflows import CONFIG, FOLDER, LONGEST, PRODUCTS, RUN, SNAKEMAKE, prepare, resolved, started, training
from tiny_runs import TINY, make_store

from advkd.errors import MEMORY_REMEDY, machine_fault
from advkd.files import atomic, read_json
from advkd.runs import checkpoint
from advkd.runs.train import train
from checkouts import environment


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError("Unable to allocate 3.00 GiB for an array"), "out of memory (Unable to allocate 3.00 GiB"),
        (MemoryError(), "out of memory: give it more"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory ("),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB. GPU 0 has"), "(CUDA out of memory):"),
        (RuntimeError("could not create a primitive"), "out of memory (could not create"),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling"), "out of memory (CUBLAS"),
        (OSError(errno.EROFS, "Read-only file system", "/a/b"), "/a/b: Read-only file system"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
    ],
)
def test_a_machine_fault_is_one_line(error, words):
    assert words in machine_fault(error) and "\n" not in machine_fault(error)
    assert (MEMORY_REMEDY in machine_fault(error)) == ("out of memory" in words or "CUDA" in words)


@pytest.mark.parametrize(
    "error", [ValueError("out of memory"), RuntimeError("shapes differ"), FileNotFoundError(errno.ENOENT, "no", "a")]
)
def test_other_errors_are_no_machine_faults(error):
    assert machine_fault(error) == ""


def test_the_message_of_torch_is_recognised():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert machine_fault(caught.value).startswith("out of memory (")


def limited(folder: Path, code: str, *mib: int) -> subprocess.CompletedProcess:
    """Run code in a process for each limit, the MiB that it may allocate beyond its start; print its exit status."""
    code = f"""
import os, resource, sys, torch
from pathlib import Path
from advkd import cli
from advkd.errors import machine_fault
from advkd.runs import checkpoint, train
from advkd.training import gan
mapped = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
for mib in {mib}:
    if not (child := os.fork()):
        resource.setrlimit(resource.RLIMIT_AS, (mapped + (mib << 20),) * 2)
        os._exit({code})
    print(mib, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=sys.stderr, flush=True)
"""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(folder), capture_output=True, text=True, check=True
    )


def test_a_training_without_memory_gives_one_line_and_no_half_written_file(checkout, tmp_path):
    data_root = make_store(tmp_path / "data")
    override = {"okd": {**TINY, "batch": 12, "curve_points": 0}}
    words = ["train", RUN, "--config", "device=cpu", f"data_root={data_root}", f"override={json.dumps(override)}"]
    stderr_text = limited(checkout, f"cli.main({words!r})", 110).stderr  # imports need less
    assert re.search(
        r"^advkd train: out of memory \(.*" + re.escape(MEMORY_REMEDY) + r"\n110 2$", stderr_text, re.MULTILINE
    ), stderr_text
    assert "Traceback" not in stderr_text
    left = {path.name for path in (checkout / FOLDER).iterdir()}
    assert left == {"config.yaml", "log.txt", ".lock"}, "no half-written file"


def test_a_preparation_without_memory_leaves_the_store_unchanged(checkout):
    """The crops of photographs stay in memory until they are written."""
    prepare()
    run = resolved()
    store = Path("data/stores", run.store)
    before = {path.name: path.read_bytes() for path in store.iterdir()}
    settings = {**run.store_settings, "crops": 20_000}
    words = ["prepare", "data/made/codebrim-12.json", "--settings", json.dumps(settings), "--out", str(store)]
    stderr_text = limited(checkout, f"cli.main({words!r})", 60).stderr
    said = r"^advkd prepare: out of memory \(Unable to allocate .* MiB.*" + re.escape(MEMORY_REMEDY) + "\n60 2\n"
    assert re.search(said, stderr_text, re.MULTILINE) and "Traceback" not in stderr_text, stderr_text
    assert {path.name: path.read_bytes() for path in store.iterdir()} == before
    assert [path.name for path in store.parent.iterdir()] == [store.name]


def test_a_checkpoint_that_does_not_fit_into_memory_is_not_damaged(tmp_path):
    weights = torch.zeros(100 << 18)  # 100 MiB
    for step in (1, 2):
        checkpoint.save(tmp_path, {"identity": "x", "step": step, "weights": weights})
    stderr_text = limited(Path.cwd(), f"checkpoint.load(Path({str(tmp_path)!r}), 'x') is None", 50).stderr
    *_, raised, status = stderr_text.splitlines()
    assert status == "50 1" and "damaged" not in stderr_text
    assert raised.startswith("MemoryError") or "can't allocate memory" in raised
    assert checkpoint.load(tmp_path, "x")["step"] == 2


def test_a_file_is_unchanged_if_memory_runs_out_while_it_is_written(tmp_path):
    path = tmp_path / "a"
    path.write_text("before")
    with pytest.raises(MemoryError), atomic(path) as temporary:
        temporary.write_text("half")
        bytearray(1 << 62)
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_training_that_the_kernel_kills_continues_in_the_next_try(checkout, tmp_path):
    """Linux kills a process that takes too much memory with SIGKILL, which it cannot handle."""
    prepare()
    assert train(resolved().document(), tmp_path / "undisturbed", Path("data"), "cpu", 1000) == 0
    command = [*SNAKEMAKE, str(FOLDER / "result.json"), "--retries", "1", *CONFIG]
    with started(command, checkout) as workflow:
        training(workflow, checkout).kill()
        assert workflow.wait(LONGEST) == 0, (checkout / "out.txt").read_text()
    attempts = read_json(checkout / FOLDER / "provenance.json")["attempts"]
    assert len(attempts) == 2 and attempts[1]["from_step"] > 0
    for name in PRODUCTS:
        assert (checkout / FOLDER / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes(), name
    assert not [path for path in (checkout / FOLDER).iterdir() if "tmp" in path.name or "checkpoint" in path.name]
