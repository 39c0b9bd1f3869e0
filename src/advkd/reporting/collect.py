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
from advkd.settings import User

PAPERS = Path("paper/papers.yaml")

# What stands beside a metric in the CSV, where a run has it: same suffix (generator or mean), other measure.
COMPANIONS = {"fid": ["kid", "kid_se", "fid_inf", "fid_held_out", "fid_early"]}
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
        stale = any((one.run.folder(one.scale) / "metrics.json").exists() for one in runs)
        return {"status": "stale" if stale else "not run"}
    done = {seed: metrics for seed, metrics in found.items() if cell.metric in metrics["values"]}
    gone = {seed: metrics for seed, metrics in found.items() if metrics["status"] == "diverged"}
    status = "done" if len(done) == len(runs) else f"{len(done)} of {len(runs)} seeds"
    if gone:
        steps = ", ".join(f"seed {seed} at step {metrics['step']}" for seed, metrics in gone.items())
        status = f"diverged ({steps})"
    base, _, suffix = cell.metric.partition(".")
    companions = [f"{other}.{suffix}" for other in COMPANIONS.get(base, [])] + (SHARED if base == "fid" else [])
    result = {"status": status, **summary("", [metrics["values"][cell.metric] for metrics in done.values()])}
    result["seeds"] = " ".join(str(seed) for seed in done)
    for name in companions:
        values = [metrics["values"][name] for metrics in done.values() if name in metrics["values"]]
        if values:
            result.update(summary(f"{name.split('.')[0] if name not in SHARED else name}_", values))
    if done:
        result["meta"] = next(iter(done.values()))["meta"]
        result["data"] = provenance_of(next(one for one in runs if one.run.seed in done))["data"]
    result["runs"] = " ".join(str(one.run) for one in runs)
    result["config_hashes"] = " ".join(one.hash for one in runs)
    return result


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
    """Return a data set's statistic: what its authors state, and what a prepared store counts, if there is one."""
    from advkd.data import registry

    official = (registry.load(config.REGISTRY)[cell.run].official or {}).get(cell.metric)
    result: dict[str, Any] = {"official": official, "status": "no store prepared"}
    for path in catalog.counted_stores(cell.table, user):
        meta = read_json(Path(path))
        if meta["name"] == cell.run and cell.metric in meta.get("statistics", {}):
            result.update(status="counted", **summary("", [meta["statistics"][cell.metric]]))
    return result


def describe_data(source: dict[str, Any]) -> str:
    """Return in words what a store was prepared from, from the `source` of its meta.json."""
    content = f"content {source['content'][:12]}"
    return {
        "drawn on the spot": "photos drawn by a program, not photographed",
        "the user's own images": f"the user's own images ({content})",
        "accepted by the user": f"NOT the official archive but data accepted by the user ({content})",
    }.get(source["verified"], f"official archive, verified by {source['verified']}")


def read_metrics(one: Resolved) -> dict[str, Any] | None:
    """Return a run's metrics, or None where it has none or they belong to other settings."""
    folder = one.run.folder(one.scale)
    if not (folder / "metrics.json").exists() or not (folder / "result.json").exists():
        return None
    same = read_json(folder / "result.json")["config_hash"] == one.hash
    return read_json(folder / "metrics.json") if same else None


def provenance_of(one: Resolved) -> dict[str, Any]:
    """Return a finished run's provenance."""
    return read_json(one.run.folder(one.scale) / "provenance.json")


def paper_of(artifact: str) -> str:
    """Return the paper that a table or figure belongs to."""
    return artifact.split("_")[0]


def described(artifact: str) -> dict[str, str]:
    """Return a paper's short name and citation, and what the artifact shows."""
    papers = yaml.safe_load(PAPERS.read_text(encoding="utf-8"))
    if artifact not in papers["artifacts"]:
        raise UserError(f"{PAPERS}: say under `artifacts` what {artifact} shows")
    return {**papers[paper_of(artifact)], "shows": papers["artifacts"][artifact]}
