"""The rooms of src/advkd: who may import whom, and what must never be loaded where."""

import ast
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parent.parent / "src"

# The floors, from the ground up. A room imports from the floors below its own, and from itself; rooms that share a line
# do not import each other, except on the floors of single modules (MIXED). docs/architecture.md shows the same table.
FLOORS = [
    [
        "__init__",
        "errors",
        "damage",
        "places",
        "opening",
        "progress",
        "channel",
        "locks",
        "files",
        "bounds",
        "values",
        "schema",
        "code",
        "extras",
        "lazy",
        "suggestions",
        "targets",
    ],
    ["models"],
    ["methods"],
    ["data"],
    ["settings"],
    ["metrics"],
    ["training"],
    ["runs"],
    ["artifacts"],
    ["inference"],
    ["claims"],
    ["report"],
    ["doctor", "folder_doctor", "synthesize", "start", "new_project", "cli", "terminal", "__main__"],
    ["jobs", "snakemake_logger_plugin_advkd"],
]
MIXED = (FLOORS[0], FLOORS[-2])  # floors of single modules, which may import each other

# What a room never loads: neither in its own modules nor in any module that these import.
BANNED = {
    "advkd.settings": {"torch", "torchvision"},
    "advkd.training": {"pydantic", "snakemake"},
    "advkd.runs.__main__": {"pydantic", "snakemake"},
    "advkd.inference.loading": {"pydantic", "snakemake", "pandas", "scipy", "sklearn", "torchvision", "matplotlib"},
}

# Imports of today that break the table: (importing module, imported module). This set only shrinks: an entry that no
# longer happens must be removed.
EXCEPTIONS: set[tuple[str, str]] = set()


class Import(NamedTuple):
    """One import statement's target, the line it stands on, and whether it runs when the module is loaded."""

    importer: str
    imported: str
    line: int
    on_load: bool

    def __str__(self) -> str:
        path = module_path(self.importer).relative_to(SOURCE.parent)
        return f"{path}:{self.line} imports {self.imported}"


def module_path(module: str) -> Path:
    """Return the file of a module of advkd."""
    path = SOURCE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def is_type_checking(node: ast.AST) -> bool:
    """Return whether `node` is `if TYPE_CHECKING:`, whose body never runs."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def import_statements(node: ast.AST, on_load: bool = True) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Yield every import statement below `node`, and whether it runs when the module is loaded."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, on_load
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from import_statements(child, False)
        elif is_type_checking(child):
            for statement in child.body:
                yield from import_statements(ast.Module([statement], []), False)
            for statement in child.orelse:
                yield from import_statements(ast.Module([statement], []), on_load)
        else:
            yield from import_statements(child, on_load)


def imported_names(statement: ast.Import | ast.ImportFrom, importer: str) -> Iterator[str]:
    """Yield the full name of every module that a statement imports; of `from room import name`, the module `name`."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
        return
    base = statement.module or ""
    if statement.level:
        package = importer if module_path(importer).name == "__init__.py" else importer.rpartition(".")[0]
        parts = package.split(".")
        base = ".".join([*parts[: len(parts) - statement.level + 1], *filter(None, [statement.module])])
    for alias in statement.names:
        name = f"{base}.{alias.name}"
        yield name if name in MODULES else base


@cache
def imports_of(importer: str) -> list[Import]:
    """Return every import of a module: at its top, inside functions, and under TYPE_CHECKING.

    Not asked for when this file is collected, which every process of `make test` does.
    """
    tree = ast.parse(MODULES[importer].read_text(encoding="utf-8"))
    imports = []
    for statement, on_load in import_statements(tree):
        for name in imported_names(statement, importer):
            imports.append(Import(importer, name, statement.lineno, on_load))
    return imports


def is_own(module: str) -> bool:
    return module.split(".")[0] == "advkd"


def room(module: str) -> str:
    """Return the room of a module: the name below `advkd`, or of the package beside it."""
    if not is_own(module):
        return module.split(".")[0]
    return module.split(".")[1] if "." in module else "__init__"


def floor(module: str) -> int:
    for number, rooms in enumerate(FLOORS):
        if room(module) in rooms:
            return number
    raise AssertionError(f"{module} has no floor: add its room to FLOORS")


def breaks_the_floors(entry: Import) -> bool:
    if not is_own(entry.imported) or room(entry.imported) == room(entry.importer):
        return False
    below = floor(entry.imported) < floor(entry.importer)
    mixed = floor(entry.imported) == floor(entry.importer) and FLOORS[floor(entry.importer)] in MIXED
    return not (below or mixed)


