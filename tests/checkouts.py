"""Copies of the checkout, for tests that run workflows or the command line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def copy_checkout(folder: Path) -> Path:
    """Copy what a workflow needs to `folder`, without data or results; returns it."""
    for name in ("config", "paper", "profiles", "workflow", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "Snakefile", folder)
    return folder


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
