"""The files, modules, functions and floors that the documentation names exist."""

import ast
import re
from pathlib import Path

import pytest

from checkouts import ROOT
from test_architecture import FLOORS

PACKAGE = ROOT / "src/advkd"
ARCHITECTURE = ROOT / "docs/architecture.md"
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "config/README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
PYTHON_FILE = re.compile(r"(?<![\w./-])[\w-][\w./-]*\.py\b")
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
FUNCTION = re.compile(r"[A-Za-z]\w*(\.[a-z]\w*)?")  # also a class, a method
FLOOR = re.compile(r"^\| \d+ \| ([^|]+) \|", re.MULTILINE)

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def find_file(name: str) -> Path | None:
    """Return a file by its path in the checkout or in the package, or a test by its name alone."""
    for path in (ROOT / name, PACKAGE / name):
        if path.exists():
            return path
    return next((ROOT / "tests").rglob(name), None) if "/" not in name else None


def defined_names(path: Path) -> set[str]:
    """Return the functions, classes and methods (`Class.method`) of a Python file."""
    names = set()
    for node in ast.parse(text_of(path)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names.update(f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef))
    return names


def exported_names(package: str) -> set[str]:
    """Return the names that a package offers to users, as its stub says."""
    stub = ROOT / "src" / package.replace(".", "/") / "__init__.pyi"
    nodes = ast.parse(text_of(stub)).body if stub.exists() else []
    return {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}


@every_document
def test_files_exist(document):
    for name in PYTHON_FILE.findall(text_of(document)):
        if "NAME" not in name:  # a placeholder
            assert find_file(name), f"{document.name} names {name}, which does not exist"


@every_document
def test_links_lead_to_files(document):
    for target in LINK.findall(text_of(document)):
        assert (document.parent / target).exists(), f"{document.name} links to {target}, which does not exist"


@every_document
def test_modules_and_their_functions_exist(document):
    for name in CODE.findall(text_of(document)):
        if re.fullmatch(r"advkd(\.\w+)+", name) and not find_file(f"src/{name.replace('.', '/')}"):
            module, _, function = name.rpartition(".")
            path = find_file(f"src/{module.replace('.', '/')}.py")
            defined = defined_names(path) if path else exported_names(module)
            assert find_file(f"src/{name.replace('.', '/')}.py") or function in defined, name


@pytest.mark.parametrize(
    "walk",
    ["An image from archive to loss", "A published number from CSV to LaTeX", "A test from the plan to its picture"],
)
def test_each_step_of_a_walk_names_functions_of_its_files(walk):
    section = text_of(ARCHITECTURE).partition(f"## {walk}\n")[2].partition("\n## ")[0]
    steps = re.split(r"^\d+\. ", section, flags=re.MULTILINE)[1:]
    assert len(steps) >= 7
    for step in steps:
        names = set()
        for file in PYTHON_FILE.findall(step):
            names |= defined_names(find_file(file))
        for name in CODE.findall(step):
            if FUNCTION.fullmatch(name) and not name.endswith(".py"):
                assert name in names, f"no file of this step defines {name}: {step}"


def test_the_table_of_rooms_has_the_floors_of_the_architecture():
    rooms = [re.findall(r"`(\w+)(?:/|\.py)`", row) for row in FLOOR.findall(text_of(ARCHITECTURE))]
    documented = [sorted(names) for names in rooms]
    assert documented == [sorted(set(names) - {"__init__", "__main__"}) for names in FLOORS]


def test_every_test_that_the_attacks_name_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)", text_of(ROOT / "docs/attacks.md"))
    missing = [f"{file}::{test}" for file, test in named if f"def {test}(" not in text_of(ROOT / file)]
    assert len(named) > 150 and not missing
