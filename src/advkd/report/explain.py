"""What stands behind a cell: its runs, settings, seeds, weights, data and machine; and what rests on a run."""

from typing import Any

from advkd.artifacts.data_sources import describe_source
from advkd.artifacts.number_format import format_number, format_published
from advkd.artifacts.table_cells import companion_columns
from advkd.damage import attempt
from advkd.errors import UserError
from advkd.files import read_json
from advkd.report import status
from advkd.runs.lookup import folder_of
from advkd.runs.provenance import describe_machine, describe_time
from advkd.settings import catalog, config
from advkd.settings.catalog import Cell
from advkd.settings.config import Resolved
from advkd.settings.names import Run
from advkd.settings.tags import group, is_tag, tags
from advkd.settings.user import User


def report(subject: str, words: list[str], user: User) -> str:
    """Return what stands behind the cells of a table, or what rests on a run group.

    subject: a table or figure, with `words` that the row and column of the cells contain; or, without words, a tag
    (R17), a run or a run group. Raises UserError where there is none such.
    """
    if not is_tag(subject) and "/" not in subject:
        return "\n\n".join(explain(cell, user) for cell in catalog.find_cells(subject, words))
    if words:
        raise UserError(f"{subject} is a run group: leave out {' '.join(words)!r}, or name a table first")
    if is_tag(subject):
        return rests(group(subject, user), user)
    return rests(Run.parse(subject if "/seed" in subject else f"{subject}/seed0").group, user)


def rests(name: str, user: User) -> str:
    """Return the states of a run group's seeds, what it learns from, and all that rests on it."""
    everything = catalog.all_runs(user)
    ones = [one for one in everything.values() if one.run.group == name]
    ones = ones or [config.resolve(f"{name}/seed{seed}", user) for seed in config.seeds(name.split("/")[0], user)]
    known = tags(user)
    learners = {
        (one.run.group, role)
        for one in everything.values()
        for role, parent in one.parents.items()
        if parent.run.group == name
    }
    standing = [cell for table in catalog.artifacts() for cell in catalog.cells(table) if name in (cell.run, cell.of)]
    figures = [figure for figure in catalog.figures() if any(cell.table == figure for cell in standing)]
    lines = [f"{tagged(name, known)}  at scale {user.scale}"]
    lines += [f"  run         {one.run}: {status.told(one)}" for one in ones]
    parents = {(one.run.group, role) for role, one in ones[0].parents.items()}
    lines += [f"  learns from {tagged(other, known)}, its {role}" for other, role in in_order(parents, known)]
    lines += [f"  taught      {tagged(other, known)}, as its {role}" for other, role in in_order(learners, known)]
    lines += [f"  cell        {in_short(cell, user)}" for cell in standing if cell.table not in figures]
    lines += [f"  figure      {figure}" for figure in figures]
    if not standing:
        lines.append("  cell        none: no table or figure shows it")
    lines.append(f"  settings    advkd config {ones[0].run} {config.options(user)}")
    return "\n".join(lines)


def tagged(name: str, known: dict[str, str]) -> str:
    """Return a run group with its tag before it, if it has one: neither the catalogue nor the user may name it."""
    return f"{known.get(name, 'no tag')} {name}"


def in_order(found: set[tuple[str, str]], known: dict[str, str]) -> list[tuple[str, str]]:
    """Return (group, role) pairs in the order of the tags."""
    places = {name: place for place, name in enumerate(known)}
    return sorted(found, key=lambda pair: (places.get(pair[0], len(places)), pair))


def in_short(cell: Cell, user: User) -> str:
    """Return a cell in one line: its place, the published number, and ours or why there is none."""
    row, wrong = status.row(cell, user)
    damage = f"{status.DAMAGED}: {'; '.join(wrong)}" if wrong else ""
    ours = damage or f"{format_number(row.get('mean'), int(cell.decimals or 2), row.get('std'))}, {row['status']}"
    published = f"; published {format_published(cell.mean, cell.std)}" * bool(cell.mean)
    return f"{cell.table}: {cell.row} | {cell.column}  ({cell.metric}): ours {ours}{published}"


