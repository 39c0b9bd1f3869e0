"""From runs' metrics to cells: what was published and what ours came to, one tidy row a cell."""

import statistics
from pathlib import Path
from typing import Any

import yaml

from advkd import catalog, config
from advkd.catalog import Cell
from advkd.config import NotInThisVersion, Resolved
from advkd.errors import UserError
from advkd.files import read_json
from advkd.reporting import predictions
from advkd.run import shortest
from advkd.settings import User

PAPERS = Path("paper/papers.yaml")

# What stands beside a metric in the CSV, where a run has it. A GAN's measures have the metric's own suffix (generator
# or mean) or, in SHARED, none of its own.
COMPANIONS = {
    "fid": ["kid", "kid_se", "fid_inf", "fid_held_out", "fid_early"],
    "top1_error": ["best.top1_error", "top1_low", "top1_high"],
    "top5_error": ["best.top5_error", "top5_low", "top5_high"],
    "f1": ["best.f1"],
    "ece": ["ece15", "best.ece", "nll"],
    "ece_ts": ["ece15_ts", "ece_ts_whole", "nll_ts", "temperature", "temperature_whole"],
}
SHARED = ["fid.mixture", "kid.mixture", "fid.floor", "kid.floor", "inter_kid.final"]


def collect(table: str, user: User) -> list[dict[str, Any]]:
    """Return the cells of a table as rows of strings and numbers, in the paper's order."""
    return [row(cell, user) for cell in catalog.cells(table)]


def row(cell: Cell, user: User) -> dict[str, Any]:
    """Return one cell: the published number, and ours with everything that it stands on."""
    published = {
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
        "note": cell.note,
        "scale": user.scale,
        "run": cell.run,
    }
    ours = data_statistic(cell, user) if cell.kind == "data" else trained(cell, user)
    return {**published, **ours}


def trained(cell: Cell, user: User) -> dict[str, Any]:
    """Return status, mean, sample standard deviation and values over the seeds of a cell's run group."""
    if not cell.run:
        return {"status": "quoted by the paper"}
    try:
        runs = catalog.resolved(cell, user)
    except NotInThisVersion:
        return {"status": "not in this version"}
    found = {one.run.seed: metrics for one in runs if (metrics := read_metrics(one)) is not None}
    if not found:
        stale = any((one.run.folder(one.scale) / "result.json").exists() for one in runs)
        return {"status": "stale" if stale else "not run"}
    done = {seed: metrics for seed, metrics in found.items() if cell.metric in metrics["values"]}
    status = "done" if len(done) == len(runs) else f"{len(done)} of {len(runs)} seeds"
    for ended, word in (("blocked", "by"), ("diverged", "at step")):
        gone = [
            f"seed {seed} {word} {metrics['parent' if ended == 'blocked' else 'step']}"
            for seed, metrics in found.items()
            if metrics["status"] == ended
        ]
        status = f"{ended} ({', '.join(gone)})" if gone else status
    result = {"status": status, **summary("", [metrics["values"][cell.metric] for metrics in done.values()])}
    result["seeds"] = " ".join(str(seed) for seed in done)
    for name, column in companions(cell.metric).items():
        values = [metrics["values"][name] for metrics in done.values() if name in metrics["values"]]
        if values:
            result.update(summary(f"{column}_", values))
    if done:
        result["meta" if runs[0].loop == "gan" else "evaluation"] = next(iter(done.values()))["meta"]
        result["data"] = provenance_of(next(one for one in runs if one.run.seed in done))["data"]
    result["runs"] = " ".join(str(one.run) for one in runs)
    result["config_hashes"] = " ".join(one.hash for one in runs)
    return result


def companions(metric: str) -> dict[str, str]:
    """Return the measures that stand beside a metric, each with the name of its columns."""
    base, _, suffix = metric.partition(".")
    others = {f"{other}.{suffix}" if suffix else other: other for other in COMPANIONS.get(base, [])}
    return others | ({name: name for name in SHARED} if base == "fid" else {})


def summary(prefix: str, values: list[float]) -> dict[str, Any]:
    """Return mean, sample standard deviation (None for one value), number and the values themselves."""
    if not values:
        return {}
    spread = statistics.stdev(values) if len(values) > 1 else None
    return {
        f"{prefix}mean": statistics.fmean(values),
        f"{prefix}std": spread,
        f"{prefix}n": len(values),
        f"{prefix}values": " ".join(f"{value:.6g}" for value in values),
    }


def data_statistic(cell: Cell, user: User) -> dict[str, Any]:
    """Return a data set's statistic: what its authors state, and what the store of the scale counts in its source."""
    from advkd.data import registry

    official = (registry.load(config.REGISTRY)[cell.run].official or {}).get(cell.metric)
    result: dict[str, Any] = {"official": official, "status": "no store prepared"}
    if one := catalog.counted_stores(cell.table, user).get(cell.run):
        path = Path(user.data_root, "stores", one.store, "meta.json")
        if path.exists():
            meta = read_json(path)
            result.update(status="counted", data=meta, **summary("", [meta["statistics"][cell.metric]]))
    return result


def describe_data(source: dict[str, Any]) -> str:
    """Return in words what a store was prepared from, from the `source` of its meta.json."""
    content = f"content {source['content'][:12]}"
    return {
        "drawn on the spot": "images drawn by a program, not photographed",
        "the user's own images": f"the user's own images ({content})",
        "accepted by the user": f"NOT the official archive but data accepted by the user ({content})",
    }.get(source["verified"], f"official archive, verified by {source['verified']}")


def read_metrics(one: Resolved) -> dict[str, Any] | None:
    """Return a run's metrics, or None where it has none or they belong to other settings.

    A classifier's are computed from its predictions where that has not been done yet.
    """
    folder = one.run.folder(one.scale)
    if not (folder / "result.json").exists() or read_json(folder / "result.json")["config_hash"] != one.hash:
        return None
    if one.loop == "classifier":
        return predictions.metrics(folder)
    return read_json(folder / "metrics.json") if (folder / "metrics.json").exists() else None


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
    papers = yaml.safe_load(PAPERS.read_text(encoding="utf-8"))
    if artifact not in papers["artifacts"]:
        raise UserError(f"{PAPERS}: say under `artifacts` what {artifact} shows")
    return {**papers[paper_of(artifact)], "shows": papers["artifacts"][artifact]}
