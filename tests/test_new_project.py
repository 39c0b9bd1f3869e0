"""`advkd init` and `advkd run`, with the package of this checkout."""

import subprocess
import sys
from pathlib import Path

import pytest

from advkd import files, new_project, places, start
from advkd.cli import main
from checkouts import ROOT, environment

NAMES = {"Snakefile", "README.md", ".gitignore", *new_project.COPIED}


@pytest.fixture(autouse=True)
def _package(monkeypatch):
    monkeypatch.setattr(places, "SHIPPED", ROOT)
    monkeypatch.setattr(new_project, "SHIPPED", ROOT)


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_project_has_the_settings_with_their_comments(tmp_path, monkeypatch, capsys):
    assert main(["init", str(tmp_path / "bridges")]) == 0
    made = content(tmp_path / "bridges")
    assert made.keys() == NAMES
    for name in new_project.COPIED:
        assert made[name] == (ROOT / name).read_bytes()
    assert f"cd {tmp_path / 'bridges'}; advkd run table1" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path / "bridges")
    assert main(["status"]) == 0 and "scale smoke" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["README.md", "config/config.yaml"])
def test_nothing_is_overwritten(name, tmp_path, capsys):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    (tmp_path / "photo.png").write_bytes(b"mine too")
    before = content(tmp_path)
    assert main(["init", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"{name} would be overwritten" in said and said.count("\n") == 1
    assert content(tmp_path) == before


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path, capsys):
    (tmp_path / "place").write_text("mine")
    assert main(["init", str(tmp_path / "place")]) == 2
    assert "is no folder" in capsys.readouterr().err


def test_a_disk_that_fills_up_leaves_nothing_half_written(tmp_path, monkeypatch, capsys):
    written = []

    def write(path, text):
        if len(written) == 3:
            raise OSError(28, "No space left on device", str(path))
        written.append(path)
        files.write_text(path, text)

    monkeypatch.setattr(new_project, "write_text", write)
    assert main(["init", str(tmp_path)]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert len(written) == 3 and not content(tmp_path)


def test_the_words_of_run_are_snakemakes(monkeypatch):
    passed = []
    monkeypatch.setattr(start, "main", lambda words: passed.append(words) or 7)
    words = ["okd_table1", "--cores", "2", "-n", "--log", "x", "--config", "scale=reduced", "mirror=/a"]
    assert main(["run", *words]) == 7 and main(["run"]) == 7
    assert passed == [words, []]


def test_run_needs_a_project(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "table1"]) == 2
    assert "no Snakefile here" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_project_makes_what_the_checkout_makes(tmp_path):
    """The plan of a project is that of the checkout, with a table and a scale of the project's own."""
    folder = tmp_path / "project"
    assert main(["init", str(folder)]) == 0
    quick = (ROOT / "config/scales/smoke.yaml").read_text(encoding="utf-8")
    files.write_text(folder / "config/scales/mine.yaml", quick)
    jobs = []
    for place, words in ((ROOT, []), (folder, []), (folder, ["--config", "scale=mine"])):
        command = [sys.executable, "-m", "snakemake", "aikd_table4", "--dry-run", *words]
        done = subprocess.run(command, cwd=place, env=environment(ROOT), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        lines = [line.split() for line in done.stdout.splitlines() if line.startswith(("draw ", "prepare ", "table "))]
        jobs.append(sorted(map(tuple, lines)))
    assert jobs[0] == jobs[1] == jobs[2] and len(jobs[0]) >= 3
