"""What the runs of a group came to, which differ in their seed alone: numbers, or where and why there are none."""

import re
from typing import Any, NamedTuple

from advkd.files import read_json
from advkd.metrics.effect import Sample
from advkd.runs import predictions
from advkd.settings.config import Resolved


class Outcome(NamedTuple):
    """The metrics of the runs that have a number, by seed, and the status of the group in words.

    ended: where a run diverged or was blocked, how many and when, as a table's entry says it; empty otherwise. Such a
    group has no mean: one over the seeds that are left would be chosen by its outcome.
    """

    runs: list[Resolved]
    done: dict[int, dict[str, Any]]
    status: str
    ended: str = ""


def outcome(runs: list[Resolved], metric: str) -> Outcome:
    """Return what `runs` came to in a metric of their metrics.json."""
    found = {one.run.seed: metrics for one in runs if (metrics := read_metrics(one)) is not None}
    if not found:
        stale = any((one.run.folder(one.scale) / "result.json").exists() for one in runs)
        return Outcome(runs, {}, "stale" if stale else "not run")
    done = {seed: metrics for seed, metrics in found.items() if metric in metrics["values"]}
    for word in ("diverged", "blocked"):
        gone = {seed: metrics for seed, metrics in found.items() if metrics["status"] == word}
        if gone:
            places = ", ".join(f"seed {seed} {place(metrics)}" for seed, metrics in gone.items())
            return Outcome(runs, done, f"{word} ({places})", entry(list(gone.values()), len(runs)))
    return Outcome(runs, done, "done" if len(done) == len(runs) else f"{len(done)} of {len(runs)} seeds")


def place(metrics: dict[str, Any]) -> str:
    """Return where a run diverged, or by what it was blocked."""
    if metrics["status"] == "blocked":
        return f"by {metrics['parent']}"
    return f"at epoch {metrics['epoch']}" if "epoch" in metrics else f"at step {metrics['step']}"


def entry(gone: list[dict[str, Any]], runs: int) -> str:
    """Return a table's entry for the ones of `runs` that ended so: "diverged (2 of 3), epochs 3, 5", "blocked"."""
    text = gone[0]["status"] + (f" ({len(gone)} of {runs})" if runs > 1 else "")
    if gone[0]["status"] == "blocked":
        return text
    unit = "epoch" if "epoch" in gone[0] else "step"
    places = sorted({metrics[unit] for metrics in gone})
    return f"{text}, {unit}{'s' if len(places) > 1 else ''} {', '.join(map(str, places))}"


def read_metrics(one: Resolved) -> dict[str, Any] | None:
    """Return a run's metrics, or None where it has none or they belong to other settings.

    A classifier's are computed from its predictions where that has not been done yet; a GAN's values are joined by
    those of `best_generator`. A run that did not end well has its result's words, and no values.
    """
    folder = one.run.folder(one.scale)
    if not (folder / "result.json").exists():
        return None
    result = read_json(folder / "result.json")
    if result["config_hash"] != one.hash:
        return None
    if result["status"] != "done":
        return {**result, "values": {}}
    if one.loop == "classifier":
        return predictions.metrics(folder)
    if not (folder / "metrics.json").exists():
        return None
    metrics = read_json(folder / "metrics.json")
    return {**metrics, "values": metrics["values"] | best_generator(metrics["values"])}


def best_generator(values: dict[str, float]) -> dict[str, float]:
    """Return `fid.best` and `kid.best` of a run: the lowest over its generators, each chosen by that very measure.

    What the paper's abstract compares with a single GAN (118.23 against 139.76) is such a choice, which favours whoever
    has more generators to choose from; Table S1 shows it beside the same choice among independent ones.
    """
    return {
        f"{measure}.best": min(found)
        for measure in ("fid", "kid")
        if (found := [value for name, value in values.items() if re.fullmatch(rf"{measure}\.G\d+", name)])
    }


def numbers(found: Outcome, metric: str, prefix: str = "") -> dict[str, Any]:
    """Return the summary of a metric over the seeds that have it; without mean and deviation where a run ended."""
    values = [metrics["values"][metric] for metrics in found.done.values() if metric in metrics["values"]]
    return summary(values, prefix, bool(found.ended))


def summary(values: list[float], prefix: str = "", ended: bool = False) -> dict[str, Any]:
    """Return mean, sample standard deviation (None for one value), number and the values themselves."""
    if not values:
        return {}
    sample = Sample.from_values(values)
    moments = {} if ended else {f"{prefix}mean": sample.mean, f"{prefix}std": sample.std}
    return {**moments, f"{prefix}n": sample.n, f"{prefix}values": " ".join(f"{value:.6g}" for value in values)}
