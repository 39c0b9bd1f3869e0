"""From runs' metrics to cells: what was published and what ours came to, one tidy row a cell."""

from pathlib import Path
from typing import Any

from advkd.artifacts.outcomes import Outcome, numbers, outcome, summary
from advkd.damage import attempt
from advkd.errors import UserError
from advkd.files import read_json, read_yaml
from advkd.settings import catalog, config
from advkd.settings.catalog import Cell
from advkd.settings.config import Resolved
from advkd.settings.names import shortest
from advkd.settings.user import User

PAPERS = Path("paper/papers.yaml")
SPOILT = "damaged"  # what a cell says whose runs' files cannot be read

# What stands beside a metric in the CSV, where a run has it. A GAN's measures have the metric's own suffix (generator
# or mean) or, in SHARED, none of its own.
COMPANIONS = {
    "fid": ["kid", "kid_se", "fid_inf", "fid_held_out", "fid_early"],
    "top1_error": ["best.top1_error", "top1_low", "top1_high"],
    "top5_error": ["best.top5_error", "top5_low", "top5_high"],
    "accuracy": ["best.accuracy", "accuracy_low", "accuracy_high"],
    "f1": ["best.f1"],
    "ece": ["ece15", "best.ece", "nll"],
    "ece_ts": ["ece15_ts", "ece_ts_whole", "nll_ts", "temperature", "temperature_whole"],
}
SHARED = ["fid.mixture", "kid.mixture", "fid.floor", "kid.floor", "inter_kid.final"]
# Metrics of tables that a run has under another name: a teacher is judged as any classifier, and so is a ratio's side.
MEASURED = {"teacher_accuracy": "accuracy", "restored_ratio": "accuracy"}


def collect(table: str, user: User) -> list[dict[str, Any]]:
    """Return the cells of a table as rows of strings and numbers, in the paper's order.

    A cell whose runs' files cannot be read has the status `damaged` and no number, and tells the reason in `damage`.
    """
    return [whole(cell, user) for cell in catalog.cells(table)]


def whole(cell: Cell, user: User) -> dict[str, Any]:
    """Return one cell, as `row`, or what is known of it where its runs' files are damaged."""
    found, problem = attempt(row, cell, user)
    return found or {**published(cell, user), "status": SPOILT, "ended": SPOILT, "damage": problem}


def row(cell: Cell, user: User) -> dict[str, Any]:
    """Return one cell: the published number, and ours with everything that it stands on."""
    ours = {"data": data_statistic, "ratio": ratio}.get(cell.kind, trained)(cell, user)
    return {**published(cell, user), **ours}


def published(cell: Cell, user: User) -> dict[str, Any]:
    """Return what is known of a cell without any run."""
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
        "quoted": quoted(cell),
        "note": cell.note,
        "scale": user.scale,
        "run": cell.run,
    }


def quoted(cell: Cell) -> bool:
    """Tell whether a paper quotes a number from elsewhere, or derives it from a number of its row that it quotes."""
    sides = catalog.cells(cell.table) if cell.kind == "ratio" else ()
    return cell.kind == "quoted" or any(side.kind == "quoted" for side in sides if side.row == cell.row)


def trained(cell: Cell, user: User) -> dict[str, Any]:
    """Return status, mean, sample standard deviation and values over the seeds of a cell's run group."""
    if not cell.run:
        return {"status": "quoted by the paper"}
    metric = MEASURED.get(cell.metric, cell.metric)
    found = outcome(catalog.resolved(cell, user), metric)
    result = {"status": found.status, "ended": found.ended, **numbers(found, metric)}
    for name, column in companions(cell.metric).items():
        result |= numbers(found, name, f"{column}_")
    return result | basis(found) | named(found)


def ratio(cell: Cell, user: User) -> dict[str, Any]:
    """Return the accuracies of a cell's run group in % of its teacher's, and both sides.

    The teacher is one run whose accuracy carries no spread: all of a ratio's is the students' (GIP, Table 3: 0.04 over
    96.17).
    """
    metric = MEASURED[cell.metric]
    student = outcome(catalog.resolved(cell, user), metric)
    teacher = outcome([catalog.denominator(cell, user)], metric)
    sides = {"student_status": student.status, "teacher_status": teacher.status, **numbers(student, metric, "student_")}
    ratios = {}
    if teacher.done:
        below = sides["teacher_accuracy"] = teacher.done[teacher.runs[0].run.seed]["values"][metric]
        above = [metrics["values"][metric] for metrics in student.done.values()]
        ratios = summary([100 * value / below for value in above], ended=bool(student.ended)) if below else {}
    return {**both(student, teacher, metric), **ratios, **sides, **basis(student), **named(student, teacher)}


