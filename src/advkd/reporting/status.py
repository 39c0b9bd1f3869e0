"""What exists at a scale: cells of tables, and the runs behind them."""

import fcntl
from pathlib import Path

from advkd import catalog
from advkd.config import Resolved
from advkd.files import read_json
from advkd.reporting import collect, outcomes
from advkd.settings import User
from advkd.training.provenance import code_hash


def report(user: User, everything: bool) -> str:
    """Return the state of every table and run at the user's scale; finished runs only with `everything`."""
    lines = [f"scale {user.scale}", "", f"{'table':<14}{'cells':>6}{'ours':>6}  state"]
    for table in catalog.tables():
        rows = collect.collect(table, user)
        done = sum(row["status"] in ("done", "counted") for row in rows)
        states = [row["status"] for row in rows if row["status"] not in ("done", "counted")]
        detail = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        built = Path("results", user.scale, "tables", f"{table}.csv").exists()
        lines.append(f"{table:<14}{len(rows):>6}{done:>6}  {'built' if built else 'not built'}"
                     f"{f'; {detail}' if detail else ''}")  # fmt: skip
    runs = catalog.all_runs(user)
    states = {name: state(one) for name, one in runs.items()}
    kinds = [one.split(":")[0] for one in states.values()]
    lines += ["", f"runs: {', '.join(f'{kinds.count(kind)} {kind}' for kind in dict.fromkeys(kinds))}"]
    shown = {name: text for name, text in states.items() if everything or text not in ("done", "not started")}
    lines += [f"  {name}  {text}" for name, text in shown.items()]
    if len(shown) < len(states):
        lines.append("  (advkd status --all lists every run)")
    return "\n".join(lines)


def state(one: Resolved) -> str:
    """Return a run's state in a few words, with its log where something went wrong."""
    folder = one.run.folder(one.scale)
    if locked(folder):
        return f"running: {tail(folder)}"
    result = folder / "result.json"
    if result.exists():
        found = read_json(result)
        if found["config_hash"] != one.hash:
            return "stale: its settings changed since; the next snakemake trains it again"
        if found["status"] == "diverged":
            return f"diverged: {outcomes.place(found)}; see {folder / 'log.txt'}"
        if found["status"] == "blocked":
            return f"blocked: {found['parent']} {found['reason']}"
        if read_json(folder / "provenance.json")["code"] != code_hash():
            return "done by older code: train again with --config retrain=stale"
        metrics = folder / "metrics.json"
        if one.loop == "gan" and metrics.exists() and read_json(metrics)["evaluated"]["code"] != code_hash("metrics"):
            return f"done, evaluated by older code: remove {metrics} to evaluate it again"
        return "done"
    if (folder / "log.txt").exists():
        kept = "a checkpoint is kept" if (folder / "checkpoint.pt").exists() else "no checkpoint"
        return f"unfinished: {kept}; see {folder / 'log.txt'} ({tail(folder)})"
    return "not started"


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
