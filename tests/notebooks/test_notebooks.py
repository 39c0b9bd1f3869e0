"""The notebooks run from their beginning to their end in an empty folder, and are stored with what they show."""

import os
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from checkouts import ROOT

NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
SECONDS = 600  # for a cell; a whole notebook takes less than a minute of a core
PATHS = (f"{ROOT.parents[-2]}/", "/home/", "/tmp/", "/root/", "/Users/", "site-packages")  # of a machine
every_notebook = pytest.mark.parametrize("name", NOTEBOOKS)


def pictures(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum(not {"image/png", "image/jpeg"}.isdisjoint(output.get("data", {})) for output in outputs)


def texts(notebook):
    """Return everything that the cells printed or returned, pictures left out."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield output.get("text", "")
            yield from (value for kind, value in output.get("data", {}).items() if kind.startswith("text/"))


@every_notebook
def test_a_notebook_is_stored_with_what_it_shows(name):
    notebook = nbformat.read(NOTEBOOKS[name], 4)
    nbformat.validate(notebook)
    assert pictures(notebook) >= 3
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run it in one go, and store it"
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)
    for text in texts(notebook):
        assert not [path for path in PATHS if path in text], text
    assert NOTEBOOKS[name].stat().st_size < 300_000


@every_notebook
def test_a_notebook_runs_in_an_empty_folder(name, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}")  # noqa: PTH120
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv(
        "MPLBACKEND", raising=False
    )  # which drawing in this process sets, and the kernel would take over
    stored = nbformat.read(NOTEBOOKS[name], 4)
    notebook = nbformat.read(NOTEBOOKS[name], 4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=place).execute()
    assert pictures(notebook) == pictures(stored)
    assert len(list(tmp_path.glob("bridge/results/smoke/runs/aikd/concrete/*/*/*/result.json"))) >= 2
