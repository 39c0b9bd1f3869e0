"""Digests of the package's own code, which tell whether something was made by other code.

Docstrings and comments do not count.
"""

import ast
import hashlib
import importlib.util
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

from advkd.places import PACKAGE

Documented: TypeAlias = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
OWN_FILE = ".__init__"  # behind the name of a package
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# Python's tokenize finds the same but is several times slower. A string inside an f-string must have other quotes,
# which Python 3.11 requires anyway.
STRING_OR_COMMENT = re.compile(
    r'''"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\'|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|#[^\n]*''', re.DOTALL
)


def code_digest(modules: Iterable[str], rooms: tuple[str, ...]) -> str:
    """Return a digest of the statements of modules and of all that they import from `rooms`.

    Imports inside functions count too, imports for a type checker only do not. Imports from other rooms do not count,
    nor do docstrings and comments. A module that is loaded by its name alone, as a method is, must be among `modules`.
    A module from outside the package counts without its imports. The file of a package of ours counts only where a name
    of its own is imported: `from advkd.methods import gip` reads the module, and not what the package names beside it.
    """
    return _closure_digest(tuple(sorted(set(modules))), rooms)


@cache
def _closure_digest(modules: tuple[str, ...], rooms: tuple[str, ...]) -> str:
    code = {name: _code(name) for name in sorted(import_closure(modules, rooms))}
    return _digest([(name, statements) for name, statements in code.items() if statements is not None])


def import_closure(modules: Iterable[str], rooms: tuple[str, ...]) -> set[str]:
    """Return modules and all that they import from `rooms`; some names may be of functions, not of modules."""
    prefixes = tuple(f"{PACKAGE.name}.{room}." for room in rooms)
    names = set(modules)
    waiting = list(names)
    while waiting:
        new = {name for name in _imports_of(waiting.pop()) - names if f"{name}.".startswith(prefixes)}
        names |= new
        waiting += new
    return names


def _digest(parts: list[tuple[str, str]]) -> str:
    digest = hashlib.sha256()
    for name, code in parts:
        digest.update(f"{name}\0{code}".encode())
    return digest.hexdigest()[:12]


@cache
def _imports_of(name: str) -> frozenset[str]:
    """Return the names that a module imports, of which some may be of functions; none for a name of no module."""
    path = _module_file(name)
    return _source(path).imports if path and not _is_package(name, path) else frozenset()


@cache
def _code(name: str) -> str | None:
    """Return the statements of a module, none for a package of ours; None for a name of no module."""
    path = _module_file(name)
    if path is None:
        return None
    return "" if _is_package(name, path) else _source(path).statements


def _module_file(name: str) -> Path | None:
    """Return the file of a module of the package, or of an installed one; None where there is none."""
    package, *parts = name.split(".")
    if package != PACKAGE.name:
        spec = importlib.util.find_spec(name)
        return Path(spec.origin) if spec and spec.origin else None
    path = PACKAGE.joinpath(*parts)
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _is_package(name: str, path: Path) -> bool:
    """Tell whether a name is that of a package of ours; that of its own file ends with OWN_FILE."""
    return path.name == "__init__.py" and path.is_relative_to(PACKAGE) and not name.endswith(OWN_FILE)


class _Source(NamedTuple):
    """The statements of a file, and the names that it imports."""

    statements: str
    imports: frozenset[str]


@cache
def _source(path: Path) -> _Source:
    text = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return _Source(text, frozenset())
    return _Source(_statements(text, tree), _imports(tree))


def _imports(tree: ast.AST) -> frozenset[str]:
    """Return the names that a module imports; some may be functions, not modules."""
    names: set[str] = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                names |= {alias.name, f"{alias.name}{OWN_FILE}"}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            for alias in node.names:
                names.add(name := f"{node.module}.{alias.name}")
                if not _is_own_module(name):
                    names.add(f"{node.module}{OWN_FILE}")
        waiting += _statements_that_run(node)
    return frozenset(names)


def _is_own_module(name: str) -> bool:
    return name.split(".")[0] == PACKAGE.name and _module_file(name) is not None


def _statements_that_run(node: ast.AST) -> list[ast.AST]:
    """Return the statements inside a node, but not the body of `if TYPE_CHECKING:`."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return list(node.orelse)
    return [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr)]


def statements(source: str) -> str:
    """Return Python source without docstrings, comments and blank lines; all else stays letter by letter.

    Lines are left out. Writing the syntax tree down instead would depend on the version of Python. Source that is not
    valid Python stays as it is.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    return _statements(source, tree)


def _statements(source: str, tree: ast.AST) -> str:
    lines = source.split("\n")
    literal: set[int] = set()  # lines in strings of several lines, where a blank line or a # counts
    row, seen = 1, 0
    for match in STRING_OR_COMMENT.finditer(source):
        row, seen = row + source.count("\n", seen, match.start()), match.start()
        if match[0].startswith("#"):
            column = match.start() - (source.rfind("\n", 0, match.start()) + 1)
            lines[row - 1] = lines[row - 1][:column].rstrip()
        elif more := match[0].count("\n"):
            literal.update(range(row, row + more + 1))
    for node in _documented(tree):
        if ast.get_docstring(node, clean=False) is not None:
            doc = node.body[0]
            assert doc.end_lineno is not None and doc.end_col_offset is not None  # ast.parse sets them
            rows = range(doc.lineno, doc.end_lineno + 1)
            before = lines[doc.lineno - 1][: doc.col_offset]
            behind = lines[doc.end_lineno - 1].encode()[doc.end_col_offset :]
            if not before.strip() and not behind.strip():  # otherwise it stays with what shares its line
                lines[doc.lineno - 1 : doc.end_lineno] = [""] * len(rows)
                literal.difference_update(rows)
    return "\n".join(line for row, line in enumerate(lines, 1) if line.strip() or row in literal)


def _documented(tree: ast.AST) -> Iterator[Documented]:
    """Yield all modules, classes and functions of a syntax tree."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, DOCUMENTED):
            yield node
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr)]
