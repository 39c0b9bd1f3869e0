"""The metrics of a run group's seeds, joined: values over the seeds, or the reason why there are none."""

import re
import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

from advkd.artifacts.measured import error_of_interval
from advkd.metrics.effect import Sample
from advkd.runs.folder_names import METRICS, RESULT
from advkd.runs.lookup import finished, folder_of
from advkd.runs.predictions import classifier_metrics
from advkd.runs.state import Ending, Kind, ending
from advkd.settings.config import Resolved

STALE, NOT_EVALUATED, NOT_RUN = Kind.STALE.value, Kind.NOT_EVALUATED.value, "not run"
UNLIKE = "seeds not alike"
# The 95 % intervals over images that stand beside a metric in metrics.json: NAME_low and NAME_high. Other intervals
# have the name of their metric.
IMAGE_INTERVALS = {"top1_error": "top1", "top5_error": "top5", "accuracy": "accuracy"}
UNMEASURED = (STALE, NOT_EVALUATED, NOT_RUN)  # the statuses of a run without metrics; a group has the first that occurs


class SeedResults(NamedTuple):
    """The results of a run group for one metric.

    Attributes:
        runs: all runs of the group, one per seed.
        metrics: by seed, the metrics of the runs that have the metric.
        status: the group's status, for example "done", "not run", "1 of 3 seeds" or "diverged (seed 1 at epoch 3)".
        ended: why the group has no mean, as a table shows it; otherwise empty. Where a run diverged or was blocked, it
            says how many and when: the remaining seeds were selected by how their training ended. Where the seeds were
            not made alike, it says so.
    """

    runs: list[Resolved]
    metrics: dict[int, dict[str, Any]]
    status: str
    ended: str = ""

    def values(self, metric: str) -> list[float]:
        """Return the values of a metric, in the order of the seeds."""
        return [metrics["values"][metric] for metrics in self.metrics.values() if metric in metrics["values"]]

    def summary(self, metric: str, prefix: str = "") -> dict[str, Any]:
        """Return `summary_columns` of a metric, without mean and deviation where a run diverged or was blocked."""
        return summary_columns(self.values(metric), prefix, with_mean=not self.ended)


def join_seeds(runs: list[Resolved], metric: str) -> SeedResults:
    """Return the results of the runs of a group, which differ only in their seed, for a metric of metrics.json."""
    by_seed = {}
    for run in runs:
        metrics = read_metrics(run)
        if metrics is not None:
            by_seed[run.run.seed] = metrics
    if not by_seed:
        statuses = {run_status(run) for run in runs}
        return SeedResults(runs, {}, next(status for status in UNMEASURED if status in statuses))
    measured = {seed: metrics for seed, metrics in by_seed.items() if metric in metrics["values"]}
    for status in (Ending.DIVERGED, Ending.BLOCKED):
        ended = {seed: metrics for seed, metrics in by_seed.items() if metrics["status"] == status}
        if ended:
            places = ", ".join(f"seed {seed} {ending(metrics)}" for seed, metrics in ended.items())
            return SeedResults(runs, measured, f"{status} ({places})", ended_entry(list(ended.values()), len(runs)))
    difference = differently_made([run for run in runs if run.run.seed in measured], measured)
    if difference:
        return SeedResults(runs, measured, f"{UNLIKE} ({difference})", UNLIKE)
    all_done = len(measured) == len(runs)
    return SeedResults(runs, measured, "done" if all_done else f"{len(measured)} of {len(runs)} seeds")


def differently_made(runs: list[Resolved], metrics: dict[int, dict[str, Any]]) -> str:
    """Return in words how runs that differ only in their seed were made otherwise; empty where they were made alike.

    A mean over runs of other data, code or evaluations is no mean of one thing. Their settings are equal, since each
    run has those of today. Where seeds take turns with draws of the data, those of the same draw must have equal data,
    and all the same images to evaluate on.

    Args:
        runs: the finished runs of a group.
        metrics: their metrics, by seed.
    """
    if len(runs) < 2:
        return ""
    first_with: dict[tuple[str, str], tuple[int, object]] = {}  # by what is compared, and among which runs
    for run in runs:
        seed = run.run.seed
        for what, value in making_of(run, metrics[seed]).items():
            other, expected = first_with.setdefault((what, run.store if what == "data" else ""), (seed, value))
            if value != expected:
                return f"seed {seed} has other {what} than seed {other}"
    return ""


def making_of(run: Resolved, metrics: dict[str, Any]) -> dict[str, object]:
    """Return what a run and its metrics were made of: data, code, evaluation, and what measured a GAN."""
    provenance, meta = folder_of(run).provenance(), metrics.get("meta", {})
    checksums = provenance["data"]["sha256"]
    return {
        "data": checksums,
        "evaluation images": {name: value for name, value in checksums.items() if name.startswith("held_out")},
        "code": provenance["code"],
        "evaluation code": metrics.get("evaluated", {}).get("code"),
        "feature network or reals": [meta.get(key) for key in ("features", "weights_sha256", "images_sha256")],
    }