def explain(cell: Cell, user: User) -> str:
    """Return what stands behind one cell."""
    row, wrong = status.row(cell, user)
    unit = f" {cell.unit}" if cell.unit else ""
    where = f"{cell.table}: {cell.row} | {cell.column}  ({cell.metric}{unit})"
    published = format_published(cell.mean, cell.std) + (f", n = {cell.n}" if cell.n else "")
    if row["quoted"]:
        numbers = "of numbers quoted" if cell.kind == "ratio" else "quoted"
        published += f", {numbers} from elsewhere; ours is of our re-implementation"
    lines = [where, f"  published   {published}{f' ({cell.mark})' if cell.mark else ''}"]
    if cell.note:
        lines.append(f"  note        {cell.note}")
    decimals = int(cell.decimals or 2)
    ours = format_number(row.get("mean"), decimals, row.get("std"))
    lines.append(f"  ours        {ours}  at scale {user.scale}: {row['status']}{several(row)}")
    damaged = [f"  damaged     {problem}" for problem in wrong]
    if cell.kind == "data":
        lines += damaged or [f"  official    {format_number(row['official'], 0)}"]
        return "\n".join(lines)
    if not cell.run:
        return "\n".join([*lines, *damaged])
    runs = catalog.resolved(cell, user)
    if cell.kind == "ratio":
        runs.append(catalog.denominator(cell, user))
        lines += [] if wrong else sides(row, decimals)
    measured, unread = attempt(beside, cell, row)
    lines += [*(measured or []), *damaged, *[f"  damaged     {unread}"] * bool(unread)]
    known = tags(user)
    lines += [f"  rests on    {tagged(name, known)}" for name in dict.fromkeys(one.run.group for one in runs)]
    lines.append(f"  settings    advkd config {runs[0].run} {config.options(user)}")
    for one in runs:
        state = status.told(one)
        lines.append(f"  run         {one.run}: {state.split(':')[0] if state.startswith(status.DAMAGED) else state}")
        told, problem = attempt(behind, one, what=str(one.run.folder(one.scale)))
        lines += told or []
        if problem and not wrong:  # which says what is wrong with the run, and what to do
            lines.append(f"    damaged   {problem}: {status.RETRAIN}")
    lines.append(f"  made by     snakemake --cores all {cell.table} {config.options(user)}")
    return "\n".join(lines)


def several(row: dict[str, Any], prefix: str = "") -> str:
    """Return the values over the seeds, where a mean stands for several or may not stand for those that are left."""
    told = row.get(f"{prefix}n", 0) > 1 or (f"{prefix}n" in row and row.get("ended"))
    return f"; values {row[f'{prefix}values']}" if told else ""


def sides(row: dict[str, Any], decimals: int) -> list[str]:
    """Return the two accuracies of a ratio."""
    student = format_number(row.get("student_mean"), decimals, row.get("student_std"))
    teacher = format_number(row.get("teacher_accuracy"), decimals)
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
        for name in companion_columns(cell.metric).values():
            if f"{name}_mean" in row:
                lines.append(f"  {name:<12} {row[f'{name}_mean']:.6g}")
        lines.append(f"  evaluated   {row['evaluation']['n_images']} images of {row['evaluation']['classes']} classes")
    return lines


def behind(one: Resolved) -> list[str]:
    """Return a run's seed, weights, data, code, machine and time."""
    folder = one.run.folder(one.scale)
    if not (folder / "result.json").exists():
        return []
    result, found = read_json(folder / "result.json"), folder_of(one).provenance()
    last = found["attempts"][-1]
    data = found["data"]["source"]
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
        f"    data      {found['data']['store']}: {describe_source(data)};"
        f" images sha256 {found['data']['sha256']['images.npy'][:16]}…",
        *parents,
        f"    code      {found['code']}, commit {commit}",
        f"    machine   {describe_machine(found)}; Python {last['python']},"
        f" {', '.join(f'{name} {version}' for name, version in last['packages'].items())}",
        f"    time      {describe_time(found)}; peak memory {memory}",
        f"    files     {folder}",
    ]