def both(student: Outcome, teacher: Outcome, metric: str) -> dict[str, str]:
    """Return status and ended of a ratio: the student's, unless it is the teacher that a ratio lacks."""
    if student.ended:
        return {"status": student.status, "ended": student.ended}
    if teacher.ended:
        return {"status": f"teacher {teacher.status}", "ended": f"teacher {teacher.ended}"}
    lacking = [f"{name} {side.status}" for name, side in (("student", student), ("teacher", teacher)) if not side.done]
    if not lacking and any(metrics["values"][metric] == 0 for metrics in teacher.done.values()):
        lacking = ["teacher without a right answer"]
    return {"status": ", ".join(lacking) or student.status, "ended": ""}


def basis(found: Outcome) -> dict[str, Any]:
    """Return what the numbers of a group were measured on: seeds, evaluation, data."""
    if not found.done:
        return {}
    first = next(one for one in found.runs if one.run.seed in found.done)
    return {
        "seeds": " ".join(str(seed) for seed in found.done),
        "meta" if first.loop == "gan" else "evaluation": found.done[first.run.seed]["meta"],
        "data": provenance_of(first)["data"],
    }


def named(*sides: Outcome) -> dict[str, str]:
    """Return names and configurations of the runs of groups in which any is finished."""
    runs = [one for side in sides if side.done or side.ended for one in side.runs]
    return {"runs": " ".join(str(one.run) for one in runs), "config_hashes": " ".join(one.hash for one in runs)}


def companions(metric: str) -> dict[str, str]:
    """Return the measures that stand beside a table's metric, each with the name of its columns."""
    base, _, suffix = MEASURED.get(metric, metric).partition(".")
    others = {f"{other}.{suffix}" if suffix else other: other for other in COMPANIONS.get(base, [])}
    return others | {name: name for name in SHARED if base == "fid" and name not in others}


def data_statistic(cell: Cell, user: User) -> dict[str, Any]:
    """Return a data set's statistic: what its authors state, and what the store of the scale counts in its source."""
    from advkd.data import registry

    official = (registry.load(config.REGISTRY)[cell.run].official or {}).get(cell.metric)
    result: dict[str, Any] = {"official": official, "status": "no store prepared"}
    if one := catalog.counted_stores(cell.table, user).get(cell.run):
        path = Path(user.data_root, "stores", one.store, "meta.json")
        if path.exists():
            meta = read_json(path)
            result.update(status="counted", data=meta, **summary([meta["statistics"][cell.metric]]))
    return result


def describe_data(source: dict[str, Any]) -> str:
    """Return in words what a store was prepared from, from the `source` of its meta.json."""
    content = f"content {source['content'][:12]}"
    return {
        "drawn on the spot": "images drawn by a program, not photographed",
        "the user's own images": f"the user's own images ({content})",
        "accepted by the user": f"NOT the official archive but data accepted by the user ({content})",
    }.get(source["verified"], f"official archive, verified by {source['verified']}")


def provenance_of(one: Resolved) -> dict[str, Any]:
    """Return a finished run's provenance."""
    return read_json(one.run.folder(one.scale) / "provenance.json")


def changed(runs: list[Resolved], user: User) -> dict[str, tuple[str, str]]:
    """Return the settings in which runs differ from those of scale `paper`, as (ours, the paper's), in words."""
    paper = user.model_copy(update={"scale": "paper", "override": {}})
    found: dict[str, tuple[list[str], list[str]]] = {}
    for one in runs:
        published = config.resolve(one.run, paper).settings
        for key in one.settings.keys() | published.keys():
            absent = "all" if key in ("classes", "train_per_class", "valid_per_class") else "–"
            pair = tuple(shortest(where[key]) if key in where else absent for where in (one.settings, published))
            if pair[0] != pair[1] and key not in ("data", "made_photos", "made_per_class"):
                for values, value in zip(found.setdefault(key, ([], [])), pair, strict=True):
                    if value not in values:
                        values.append(value)
    return {key: ("/".join(ours), "/".join(theirs)) for key, (ours, theirs) in sorted(found.items())}


def paper_of(artifact: str) -> str:
    """Return the paper that a table or figure belongs to."""
    return artifact.split("_")[0]


def described(artifact: str) -> dict[str, str]:
    """Return a paper's short name and citation, and what the artifact shows."""
    papers = read_yaml(PAPERS)
    if artifact not in papers["artifacts"]:
        raise UserError(f"{PAPERS}: say under `artifacts` what {artifact} shows")
    return {**papers[paper_of(artifact)], "shows": papers["artifacts"][artifact]}
