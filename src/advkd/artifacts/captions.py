"""Which runs a figure can show, and the words below it that say what they are."""

from advkd.artifacts import collect, notes, outcomes
from advkd.settings import catalog
from advkd.settings.catalog import Cell
from advkd.settings.config import Resolved
from advkd.settings.user import User


def finished(cell: Cell, user: User) -> tuple[list[Resolved], str]:
    """Return the finished runs of a cell's group, and where there are none the reason in a word or two."""
    runs = catalog.resolved(cell, user)
    states = [state(one) for one in runs]
    return [one for one, word in zip(runs, states, strict=True) if word == "done"], max(states, key=states.count)


def state(one: Resolved) -> str:
    """Return done, diverged, blocked, stale (it is of other settings) or not run."""
    if (found := outcomes.read_metrics(one)) is not None:
        return found["status"]
    return "stale" if (one.run.folder(one.scale) / "result.json").exists() else "not run"


def caption(figure: str, user: User, runs: list[Resolved], note: str) -> str:
    """Return what a figure shows: `note` says how, `runs` are those in it."""
    about = collect.described(figure)
    parts = [f"{about['short']}, Figure {figure.split('figure')[1]}: {about['shows']}. Scale {user.scale}."]
    parts.append(note if runs else "No run is finished.")
    if user.override:
        parts.append(f"Changed from the scale's settings: {user.override}.")
    if user.scale == "smoke":
        parts.append("This shows that the machinery works; it reproduces nothing.")
    else:
        parts += notes.scale_notes(figure, user)
    return " ".join(parts + notes.data_notes([{"data": collect.provenance_of(one)["data"]} for one in runs]))


def seeds_of(runs: list[Resolved]) -> str:
    """Return the seeds of runs in words: seed 0, or seeds 0, 1, 2."""
    found = sorted({one.run.seed for one in runs})
    return f"{'Seed' if len(found) == 1 else 'Seeds'} {', '.join(map(str, found))}"
