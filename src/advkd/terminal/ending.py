"""The end of a workflow: the tables that were asked for, with their captions, and what to type next; or the errors."""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from advkd.artifacts import papers
from advkd.opening import read_text
from advkd.progress import duration
from advkd.terminal.board import Board, Failure
from advkd.terminal.plan import Plan

TABLES = 3  # are printed at most; of more, the files are named
ERRORS, FILES = 5, 5  # are printed at most
GAP = 2  # spaces between columns
OURS = re.compile(r"ours \(\w+\)")  # the scale stands in the first line of all
BREAKS = re.compile(r" (?=(?:paper|ours|official|counted|KID×10³|FID|Fréchet\*)(?: |$))")
WORDS = re.compile(r" |(?<=-)")
UNKNOWN = "it ended without saying why; it may have been killed"


def success(plan: Plan, board: Board, columns: int) -> Iterator[RenderableType]:
    """Yield what was asked for: tables as they are, other files by name, and what to type next.

    Args:
        plan: what was to be made.
        board: the jobs that have run.
        columns: characters of a line.
    """
    products = [path for path in plan.products if path.exists()]  # with --until, they are not made
    tables = [path for path in products if path.suffix == ".csv"]
    shown = tables if len(tables) <= TABLES else []
    for path in shown:
        yield show_table(path.with_suffix(".md"), plan.scale, columns)
    others = [path for path in products if path not in shown]
    for path in others[:FILES]:
        yield Text(f"  {path}")
    if len(others) > FILES:
        folders = sorted({str(path.parent) for path in others})
        yield Text(f"  and {len(others) - FILES} more in {', '.join(folders[:FILES])}")
    jobs = f"{_jobs(board.done)} in {duration(board.seconds)}." if plan.steps else ""
    captions = f"Captions, with what § * † mean: {shown[0].parent}/*.md" if shown else ""
    yield Text(" ".join(filter(None, [jobs, captions])) or "done")
    yield next_steps(plan, tables)


def interruption(board: Board) -> Iterator[RenderableType]:
    """Yield what an interrupted workflow leaves."""
    yield Text(f"Stopped, as you asked. {_stays(board)}, and trainings go on from their checkpoints.")


def failure(plan: Plan, board: Board) -> Iterator[RenderableType]:
    """Yield how many jobs failed and, last, the error of each."""
    failures = list(board.failures.values())
    yield Text(f"{_jobs(len(failures))} failed. {_stays(board)}.")
    if len(failures) > ERRORS:
        yield Text(f"{len(failures) - ERRORS} more errors stand in {plan.log}")
    yield from map(show_error, failures[:ERRORS])


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number} jobs"


def _stays(board: Board) -> str:
    return f"{board.done} of {board.total} jobs are finished and stay; the same command goes on from there"


def show_error(failed: Failure) -> Text:
    """Return the line of a failed job."""
    log = f" (log: {failed.log})" if failed.log else ""
    return Text(f"{failed.words}: {failed.error or UNKNOWN}{log}", style="red")


def show_table(path: Path, scale: str, columns: int) -> RenderableType:
    """Return a table's Markdown file as a table of the terminal, below its title.

    Args:
        path: the file.
        scale: the scale's name.
        columns: characters of a line. Where they are too few, heads have several lines, and then rows become columns.
    """
    lines = [line for line in read_text(path).splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    head = [OURS.sub("ours", name) for name in head]
    broken = [BREAKS.sub("\n", name) for name in head]
    if width([head, *rows]) <= columns:
        shown = [head, *rows]
    elif width([broken, *rows]) <= columns:
        shown = [broken, *rows]
    else:
        names = [name for name in head if not name]
        turned = [list(line) for line in zip(head, *rows, strict=True)]
        top = turned[len(names) - 1]
        if len(set(top)) < len(top):
            top = [" ".join(parts) for parts in zip(*turned[: len(names)], strict=True)]
        shown = [[WORDS.sub("\n", name) for name in top], *turned[len(names) :]]
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="underline")
    for name in shown[0]:
        table.add_column(name, overflow="fold")
    for row in shown[1:]:
        table.add_row(*map(marked, row))
    about = "smoke; reproduces nothing" if scale == "smoke" else scale
    return Group(Text(f"{papers.title(path.stem)} ({about})", style="bold"), table, Text())


def width(lines: list[list[str]]) -> int:
    """Return the characters that a table takes in a line."""
    columns = zip(*lines, strict=True)
    return sum(max(max(map(len, marked(cell).plain.split("\n"))) for cell in column) + GAP for column in columns)


def marked(cell: str) -> Text:
    """Return a cell of Markdown, bold or underlined as there."""
    plain = re.sub(r"\*\*|</?u>", "", cell)
    return Text(plain, style="bold" if "**" in cell else "underline" if "<u>" in cell else "")


def next_steps(plan: Plan, tables: Sequence[Path]) -> RenderableType:
    """Return what to type next, as commands that work here."""
    advkd = "advkd" if shutil.which("advkd") else os.path.relpath(Path(sys.executable).parent / "advkd")
    scale = "" if plan.scale == "smoke" else f" --config scale={plan.scale}"
    steps = [(f"{advkd} report --scale {plan.scale}", "the report on all that exists")]
    if not tables:
        steps.insert(0, (f"{advkd} status{scale}", "what exists"))
    else:
        steps.insert(0, (f"{advkd} explain {tables[-1].stem}{scale}", "what stands behind its numbers"))
    if plan.scale == "smoke" and tables:
        target, real = " ".join(plan.targets), "--config scale=reduced"
        again = f'make {target} ARGS="{real}"' if Path("Makefile").exists() else f"{advkd} run {target} {real}"
        steps.append((again, "with real images"))
    grid = Table.grid(padding=(0, GAP))
    for number, (command, gives) in enumerate(steps):
        grid.add_row("" if number else "Next:", Text(command), Text(gives, style="dim"))
    return grid
