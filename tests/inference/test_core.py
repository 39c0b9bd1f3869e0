"""Loading and predicting need few packages: the core of the dependencies."""

import ast
import os
import shutil
import subprocess
import sys

import pytest

from advkd.runs.folder import RunFolder
from advkd.runs.predictions import classifier_metrics
from checkouts import ROOT

COMMAND_LINE = {"argcomplete", "rich", "rich_argparse"}  # small packages that are installed beside the core
CORE = {"torch", "numpy", "PIL", "safetensors", "yaml", "tqdm"}
PROGRAM = """
import sys
for name in {hidden!r}:
    sys.modules[name] = None  # importing it raises an ImportError
import advkd
model = advkd.load({source!r})
print(*model.predict({photos!r}).labels, sep="|")
"""


def third_party() -> set[str]:
    """Every package that a module of advkd imports anywhere, but Python's own and advkd."""
    names = set()
    for path in (ROOT / "src/advkd").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module))
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"advkd"}


def run_with_the_core(source, photos, program=PROGRAM):
    hidden = sorted(third_party() - CORE - COMMAND_LINE | {"snakemake"})  # which only the workflow's files import
    program = program.format(hidden=hidden, source=str(source), photos=[str(photo) for photo in photos])
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=source, env=environment)


def test_the_blocked_packages_are_those_that_the_rest_needs():
    hidden = third_party() - CORE
    assert {"pydantic", "pandas", "scipy", "sklearn", "torchvision", "matplotlib", "requests"} <= hidden
    assert third_party() >= CORE


@pytest.mark.parametrize("which", ["centred", "whole"])
def test_a_run_is_loaded_with_the_core_alone(which, request):
    run, photos = request.getfixturevalue(which)
    done = run_with_the_core(run, photos)
    assert done.returncode == 0, done.stderr
    labels = done.stdout.strip().split("|")
    assert len(labels) == len(photos) and set(labels) <= {photo.parent.name for photo in photos}


COMMAND = """
import sys
for name in {hidden!r}:
    sys.modules[name] = None
from advkd.cli import main
raise SystemExit(main(["predict", {source!r}, *{photos!r}]) or main(["export", {source!r}, "--to", "out"]))
"""


def test_photos_are_predicted_and_a_run_is_exported_with_the_core_alone(whole, tmp_path):
    """From a folder that is no project, where nothing of the papers' settings is."""
    run, photos = whole
    copied = shutil.copytree(run, tmp_path / "run")
    classifier_metrics(RunFolder(copied))
    done = run_with_the_core(copied, photos, COMMAND)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(photos)
    card = (copied / "out/README.md").read_text()
    assert "| accuracy |" in card and "AI-KD" in card


def test_settings_in_the_working_folder_are_not_needed_for_a_folder(whole, tmp_path):
    """Reading them takes the extra workflow."""
    copied = shutil.copytree(whole[0], tmp_path / "run")
    (copied / "config").mkdir()
    (copied / "config/config.yaml").write_text("scale: smoke\n")
    done = run_with_the_core(copied, whole[1], COMMAND)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(whole[1]) and (copied / "out/README.md").is_file()


def test_a_command_names_the_extra_that_it_lacks(whole, photos, tmp_path):
    program = COMMAND.replace('["predict", {source!r}, *{photos!r}]', '["test", {source!r}, "--data", *{photos!r}]')
    done = run_with_the_core(shutil.copytree(whole[0], tmp_path / "run"), [photos], program)
    assert done.returncode == 2 and done.stderr == "advkd test needs the extra metrics: install advkd[metrics]\n"


def test_a_run_that_nobody_measured_is_exported_without_metrics(whole, tmp_path):
    copied = shutil.copytree(whole[0], tmp_path / "run")
    (copied / "metrics.json").unlink(missing_ok=True)
    done = run_with_the_core(copied, whole[1], COMMAND)
    assert done.returncode == 0 and "is not measured yet, which needs the extra metrics" in done.stderr
    assert "Nobody has measured this run yet." in (copied / "out/README.md").read_text()
