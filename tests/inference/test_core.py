"""Loading and predicting need few packages: the core of the dependencies."""

import ast
import os
import subprocess
import sys

import pytest

from checkouts import ROOT

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
    hidden = sorted(third_party() - CORE | {"snakemake"})  # which only the workflow's files import
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