def ended_entry(ended: list[dict[str, Any]], runs: int) -> str:
    """Return a table's entry for a group in which runs diverged or were blocked.

    Examples: "diverged (2 of 3), epochs 3, 5"; "blocked".

    Args:
        ended: the results of these runs, all of the same status.
        runs: the number of runs in the group.
    """
    entry: str = ended[0]["status"]
    if runs > 1:
        entry += f" ({len(ended)} of {runs})"
    if ended[0]["status"] == Ending.BLOCKED:
        return entry
    unit = "epoch" if "epoch" in ended[0] else "step"
    moments = sorted({result[unit] for result in ended})
    plural = "s" if len(moments) > 1 else ""
    return f"{entry}, {unit}{plural} {', '.join(map(str, moments))}"


def read_metrics(run: Resolved) -> dict[str, Any] | None:
    """Return the metrics of a run, or None where it has none, or they belong to other settings, parents or features.

    A classifier's metrics are computed from its predictions if nobody did so yet. A GAN's values are joined by those of
    `best_generator` and `kid_errors`. A run that diverged or was blocked has the content of its result.json and no
    values.
    """
    folder, result = folder_of(run), finished(run)
    if result is None:
        return None
    if result["status"] != Ending.DONE:
        return {**result, "values": {}}
    if run.leaves_predictions:
        return classifier_metrics(folder)
    if not folder.has(METRICS):
        return None
    metrics = folder.metrics()
    if metrics["meta"]["features"] != run.features:
        return None
    values = metrics["values"]
    return {**metrics, "values": values | best_generator(values) | kid_errors(values)}


def finished_runs(runs: list[Resolved], product: str = "") -> tuple[list[Resolved], str]:
    """Return those runs that are done, and the most frequent status of all, as `run_status` names it.

    With a `product`, runs that were kept without this file are left out too, and their status says so.
    """
    statuses = [_status_with(run, product) for run in runs]
    done = [run for run, status in zip(runs, statuses, strict=True) if status == Ending.DONE]
    return done, max(statuses, key=statuses.count)


def _status_with(run: Resolved, product: str) -> str:
    status, folder = run_status(run), folder_of(run)
    if status != Ending.DONE or not product or folder.has(product) or not folder.was_kept(folder.result()):
        return status
    return f"kept without its {product}"


def run_status(run: Resolved) -> str:
    """Return the status of one run: done, diverged, blocked, or one of `UNMEASURED`."""
    metrics = read_metrics(run)
    if metrics is not None:
        return str(metrics["status"])
    if not folder_of(run).has(RESULT):
        return NOT_RUN
    return NOT_EVALUATED if finished(run) else STALE


def best_generator(values: dict[str, float]) -> dict[str, float]:
    """Return `fid.best` and `kid.best` of a run: the lowest FID and the lowest KID of its generators.

    The two may belong to different generators. The abstract of OKD-SAGAN compares such a best generator with a single
    GAN (118.23 against 139.76), which favours the model with more generators. Table S1 shows the same selection among
    independent generators beside it.
    """
    best = {}
    for measure in ("fid", "kid"):
        of_generators = [value for name, value in values.items() if re.fullmatch(rf"{measure}\.G\d+", name)]
        if of_generators:
            best[f"{measure}.best"] = min(of_generators)
    return best


def kid_errors(values: dict[str, float]) -> dict[str, float]:
    """Return the standard errors of KIDs over several generators of a run, from those of each generator.

    All generators are compared with the same real crops. `kid_se.mean` and `kid_se.mixture` are the mean of the
    generators' errors, which the error of an average cannot exceed. `kid_se.best` is that of the lowest KID.
    """
    errors = {name.partition(".")[2]: value for name, value in values.items() if re.fullmatch(r"kid_se\.G\d+", name)}
    if not errors:
        return {}
    mean = statistics.fmean(errors.values())
    best = min(errors, key=lambda generator: values[f"kid.{generator}"])
    return {"kid_se.mean": mean, "kid_se.mixture": mean, "kid_se.best": errors[best]}


def images_columns(results: SeedResults, metric: str, prefix: str = "") -> dict[str, Any]:
    """Return the column of the standard error of a classifier's metric over images, in the metric's unit.

    It is that of one training, averaged over the seeds: their evaluation images are the same.
    """
    if results.ended:
        return {}
    errors = [error_over_images(metrics["values"], metric) for metrics in results.metrics.values()]
    known = [error for error in errors if error is not None]
    return {f"{prefix}images_error": statistics.fmean(known)} if known else {}


def error_over_images(values: Mapping[str, float], metric: str) -> float | None:
    """Return the standard error of a classifier's metric over images, in the metric's unit; None if it is unknown.

    Args:
        values: "values" of the run's metrics.json.
        metric: the metric.
    """
    interval = IMAGE_INTERVALS.get(metric, metric)
    low, high = values.get(f"{interval}_low"), values.get(f"{interval}_high")
    return None if low is None or high is None else error_of_interval(low, high)


def summary_columns(values: list[float], prefix: str = "", with_mean: bool = True) -> dict[str, Any]:
    """Return mean, sample standard deviation (None for one value), number and the values, as columns of the CSV."""
    if not values:
        return {}
    columns: dict[str, Any] = {}
    if with_mean:
        sample = Sample.from_values(values)
        columns = {f"{prefix}mean": sample.mean, f"{prefix}std": sample.std}
    columns[f"{prefix}n"] = len(values)
    columns[f"{prefix}values"] = " ".join(f"{value:.6g}" for value in values)
    return columns
