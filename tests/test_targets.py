import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from advkd import targets
from advkd.settings import catalog, config
from checkouts import ROOT, environment


def test_every_target_of_the_catalogue_is_known():
    known = targets.names()
    assert set(catalog.targets()) <= set(known)
    for name in known:
        catalog.wanted(name, config.user())
    waves = yaml.safe_load((ROOT / "paper/evidence.yaml").read_text())["later"]
    assert targets.mistyped([f"evidence{number}" for number in range(2, len(waves) + 2)]) == ""


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["table1"],
        ["-n"],
        ["okd_table1", "--config", "x"],
        ["results/smoke/tables/a.csv", "x.pdf"],
        ["-n", "tabel1"],
    ],
)
def test_what_snakemake_can_make_is_not_refused(words):
    assert targets.mistyped(words) == ""


def test_a_mistyped_target_is_told_with_what_may_have_been_meant():
    assert targets.mistyped(["table1", "tabel1", "-n"]) == (
        "'tabel1' is no target; did you mean table1 or tables or okd_table1?"
    )
    assert targets.mistyped(["xyz"]).startswith("'xyz' is no target; there are table1, tables, figures, ")


def test_a_project_may_have_targets_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("Snakefile").write_text("rule tabel1:\n")
    assert targets.mistyped(["tabel1"]) == ""


def test_make_tells_it_before_the_environment_is_built(tmp_path):
    """In a checkout without an environment, by a Python without packages."""
    for name in ("Makefile", "Snakefile", "src", "paper"):
        (tmp_path / name).symlink_to(ROOT / name)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    done = subprocess.run(["make", "tabel1", f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode and done.stderr.splitlines()[0].startswith(
        "advkd: 'tabel1' is no target; did you mean table1"
    )
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("command", ["advkd.start", "snakemake"])
def test_every_start_tells_it(checkout: Path, command):
    words = [sys.executable, "-m", command, "tabel1"]
    done = subprocess.run(words, cwd=checkout, env=environment(checkout), capture_output=True, text=True)
    assert done.returncode and "'tabel1' is no target; did you mean table1" in done.stderr
    assert "No rule to produce" not in done.stderr
