"""Fresh environments with the built package in them, made by uv from its cache where that has the packages."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

from checkouts import ROOT

# What a person's shell may lack: the tests' own variables would let a program find this checkout.
OURS = ("PYTHONPATH", "VIRTUAL_ENV", "ADVKD_PROGRESS")


def uv(*words: str | Path) -> None:
    """Run uv; what it prints is in the error if it fails.

    Its program is called itself: `python -m uv` installs into the environment of that Python, whatever else is named.
    """
    done = subprocess.run([find_uv_bin(), *map(str, words)], cwd=ROOT, env=clean(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OURS}


def build(folder: Path) -> tuple[Path, Path]:
    """Build the sdist from this checkout, and the wheel from the sdist."""
    uv("build", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def install(folder: Path, wheel: Path, extra: str = "") -> Path:
    """Make an environment with a wheel and what it needs, in the versions of the lock; return its Python."""
    locked = re.findall(r"^[\w.-]+==[^ ;\\]+", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    constraints = folder.with_suffix(".txt")
    constraints.write_text("\n".join(locked))
    uv("venv", "--python", sys.executable, folder)
    wanted = f"advkd{extra} @ {wheel.as_uri()}"
    python = folder / "bin/python"
    uv("pip", "install", "--python", python, "--constraint", constraints, wanted)
    return python


def run(python: Path, folder: Path, *words: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Run Python with `words` in a folder, as from a shell of that environment."""
    environment = {**clean(), "PATH": f"{python.parent}:{os.environ['PATH']}", "VIRTUAL_ENV": str(python.parent.parent)}
    done = subprocess.run([python, *words], cwd=folder, env=environment, capture_output=True, text=True)
    assert status is None or done.returncode == status, done.stdout + done.stderr
    return done


def advkd(python: Path, folder: Path, *words: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a folder."""
    script = shutil.which("advkd", path=str(python.parent))
    assert script, "the command is installed"
    return run(python, folder, script, *words, status=status)