def loaded_by(module: str, on_load_only: bool) -> dict[str, Import | None]:
    """Return all modules of advkd that importing `module` loads, each with the import that first leads to it.

    With `on_load_only`, imports inside functions and under TYPE_CHECKING do not count.
    """
    reached: dict[str, Import | None] = {module: None}
    waiting = [module]
    while waiting:
        importer = waiting.pop()
        targets = [entry for entry in imports_of(importer) if entry.on_load or not on_load_only]
        for entry in targets:
            for name in (entry.imported, *parent_packages(entry.imported)):
                if name in MODULES and name not in reached:
                    reached[name] = entry
                    waiting.append(name)
    return reached


def parent_packages(module: str) -> list[str]:
    """Return the packages around a module; importing it runs their `__init__` first."""
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def modules_of(name: str) -> list[str]:
    """Return the modules of a room, or one module."""
    return [module for module in MODULES if module == name or module.startswith(f"{name}.")]


def describe_way(reached: dict[str, Import | None], module: str) -> str:
    """Return the imports that lead to `module`, first to last, each with its line."""
    way = []
    entry = reached[module]
    while entry is not None:
        way.append(str(entry))
        entry = reached[entry.importer]
    return "\n    ".join(reversed(way))


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of one circle of imports in their order, or an empty list."""
    finished: set[str] = set()

    def visit(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in finished:
            return []
        for target in sorted(graph[module]):
            if circle := visit(target, [*way, module]):
                return circle
        finished.add(module)
        return []

    for module in graph:
        if circle := visit(module, []):
            return circle
    return []


def test_imports_are_seen_wherever_they_stand():
    tree = ast.parse(
        "import a\n"
        "if TYPE_CHECKING:\n    import b\nelse:\n    import c\n"
        "def function():\n    import d\n"
        "class Class:\n    import e\n    def method(self):\n        from f import g\n"
        "try:\n    import h\nexcept ImportError:\n    h = None\n"
    )
    seen = {ast.unparse(statement): on_load for statement, on_load in import_statements(tree)}
    on_load = {"import a", "import c", "import e", "import h"}
    assert {name for name, loads in seen.items() if loads} == on_load
    assert seen.keys() - on_load == {"import b", "import d", "from f import g"}


def test_every_module_has_a_floor():
    for module in MODULES:
        floor(module)
    names = [name for rooms in FLOORS for name in rooms]
    assert sorted(names) == sorted({room(module) for module in MODULES}), "FLOORS names rooms that do not exist"


def test_no_import_goes_upwards():
    offending = [entry for module in MODULES for entry in imports_of(module) if breaks_the_floors(entry)]
    unexpected = [str(entry) for entry in offending if (entry.importer, entry.imported) not in EXCEPTIONS]
    assert not unexpected, "these imports go upwards or sideways:\n" + "\n".join(unexpected)
    mended = EXCEPTIONS - {(entry.importer, entry.imported) for entry in offending}
    assert not mended, f"these imports no longer break the floors; remove them from EXCEPTIONS: {sorted(mended)}"


def test_modules_do_not_import_each_other_in_a_circle():
    graph = {}
    for module in MODULES:
        targets = {entry.imported for entry in imports_of(module) if entry.imported in MODULES}
        kept = {target for target in targets if (module, target) not in EXCEPTIONS}
        graph[module] = kept - {module}
    circle = find_circle(graph)
    lines = []
    for importer, imported in itertools.pairwise(circle):
        lines += [str(entry) for entry in imports_of(importer) if entry.imported == imported]
    assert not circle, "these imports form a circle:\n" + "\n".join(lines)


@pytest.mark.parametrize("name", BANNED)
def test_banned_packages_are_not_reached(name):
    """An import inside a function counts in the room itself; further away, only what is loaded at once counts."""
    offending = []
    for start in modules_of(name):
        reached = loaded_by(start, on_load_only=True)
        for module in reached:
            for entry in imports_of(module):
                counts = entry.on_load or module in modules_of(name)
                if counts and entry.imported.split(".")[0] in BANNED[name]:
                    offending.append("\n    ".join(filter(None, [describe_way(reached, module), str(entry)])))
    assert not offending, f"{name} must load none of {sorted(BANNED[name])}:\n" + "\n".join(offending)


HIDE = """
import importlib, sys
for name in {hidden!r}:
    sys.modules[name] = None  # importing it raises an ImportError
"""
RESOLVE_EVERYTHING = """
from advkd.settings import catalog, config
assert catalog.all_runs(config.user({"scale": "smoke"}))
"""


@pytest.mark.parametrize("name", BANNED)
def test_a_room_can_be_imported_without_the_banned_packages(name):
    program = HIDE.format(hidden=sorted(BANNED[name]))
    program += f"for name in {modules_of(name)!r}: importlib.import_module(name)\n"
    if name == "advkd.settings":
        program += RESOLVE_EVERYTHING
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(SOURCE)}
    )
    assert done.returncode == 0, done.stderr


def test_no_two_test_files_have_one_name():
    """pytest could not collect the second one where both are asked for."""
    names = [path.name for path in (SOURCE.parent / "tests").rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)
