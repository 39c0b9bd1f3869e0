"""What exists at a scale: how many cells of each table have a number, and the state of every run."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from advkd.artifacts.table_cells import readable_row
from advkd.runs.lookup import state_of
from advkd.runs.state import Kind, State
from advkd.runs.stores import DataChecks, made_by_older_code, missing_places, outdated
from advkd.settings import catalog, published_changes
from advkd.settings.config import Resolved
from advkd.settings.published_cells import Cell
from advkd.settings.user import User

WITH_NUMBER = ("done", "counted")  # the statuses of cells that have a number


def report(user: User, everything: bool) -> str:
    """Return the status of every table and run at the user's scale.

    Args:
        user: the user's configuration.
        everything: whether to list runs that are done or not started too.
    """
    lines = [f"scale {user.scale}", "", f"{'table':<14}{'cells':>6}{'ours':>6}  state"]
    problems: list[str] = []
    for table in catalog.tables():
        rows = []
        for cell in catalog.cells(table):
            row, of_cell = read_cell(cell, user)
            rows.append(row)
            problems += of_cell
        lines.append(table_line(table, rows, user))
    if changed := published_changes.changed_files():
        lines.append(f"published numbers changed in this checkout: {', '.join(changed)}")
    runs = catalog.all_runs(user)
    lines += [*store_lines(runs, user), *missing_places(user, runs.values())]
    states = {name: state_of(resolved) for name, resolved in runs.items()}
    finished = [resolved for name, resolved in runs.items() if states[name].finished]
    lines += [caution for caution in DataChecks(user).cautions(finished) if caution not in lines]
    states |= {name: State(Kind.NOT_BUILT, reason) for name, reason in catalog.not_built(user).items()}
    lines += ["", f"runs: {count_words(state.word for state in states.values())}"]
    left_out = 0
    shown_details = set()
    for name, state in states.items():
        if everything or state.kind not in (Kind.DONE, Kind.NOT_STARTED):
            lines.append(f"  {name}  {state}")
            shown_details.add(state.detail)
        else:
            left_out += 1
    if left_out:
        lines.append("  (advkd status --all lists every run)")
    lines += [f"  {problem}" for problem in dict.fromkeys(problems) if problem not in shown_details]
    return "\n".join(lines)


def store_lines(runs: Mapping[str, Resolved], user: User) -> list[str]:
    """Return a line for each prepared data set of `runs` that is outdated, or whose code changed since, and why."""
    lines = []
    for store, resolved in catalog.stores(runs.values()).items():
        if reason := outdated(resolved, user):
            lines.append(f"data set {store}: {reason}")
        elif made_by_older_code(resolved, user):
            lines.append(
                f"data set {store}: counts, though the code that prepares it changed since;"
                " --config retrain=stale prepares it again"
            )
    return lines


def table_line(table: str, rows: list[dict[str, Any]], user: User) -> str:
    """Return the line of a table: its number of cells, how many have a number of ours, and what the others lack."""
    without_number = [row["status"] for row in rows if row["status"] not in WITH_NUMBER]
    state = "built" if Path("results", user.scale, "tables", f"{table}.csv").exists() else "not built"
    if without_number:
        state += f"; {count_words(word.replace(', ', ' and ') for word in without_number)}"  # of a ratio's two sides
    return f"{table:<14}{len(rows):>6}{len(rows) - len(without_number):>6}  {state}"


def count_words(words: Iterable[str]) -> str:
    """Return how often each word occurs, for example "2 done, 1 outdated"."""
    return ", ".join(f"{count} {word}" for word, count in Counter(words).items())


def read_cell(cell: Cell, user: User) -> tuple[dict[str, Any], list[str]]:
    """Return the row of a cell, as `table_cells.readable_row` does, and the problems with its files, if any.

    These are the problems with its runs or, if the runs are sound, what else kept the row from being made.
    """
    row = readable_row(cell, user)
    if "damage" not in row:
        return row, []
    if row["status"] == Kind.NOT_BUILT.value:
        return row, []
    states = [state_of(resolved) for resolved in runs_of_cell(cell, user)]
    problems = [state.detail for state in states if state.kind is Kind.DAMAGED]
    return row, problems or [f"{cell.table}: {cell.row} | {cell.column}: {row['damage']}"]


def runs_of_cell(cell: Cell, user: User) -> list[Resolved]:
    """Return the runs that a cell rests on, one for each seed, and their teachers if it is a ratio.

    There are none where one of them cannot be built.
    """
    if not cell.run or cell.kind == "data" or catalog.why_not_built(cell, user):
        return []
    runs = list(catalog.resolved(cell, user))
    if cell.kind == "ratio":
        runs += catalog.denominators(cell, user)
    return runs
