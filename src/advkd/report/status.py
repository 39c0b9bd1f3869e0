"""What exists at a scale: cells of tables, and the runs behind them."""

import fcntl
from operator import itemgetter
from pathlib import Path
from typing import Any

from advkd.artifacts.seed_results import best_generator
from advkd.artifacts.table_cells import DAMAGED, readable_row
from advkd.damage import attempt, readable
from advkd.errors import UserError
from advkd.files import read_json
from advkd.runs.provenance import code_hash
from advkd.runs.state import ending
from advkd.settings import catalog
from advkd.settings.catalog import Cell
from advkd.settings.config import Resolved
from advkd.settings.user import User

RETRAIN = "delete its result.json and train it again"


def report(user: User, everything: bool) -> str:
    """Return the state of every table and run at the user's scale; finished runs only with `everything`."""
    lines = [f"scale {user.scale}", "", f"{'table':<14}{'cells':>6}{'ours':>6}  state"]
    problems: dict[str, None] = {}
    for table in catalog.tables():
        rows = []
        for cell in catalog.cells(table):
            found, wrong = row(cell, user)
            rows.append(found)
            problems |= dict.fromkeys(wrong)
        done = sum(one["status"] in ("done", "counted") for one in rows)
        states = [one["status"] for one in rows if one["status"] not in ("done", "counted")]
        detail = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        built = Path("results", user.scale, "tables", f"{table}.csv").exists()
        lines.append(f"{table:<14}{len(rows):>6}{done:>6}  {'built' if built else 'not built'}"
                     f"{f'; {detail}' if detail else ''}")  # fmt: skip
    runs = catalog.all_runs(user)
    states = {name: told(one) for name, one in runs.items()}
    kinds = [one.split(":")[0] for one in states.values()]
    lines += ["", f"runs: {', '.join(f'{kinds.count(kind)} {kind}' for kind in dict.fromkeys(kinds))}"]
    shown = {name: text for name, text in states.items() if everything or text not in ("done", "not started")}
    lines += [f"  {name}  {text}" for name, text in shown.items()]
    if len(shown) < len(states):
        lines.append("  (advkd status --all lists every run)")
    lines += [f"  {problem}" for problem in problems if f"{DAMAGED}: {problem}" not in states.values()]
    return "\n".join(lines)


def row(cell: Cell, user: User) -> tuple[dict[str, Any], list[str]]:
    """Return a cell as `readable_row` does, and what is wrong with its files, if anything.

    That is what is wrong with its runs, in the words of `told`, or else what kept the cell from being made.
    """
    found = readable_row(cell, user)
    if "damage" not in found:
        return found, []
    runs = catalog.resolved(cell, user) if cell.run and cell.kind != "data" else []
    runs += [catalog.denominator(cell, user)] if cell.kind == "ratio" else []
    wrong = [said for one in runs if (said := attempt(state, one)[1])]
    return found, wrong or [f"{cell.table}: {cell.row} | {cell.column}: {found['damage']}"]


def told(one: Resolved) -> str:
    """Return a run's state or, where its files are damaged, what is wrong with them and what to do."""
    found, problem = attempt(state, one)
    return found or f"{DAMAGED}: {problem}"


def state(one: Resolved) -> str:
    """Return a run's state in a few words, with its log where something went wrong.

    Raises:
        UserError: one of its files is missing, cut off or of another version.
    """
    folder = one.run.folder(one.scale)
    if locked(folder):
        return f"running: {tail(folder)}"
    result = folder / "result.json"
    if result.exists():
        with readable(str(result), RETRAIN):
            found = read_json(result)
            if found["config_hash"] != one.hash:
                return "stale: its settings changed since; the next snakemake trains it again"
            if found["status"] == "diverged":
                return f"diverged: {ending(found)}; see {folder / 'log.txt'}"
            if found["status"] == "blocked":
                return f"blocked: {found['parent']} {found['reason']}"
        return done(one, folder)
    if (folder / "log.txt").exists():
        kept = "a checkpoint is kept" if (folder / "checkpoint.pt").exists() else "no checkpoint"
        return f"unfinished: {kept}; see {folder / 'log.txt'} ({tail(folder)})"
    return "not started"


def done(one: Resolved, folder: Path) -> str:
    """Return the state of a run that ended well: by which code it was trained and evaluated.

    Raises:
        UserError: as `state`.
    """
    provenance, metrics, predictions = (
        folder / name for name in ("provenance.json", "metrics.json", "predictions.npz")
    )
    with readable(str(provenance), RETRAIN):
        code, _ = itemgetter("code", "data")(read_json(provenance))
    evaluated = ""
    if one.loop == "gan" and metrics.exists():
        with readable(str(metrics), "delete it, and the next snakemake evaluates the run again"):
            values, by = itemgetter("values", "evaluated")(read_json(metrics))
            best_generator(values)
            evaluated = by["code"]
    elif one.loop == "classifier" and not (predictions.exists() or metrics.exists()):
        raise UserError(f"{predictions} is missing: {RETRAIN}")
    if code != code_hash():
        return "done by older code: train again with --config retrain=stale"
    if evaluated and evaluated != code_hash("metrics"):
        return f"done, evaluated by older code: remove {metrics} to evaluate it again"
    return "done"


def locked(folder: Path) -> bool:
    """Tell whether a process holds a run folder's lock."""
    path = folder / ".lock"
    if not path.exists():
        return False
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def tail(folder: Path) -> str:
    """Return the last line of a run's log."""
    log = folder / "log.txt"
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "starting"
