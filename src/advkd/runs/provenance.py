"""Where a run's numbers come from: code, packages, hardware, time and memory."""

import ast
import hashlib
import importlib.metadata
import importlib.util
import io
import os
import platform
import resource
import subprocess
import sys
import tokenize
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import advkd
from advkd.progress import duration
from advkd.settings.gan import GanRun
from advkd.settings.papers import RunSettings

PACKAGE = Path(advkd.__file__).resolve().parent
TRAINING_CODE = ("models", "methods", "training")
PACKAGES = ("torch", "numpy", "safetensors")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def code_hash(*rooms: str) -> str:
    """Return a digest of the statements in whole rooms of the package, such as "metrics".

    Docstrings and comments do not count.
    """
    return _digest(
        [
            (f"{room}/{path.name}", _source(path).statements)
            for room in rooms
            for path in sorted((PACKAGE / room).glob("*.py"))
        ]
    )


def code_of(settings: RunSettings) -> str:
    """Return the digest of today's code that can change the numbers of a run with these settings."""
    return code_digest(start_modules(settings))


def start_modules(settings: RunSettings) -> list[str]:
    """Return the modules whose imports are the code behind a run: its loop, its method and its network."""
    loop = "gan" if isinstance(settings, GanRun) else "classifier"
    method, _, _ = settings.method.implementation.partition(":")
    return [f"advkd.training.{loop}", method]


def code_digest(modules: Iterable[str]) -> str:
    """Return a digest of the statements of modules and of all that they import from `TRAINING_CODE`.

    Imports inside functions count too, imports for a type checker only do not. What is imported from other rooms cannot
    change a number and does not count, nor do docstrings and comments. A module that is found by its name alone, as a
    method is, must be among `modules`. A module from outside the package counts without its imports.
    """
    return _closure_digest(tuple(sorted(set(modules))))


@cache
def _closure_digest(modules: tuple[str, ...]) -> str:
    names = set(modules)
    waiting = list(modules)
    while waiting:
        path = _module_file(waiting.pop())
        new = _source(path).imports - names if path else set()
        names |= new
        waiting += new
    files = {name: _module_file(name) for name in sorted(names)}
    return _digest([(name, _source(path).statements) for name, path in files.items() if path])


def _digest(parts: list[tuple[str, str]]) -> str:
    digest = hashlib.sha256()
    for name, code in parts:
        digest.update(f"{name}\0{code}".encode())
    return digest.hexdigest()[:12]


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


class _Source(NamedTuple):
    """The statements of a file, and the modules of `TRAINING_CODE` that it may import."""

    statements: str
    imports: frozenset[str]


@cache
def _source(path: Path) -> _Source:
    text = path.read_text(encoding="utf-8")
    return _Source(statements(text), _imports(text))


def _imports(source: str) -> frozenset[str]:
    """Return the names under `TRAINING_CODE` that Python source imports; some may be functions, not modules."""
    names: set[str] = set()

    def collect(node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        for child in _run_children(node):
            collect(child)

    try:
        collect(ast.parse(source))
    except SyntaxError:
        return frozenset()
    rooms = tuple(f"{PACKAGE.name}.{room}" for room in TRAINING_CODE)
    return frozenset(name for name in names if f"{name}.".startswith(tuple(f"{room}." for room in rooms)))


def _run_children(node: ast.AST) -> list[ast.AST]:
    """Return the children of a node that may run: not the body of `if TYPE_CHECKING:`."""
    if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        return list(node.orelse)
    return list(ast.iter_child_nodes(node))


def statements(source: str) -> str:
    """Return Python source without docstrings, comments and blank lines; all else stays letter by letter.

    Lines are left out rather than the syntax tree written down, whose form differs between versions of Python. Source
    that is no Python yet stays as it is: nothing can have been made by it.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    lines = source.split("\n")
    literal: set[int] = set()  # lines in strings of several lines, where a blank line or a # counts
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        (row, column), (last, _) = token.start, token.end
        if token.type == tokenize.COMMENT:
            lines[row - 1] = lines[row - 1][:column].rstrip()
        elif row < last:
            literal.update(range(row, last + 1))
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            doc = node.body[0]
            rows = range(doc.lineno, doc.end_lineno + 1)
            before = lines[doc.lineno - 1][: doc.col_offset]
            behind = lines[doc.end_lineno - 1].encode()[doc.end_col_offset :]
            if not before.strip() and not behind.strip():  # otherwise it stays with what shares its line
                lines[doc.lineno - 1 : doc.end_lineno] = [""] * len(rows)
                literal.difference_update(rows)
    return "\n".join(line for row, line in enumerate(lines, 1) if line.strip() or row in literal)


def commit() -> dict[str, Any]:
    """Return the checkout's commit and whether files differ from it; both null outside a checkout."""

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", PACKAGE, *words], capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    head = git("rev-parse", "HEAD")
    return {"commit": head, "changed": None if head is None else bool(git("status", "--porcelain", "-uno"))}


def machine(device: Any) -> dict[str, Any]:
    """Return what computed: processor, its visible cores, GPU if any, system and package versions."""
    import torch

    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "tf32_convolutions": device.type == "cuda" and torch.backends.cudnn.allow_tf32,
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def describe_machine(provenance: dict[str, Any]) -> str:
    """Return the machine of a run's last attempt, from its provenance.json: the GPU, or the processor and threads."""
    last = provenance["attempts"][-1]
    return last["gpu"] or f"{last['processor']}, {last['threads']} of {last['cores']} threads"


def describe_time(provenance: dict[str, Any]) -> str:
    """Return how long a run took over all attempts, from its provenance.json: "3 h 20 min in 2 attempt(s)"."""
    return f"{duration(provenance['wall_seconds'])} in {len(provenance['attempts'])} attempt(s)"


def peak_memory_mib(device: Any) -> dict[str, int]:
    """Return this process's largest resident size so far, and the GPU's largest allocation, in MiB."""
    import torch

    unit = 1 if sys.platform == "darwin" else 1024
    peak = {"resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit >> 20}
    if device.type == "cuda":
        peak["gpu"] = torch.cuda.max_memory_allocated(device) >> 20
    return peak


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
