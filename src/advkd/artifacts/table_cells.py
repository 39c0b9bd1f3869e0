"""The cells of a table: one row for each, with the published number, our number and everything that it rests on."""

import statistics
from pathlib import Path
from typing import Any

from advkd.artifacts.seed_results import SeedResults, error_over_images, images_columns, join_seeds, summary_columns
from advkd.artifacts.training_time import training_time
from advkd.damage import attempt
from advkd.data.store_meta import META, check_settings, read_meta
from advkd.errors import UserError
from advkd.runs.lookup import folder_of, state_of
from advkd.runs.state import Kind
from advkd.runs.stores import DataChecks
from advkd.settings import catalog, config
from advkd.settings.config import CannotBeBuilt
from advkd.settings.published_cells import Cell
from advkd.settings.user import User

DAMAGED = "damaged"  # the status of a cell whose runs' files cannot be read

# The metrics that stand beside a table's metric in the CSV, where a run has them. A GAN's metrics have the same suffix
# (generator or mean) as the table's metric, except those in SHARED, which have none.
OF_CLASSES = [f"ap.{number}" for number in range(1, 7)]  # CODEBRIM has five kinds of defects, and the background
COMPANIONS = {
    "fid": ["kid", "kid_se", "fid_inf", "fid_held_out", "fid_early"],
    "top1_error": ["best.top1_error", "top1_low", "top1_high"],
    "top5_error": ["best.top5_error", "top5_low", "top5_high"],
    "accuracy": ["best.accuracy", "accuracy_low", "accuracy_high"],
    "f1": ["best.f1"],
    "map": ["map_low", "map_high", "accuracy", "accuracy_low", "accuracy_high", *OF_CLASSES],
    "ece": ["ece15", "best.ece", "nll"],
    "ece_ts": ["ece15_ts", "ece_ts_whole", "nll_ts", "temperature", "temperature_whole"],
}
SHARED = ["fid.mixture", "kid.mixture", "fid.floor", "kid.floor", "kid_se.floor", "inter_kid.final"]
# Metrics of tables that have another name in a run's metrics.json. A teacher is evaluated as any classifier, and so is
# each side of a ratio.
MEASURED = {"teacher_accuracy": "accuracy", "restored_ratio": "accuracy"}


def collect_rows(table: str, user: User) -> list[dict[str, Any]]:
    """Return the rows of a table's cells, in the paper's order, as `readable_row` makes them.

    Those of runs that were trained on other images than those of today say so in `outdated_data`.
    """
    checks, rows = DataChecks(user), []
    for cell in catalog.cells(table):
        row = readable_row(cell, user)
        if cautions := checks.cautions(config.resolve(name, user) for name in row.get("runs", "").split()):
            row["outdated_data"] = "; ".join(cautions)
        rows.append(row)
    return rows


def readable_row(cell: Cell, user: User) -> dict[str, Any]:
    """Return the row of a cell, as `cell_row` does, whether or not the files of its runs can be read.

    If they cannot, the row has the status `damaged`, no number, and the reason in `damage`. The same holds, with
    another status, where one of its runs cannot be built.
    """
    if reason := catalog.why_not_built(cell, user):
        word = Kind.NOT_BUILT.value
        return {**published_columns(cell, user), "status": word, "ended": word, "damage": f"{word}: {reason}"}
    row, problem = attempt(cell_row, cell, user)
    if row is None:
        return {**published_columns(cell, user), "status": DAMAGED, "ended": DAMAGED, "damage": problem}
    return row


def cell_row(cell: Cell, user: User) -> dict[str, Any]:
    """Return the row of a cell: the published number, our number, and everything that it rests on.

    Columns that do not apply to a cell are left out.

    Raises:
        UserError: a file of its runs is missing or damaged.
    """
    if cell.kind == "data":
        ours = statistic_columns(cell, user)
    elif cell.kind == "ratio":
        ours = ratio_columns(cell, user)
    else:
        ours = run_columns(cell, user)
    return {**published_columns(cell, user), **ours}


