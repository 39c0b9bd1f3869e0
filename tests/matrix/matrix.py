"""`make matrix`: the newest and the oldest packages that pyproject.toml allows, on every Python that is named.

    python tests/matrix/matrix.py REPORT.md [--pythons 3.11 3.12] [--resolutions highest lowest-direct]

For each Python and resolution it installs the wheel with all extras into a fresh environment, makes a table from drawn
images in a project outside the checkout, asks the questions that work anywhere, and runs tests whose expected values do
not come from this package. It goes on after a failure, and ends with 1 if there was one. The report has one line for
each environment, with the versions that decide most. A Python that is not on the machine is left out, and said.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from uv import find_uv_bin

ROOT = Path(__file__).parents[2]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
SHOWN = ["torch", "torchvision", "numpy", "scipy", "pandas", "scikit-learn", "pydantic", "snakemake", "matplotlib"]
TARGET = "aikd_table4"
# Against other implementations, printed numbers and equations; and what depends most on versions: files, settings.
TESTS = ["tests/settings", "tests/metrics", "tests/methods/test_aikd.py", "tests/artifacts/test_drawing.py",
         "tests/artifacts/test_tables.py", "tests/inference/test_load.py", "tests/test_schema.py",
         "tests/test_published.py"]  # fmt: skip
FOR_TESTS = ("hypothesis", "psutil", "pytest", "uv")  # of the extra `dev`, whose other tools check the source
VARIABLES = ("PYTHONPATH", "VIRTUAL_ENV")  # through which a program would find this checkout


def main() -> int:
    """Try every environment and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("--pythons", nargs="+", default=PYTHONS, help="versions, or paths of interpreters")
    parser.add_argument("--resolutions", nargs="+", default=["highest", "lowest-direct"])
    args = parser.parse_args()
    lines = [f"| Python | packages | result | {' | '.join(SHOWN)} |", f"|{'---|' * (3 + len(SHOWN))}"]
    failed = False
    with tempfile.TemporaryDirectory(prefix="advkd-matrix-") as folder:
        wheel = build(Path(folder))
        for python in filter(is_here, args.pythons):
            for resolution in args.resolutions:
                line, well = attempt(Path(folder, f"{Path(python).name}-{resolution}"), wheel, python, resolution)
                failed |= not well
                lines.append(line)
                args.report.write_text("\n".join(lines) + "\n", encoding="utf-8")
                print(line, flush=True)
    return 1 if failed else 0


def is_here(python: str) -> bool:
    """Tell whether uv finds an interpreter, and say so if not."""
    here = subprocess.run([find_uv_bin(), "python", "find", "--no-python-downloads", python], capture_output=True)
    if here.returncode:
        print(f"Python {python} is not on this machine: name its path in --pythons if it is", flush=True)
    return not here.returncode


def build(folder: Path) -> Path:
    """Build the wheel of this checkout."""
    run([find_uv_bin(), "build", "--quiet", "--wheel", "--out-dir", folder / "dist", "."], ROOT)
    return next(folder.glob("dist/*.whl"))


def attempt(folder: Path, wheel: Path, wanted: str, resolution: str) -> tuple[str, bool]:
    """Install, try, and return the report's line and whether everything went well."""
    began = time.monotonic()
    python, step, versions = folder / "env/bin/python", "install", {}
    try:
        install(folder / "env", wheel, wanted, resolution)
        versions = packages(python)
        if resolution == "lowest-direct":
            step = "oldest"
            check_oldest(versions)
        step = "project"
        try_project(folder, python)
        step = "tests"
        try_tests(folder, python)
    except subprocess.CalledProcessError as error:
        print(f"{wanted} {resolution}: {step} failed\n{(error.stdout or '')[-6000:]}", flush=True)
        result = f"failed: {step}{by_signal(error.returncode)}"
    else:
        result = f"passed, {time.monotonic() - began:.0f} s"
    shown = [versions.get(name, "") for name in SHOWN]
    version = versions.get("python", wanted)
    return f"| {version} | {resolution} | {result} | {' | '.join(shown)} |", result.startswith("passed")


def by_signal(status: int) -> str:
    """Return which signal ended a program. pytest prints where a crash was; without that, somebody else ended it."""
    return f", ended by {signal.Signals(-status).name}" if status < 0 else ""


def install(folder: Path, wheel: Path, wanted: str, resolution: str) -> None:
    """Make an environment with the wheel, all its extras, and what the tests need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tools = [line for line in project["optional-dependencies"]["dev"] if re.split("[>=]", line)[0] in FOR_TESTS]
    run([find_uv_bin(), "venv", "--quiet", "--no-python-downloads", "--python", wanted, folder], ROOT)
    place = ["--quiet", "--python", folder / "bin/python"]
    # The dependencies are named by pyproject.toml: those of a wheel would not be direct, and get their newest versions.
    bounds = ["--resolution", resolution, "--requirements", ROOT / "pyproject.toml", "--extra", "all"]
    run([find_uv_bin(), "pip", "install", *place, *bounds, *tools], ROOT)
    run([find_uv_bin(), "pip", "install", *place, "--no-deps", wheel], ROOT)


def check_oldest(versions: dict[str, str]) -> None:
    """Check that the core has the versions of its lower bounds; raises CalledProcessError."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in map(Requirement, project["dependencies"]):
        (bound,) = requirement.specifier
        installed = Version(versions[canonicalize_name(requirement.name)])
        if installed != Version(bound.version):
            reason = f"{requirement.name} {installed} is not the oldest, {bound.version}"
            raise subprocess.CalledProcessError(1, "oldest", reason)


def packages(python: Path) -> dict[str, str]:
    """Return the versions of what is installed, and Python's own."""
    frozen = run([find_uv_bin(), "pip", "freeze", "--python", python], ROOT)
    pairs = [line.split("==") for line in frozen.splitlines() if "==" in line]
    versions = {canonicalize_name(name): version for name, version in pairs}
    return versions | {"python": run([python, "-c", "import platform; print(platform.python_version())"], ROOT).strip()}


def try_project(folder: Path, python: Path) -> None:
    """Make a table in a project, and ask what can be asked anywhere."""
    advkd, project, empty = python.parent / "advkd", folder / "project", folder / "empty"
    empty.mkdir()
    for words in (["audit"], ["claims"], ["deviations"], ["config", "okd/codebrim/sagan/okd/seed0"]):
        run([advkd, *words], empty)
    run([advkd, "init", project], empty)
    run([advkd, "run", TARGET, "--cores", "2"], project)
    run([advkd, "explain", TARGET, "AI-KD"], project)
    run([advkd, "tensorboard", TARGET, "--out", "boards"], project)


def try_tests(folder: Path, python: Path) -> None:
    """Run tests of the checkout with the installed package in the place of src/."""
    quiet = ["-q", "-p", "no:cacheprovider", "-o", "pythonpath=tests/shared", "--basetemp", folder / "tests"]
    run([python, "-m", "pytest", *quiet, *TESTS], ROOT)


def run(words: list[str | Path], folder: Path) -> str:
    """Run a program and return what it printed; raises CalledProcessError with it."""
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        list(map(str, words)), cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    done.check_returncode()
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
