"""What all tests share: they run in the top folder of the checkout; workflows run in a copy of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _in_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of the checkout without data or results, as the working folder."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in ("config", "paper", "profiles", "workflow", "src"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "Snakefile", copy)
    monkeypatch.chdir(copy)
    return copy


def environment(checkout: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(checkout / "src"), "ADVKD_PROGRESS": "plain"}


def advkd(checkout: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess:
    """Run the command line in `checkout`."""
    command = [sys.executable, "-m", "advkd", *words]
    done = subprocess.run(command, cwd=checkout, env=environment(checkout), capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def snakemake(checkout: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess:
    """Run a workflow in `checkout` on two cores."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *words]
    done = subprocess.run(command, cwd=checkout, env=environment(checkout), capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done