def published_columns(cell: Cell, user: User) -> dict[str, Any]:
    """Return the columns of a cell that need no run."""
    return {
        "table": cell.table,
        "row": cell.row,
        "column": cell.column,
        "metric": cell.metric,
        "unit": cell.unit,
        "better": cell.better,
        "decimals": cell.decimals,
        "published": cell.mean,
        "published_std": cell.std,
        "published_mark": cell.mark,
        "kind": cell.kind,
        "quoted": is_quoted(cell),
        "note": cell.note,
        "scale": user.scale,
        "run": cell.run,
    }


def is_quoted(cell: Cell) -> bool:
    """Tell whether a paper quotes a number from elsewhere, or computes it from a quoted number in the same row."""
    if cell.kind != "ratio":
        return cell.kind == "quoted"
    return any(other.kind == "quoted" and other.row == cell.row for other in catalog.cells(cell.table))


def run_columns(cell: Cell, user: User) -> dict[str, Any]:
    """Return the metric of a cell over the seeds of its run group, and the metrics beside it."""
    if not cell.run:
        return {"status": "quoted by the paper"}
    metric = MEASURED.get(cell.metric, cell.metric)
    results = join_seeds(catalog.resolved(cell, user), metric)
    columns = {"status": results.status, "ended": results.ended, **results.summary(metric)}
    columns |= images_columns(results, metric)
    for name, prefix in companion_columns(cell.metric).items():
        columns |= results.summary(name, f"{prefix}_")
    return {**columns, **measured_on(results), **run_names(results), **evaluation_columns(results)}


def ratio_columns(cell: Cell, user: User) -> dict[str, Any]:
    """Return the accuracy of a cell's students in % of their teacher's, and both accuracies.

    Each seed has a ratio: its student's accuracy in % of its own teacher's. The error over images is the student's, in
    the same unit.
    """
    metric = MEASURED[cell.metric]
    students = join_seeds(catalog.resolved(cell, user), metric)
    teachers = join_seeds(catalog.denominators(cell, user), metric)
    sides: dict[str, Any] = {"student_status": students.status, "teacher_status": teachers.status}
    for results, prefix in ((students, "student_"), (teachers, "teacher_")):
        sides |= results.summary(metric, prefix) | images_columns(results, metric, prefix)
    per_seed = seed_ratios(students, teachers, metric)
    with_mean = not (students.ended or teachers.ended)
    ratios = summary_columns([ratio for ratio, _ in per_seed], with_mean=with_mean)
    errors = [error for _, error in per_seed if error is not None]
    if with_mean and errors and len(errors) == len(per_seed):
        ratios["images_error"] = statistics.fmean(errors)
    return {
        **ratio_status(students, teachers, metric),
        **ratios,
        **sides,
        **baseline_columns(cell, user),
        **measured_on(students),
        **run_names(students, teachers),
    }


def seed_ratios(students: SeedResults, teachers: SeedResults, metric: str) -> list[tuple[float, float | None]]:
    """Return a metric of the students in % of their teachers', for each seed that has both and a teacher above 0.

    Beside each stands the standard error of the student's metric over images, in the same unit; None if it is unknown.
    """
    ratios = []
    for seed in sorted(students.metrics.keys() & teachers.metrics.keys()):
        student, teacher = (side.metrics[seed]["values"] for side in (students, teachers))
        if teacher[metric]:
            error = error_over_images(student, metric)
            in_percent = 100 / teacher[metric]
            ratios.append((100 * student[metric] / teacher[metric], None if error is None else in_percent * error))
    return ratios


def baseline_columns(cell: Cell, user: User) -> dict[str, Any]:
    """Return the accuracy of the Baseline of a ratio's student: the same network, trained without a teacher."""
    metric = MEASURED[cell.metric]
    runs = []
    for student in catalog.resolved(cell, user):
        try:
            runs.append(config.resolve(student.run.other((), method="baseline"), user))
        except CannotBeBuilt:  # the ratio itself can be
            return {}
    baseline = join_seeds(runs, metric)
    return baseline.summary(metric, "baseline_") | images_columns(baseline, metric, "baseline_")


