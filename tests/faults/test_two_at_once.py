"""Two workflows in one folder, and locks whose holders have died."""

import subprocess
import sys
from pathlib import Path

from small_workflows import CONFIG, FOLDER, LONGEST, PRODUCTS, RUN, SNAKEMAKE, prepare, resolved, started, training

from advkd.files import read_json
from advkd.runs import gpus
from advkd.runs.folder_writer import WritableFolder
from advkd.runs.lookup import state_of
from advkd.runs.train import train
from checkouts import environment

TARGET = str(FOLDER / "result.json")


def test_a_second_workflow_is_refused_and_does_not_disturb_the_first(checkout, tmp_path):
    """The first is suspended in its training while others are started, by `make` and by hand."""
    prepare()
    assert train(resolved().document(), tmp_path / "alone", Path("data"), "cpu", 1000) == 0
    with started([*SNAKEMAKE, TARGET, *CONFIG], checkout) as first:
        worker = training(first, checkout)
        worker.suspend()
        made = start(checkout, [sys.executable, "-m", "advkd.start", TARGET, *CONFIG])
        plain = start(checkout, [*SNAKEMAKE, TARGET, *CONFIG])
        worker.resume()
        assert first.wait(LONGEST) == 0, (checkout / "out.txt").read_text()
    assert (made.returncode, made.stderr) == (
        2, "advkd: another Snakemake works in this folder: wait for it, or stop it\n"
    )  # fmt: skip
    assert plain.returncode == 1 and "Directory cannot be locked" in plain.stderr
    assert "rule train:" not in plain.stderr, "it starts no job"
    for name in PRODUCTS:
        assert (checkout / FOLDER / name).read_bytes() == (tmp_path / "alone" / name).read_bytes(), name
    assert len(read_json(checkout / FOLDER / "provenance.json")["attempts"]) == 1
    assert not any((checkout / ".snakemake/locks").glob("*"))


def start(checkout: Path, command: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, cwd=checkout, env=environment(checkout), capture_output=True, text=True, timeout=LONGEST
    )


def test_make_in_a_folder_that_cannot_be_written_gives_one_line(tmp_path):
    (tmp_path / "Snakefile").touch()
    (tmp_path / ".snakemake").touch()
    done = start(tmp_path, [sys.executable, "-m", "advkd.start", "table1"])
    assert (done.returncode, done.stderr) == (2, "advkd: .snakemake cannot be written: File exists\n")


def test_the_lock_of_a_killed_training_blocks_nobody(checkout):
    folder = checkout / FOLDER
    folder.mkdir(parents=True)
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom advkd.runs.folder_writer import WritableFolder\n"
        f"with WritableFolder(Path({str(folder)!r})).locked(): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert start(checkout, [sys.executable, "-c", code]).returncode == -9
    assert (folder / ".lock").exists() and not WritableFolder(folder).is_locked()
    with WritableFolder(folder).locked():
        assert WritableFolder(folder).is_locked()
    assert str(state_of(resolved())) == "not started" and str(resolved().run) == RUN


def test_the_lock_of_a_killed_process_on_a_gpu_blocks_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(gpus.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(gpus, "_held", [])
    monkeypatch.setenv(gpus.VISIBLE, "GPU-a")
    monkeypatch.setattr(gpus, "installed", lambda: ["GPU-a"])
    code = (
        "import os, signal, tempfile\nfrom advkd.runs import gpus\n"
        f"tempfile.gettempdir = lambda: {str(tmp_path)!r}\ngpus.installed = lambda: ['GPU-a']\n"
        "gpus.hold(1)\nassert gpus._held\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    assert start(Path.cwd(), [sys.executable, "-c", code]).returncode == -9
    assert list(tmp_path.rglob("GPU-a.0"))
    gpus.hold(1)
    assert len(gpus._held) == 1
    gpus.release()
