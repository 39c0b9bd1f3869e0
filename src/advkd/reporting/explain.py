"""What stands behind a cell: its runs, settings, seeds, weights, data and machine."""

from typing import Any

from advkd import catalog, config
from advkd.catalog import Cell
from advkd.config import Resolved
from advkd.files import read_json
from advkd.progress import duration
from advkd.reporting import collect, status, tables
from advkd.settings import User


def report(table: str, words: list[str], user: User) -> str:
    """Return everything behind the cells of `table` whose row and column contain `words`; raises UserError."""
    return "\n\n".join(explain(cell, user) for cell in catalog.find_cells(table, words))


def explain(cell: Cell, user: User) -> str:
    """Return what stands behind one cell."""
    row = collect.row(cell, user)
    unit = f" {cell.unit}" if cell.unit else ""
    where = f"{cell.table}: {cell.row} | {cell.column}  ({cell.metric}{unit})"
    published = tables.pm(cell.mean, cell.std) + (f", n = {cell.n}" if cell.n else "")
    if row["quoted"]:
        numbers = "of numbers quoted" if cell.kind == "ratio" else "quoted"
        published += f", {numbers} from elsewhere; ours is of our re-implementation"
    lines = [where, f"  published   {published}{f' ({cell.mark})' if cell.mark else ''}"]
    if cell.note:
        lines.append(f"  note        {cell.note}")
    decimals = int(cell.decimals or 2)
    ours = tables.text(row.get("mean"), decimals, row.get("std"))
    lines.append(f"  ours        {ours}  at scale {user.scale}: {row['status']}{several(row)}")
    if cell.kind == "data":
        lines.append(f"  official    {tables.text(row['official'], 0)}")
        return "\n".join(lines)
    if not cell.run:
        return "\n".join(lines)
    runs = catalog.resolved(cell, user)
    if cell.kind == "ratio":
        runs.append(catalog.denominator(cell, user))
        lines += sides(row, decimals)
    lines += beside(cell, row)
    lines.append(f"  settings    advkd config {runs[0].run} {config.options(user)}")
    for one in runs:
        lines += [f"  run         {one.run}: {status.state(one)}", *behind(one)]
    lines.append(f"  made by     snakemake --cores all {cell.table} {config.options(user)}")
    return "\n".join(lines)


def several(row: dict[str, Any], prefix: str = "") -> str:
    """Return the values over the seeds, where a mean stands for several or may not stand for those that are left."""
    told = row.get(f"{prefix}n", 0) > 1 or (f"{prefix}n" in row and row.get("ended"))
    return f"; values {row[f'{prefix}values']}" if told else ""


def sides(row: dict[str, Any], decimals: int) -> list[str]:
    """Return the two accuracies of a ratio."""
    student = tables.text(row.get("student_mean"), decimals, row.get("student_std"))
    teacher = tables.text(row.get("teacher_accuracy"), decimals)
    return [
        f"  student     {student}  accuracy, {row['student_status']}{several(row, 'student_')}",
        f"  teacher     {teacher}  accuracy, {row['teacher_status']}",
    ]


def beside(cell: Cell, row: dict[str, Any]) -> list[str]:
    """Return what is measured beside a cell's number, and on what."""
    lines = []
    for other in ("kid", "fid_inf", "fid_held_out", "fid_early", "fid.floor", "kid.floor"):
        if f"{other}_mean" in row:
            lines.append(f"  {other:<12} {row[f'{other}_mean']:.6g}")
    if "meta" in row:
        meta = row["meta"]
        rank = ", rank-deficient" if meta["rank_deficient"] else ""
        lines.append(f"  features    {meta['dims']} of the FID network, weights {meta['weights']};"
                     f" {meta['n_real']} reals, {meta['n_fake']} fakes{rank}")  # fmt: skip
    if "evaluation" in row:
        for name in collect.companions(cell.metric).values():
            if f"{name}_mean" in row:
                lines.append(f"  {name:<12} {row[f'{name}_mean']:.6g}")
        lines.append(f"  evaluated   {row['evaluation']['n_images']} images of {row['evaluation']['classes']} classes")
    return lines


def behind(one: Resolved) -> list[str]:
    """Return a run's seed, weights, data, code, machine and time."""
    folder = one.run.folder(one.scale)
    if not (folder / "result.json").exists():
        return []
    result, found = read_json(folder / "result.json"), collect.provenance_of(one)
    last = found["attempts"][-1]
    data = found["data"]["source"]
    where = last["gpu"] or f"{last['processor']}, {last['threads']} of {last['cores']} threads"
    memory = ", ".join(f"{value} MiB {kind}" for kind, value in found["peak_memory_mib"].items())
    commit = f"{last['commit'] or 'no checkout'}{' with changes' if last['changed'] else ''}"
    weights = result["sha256"].get("model.safetensors", f"none ({result['status']})")
    parents = [
        f"    {role:<9} {'started' if role == 'start' else 'learnt'} from {parent['run']},"
        f" weights {parent['sha256'].get('model.safetensors', 'none')[:16]}…"
        for role, parent in found["data"].get("parents", {}).items()
    ]
    return [
        f"    seed      {one.run.seed}; configuration {result['config_hash']}",
        f"    weights   sha256 {weights}",
        f"    data      {found['data']['store']}: {collect.describe_data(data)};"
        f" images sha256 {found['data']['sha256']['images.npy'][:16]}…",
        *parents,
        f"    code      {found['code']}, commit {commit}",
        f"    machine   {where}; Python {last['python']},"
        f" {', '.join(f'{name} {version}' for name, version in last['packages'].items())}",
        f"    time      {duration(found['wall_seconds'])} in {len(found['attempts'])} attempt(s); peak memory {memory}",
        f"    files     {folder}",
    ]