def teacher_is_worse(row: dict[str, Any]) -> bool | None:
    """Tell whether the teacher behind a ratio is worse than its student's Baseline; None where one has no number."""
    if "baseline_mean" not in row or "teacher_mean" not in row:
        return None
    return bool(row["teacher_mean"] < row["baseline_mean"])


def ratio_status(students: SeedResults, teacher: SeedResults, metric: str) -> dict[str, str]:
    """Return the columns `status` and `ended` of a ratio: the students', unless the teacher has no number."""
    if students.ended:
        return {"status": students.status, "ended": students.ended}
    if teacher.ended:
        return {"status": f"teacher {teacher.status}", "ended": f"teacher {teacher.ended}"}
    sides = {"student": students, "teacher": teacher}
    lacking = [f"{name} {results.status}" for name, results in sides.items() if not results.metrics]
    if lacking:
        return {"status": ", ".join(lacking), "ended": ""}
    if 0 in teacher.values(metric):
        return {"status": "teacher without a right answer", "ended": ""}
    if teacher.status != students.status:
        return {"status": f"student {students.status}, teacher {teacher.status}", "ended": ""}
    return {"status": students.status, "ended": ""}


def measured_on(results: SeedResults) -> dict[str, Any]:
    """Return what the numbers of a run group were measured on: seeds, evaluation (of the first seed), data and time."""
    if not results.metrics:
        return {}
    first = next(run for run in results.runs if run.run.seed in results.metrics)
    # A run without a readable time keeps its numbers: no other number rests on the time.
    time, _ = attempt(training_time, [run for run in results.runs if run.run.seed in results.metrics])
    return {
        "seeds": " ".join(str(seed) for seed in results.metrics),
        "evaluation" if first.leaves_predictions else "meta": results.metrics[first.run.seed]["meta"],
        "data": folder_of(first).provenance()["data"],
        "time": time,
    }


def evaluation_columns(results: SeedResults) -> dict[str, str]:
    """Return the GANs of a group that older code of this package evaluated, if there are any.

    A classifier's metrics are computed again from its predictions.
    """
    older = []
    for run in results.runs:
        is_gan = run.run.seed in results.metrics and not run.leaves_predictions
        if is_gan and state_of(run).kind is Kind.OLDER_EVALUATION:
            older.append(str(run.run))
    return {"evaluated_by_older_code": " ".join(older)} if older else {}


def run_names(*groups: SeedResults) -> dict[str, str]:
    """Return the names and configuration hashes of the runs of those groups in which any run is finished."""
    runs = []
    for results in groups:
        if results.metrics or results.ended:
            runs += results.runs
    return {"runs": " ".join(str(run.run) for run in runs), "config_hashes": " ".join(run.hash for run in runs)}


def companion_columns(metric: str) -> dict[str, str]:
    """Return the metrics that stand beside a table's metric, each with the prefix of its columns."""
    base, _, suffix = MEASURED.get(metric, metric).partition(".")
    prefixes = {}
    for companion in COMPANIONS.get(base, []):
        prefixes[f"{companion}.{suffix}" if suffix else companion] = companion
    if base == "fid":
        for shared in SHARED:
            prefixes.setdefault(shared, shared)
    return prefixes


def statistic_columns(cell: Cell, user: User) -> dict[str, Any]:
    """Return a statistic of a data set: as its authors state it, and as counted in the store of the user's scale."""
    from advkd.data import registry

    official = (registry.load(config.REGISTRY)[cell.run].official or {}).get(cell.metric)
    columns: dict[str, Any] = {"official": official, "status": "data not prepared"}
    run = catalog.counted_stores(cell.table, user).get(cell.run)
    if run is None:
        return columns
    folder = Path(user.data_root, "stores", run.store)
    if (folder / META).exists():
        try:
            meta = read_meta(folder)
            check_settings(folder, meta, run.settings)
        except UserError as error:  # the reason stands in the CSV and on the page, which are published: no path in it
            raise UserError(str(error).replace(str(folder), run.store)) from error
        columns.update(status="counted", data=meta, **summary_columns([meta["statistics"][cell.metric]]))
    return columns
