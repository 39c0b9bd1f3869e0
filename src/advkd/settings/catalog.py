"""The catalogue: tables <-> cells <-> runs. The only place that knows what must run for what.

Everything follows from `paper/published/TABLE.csv`, one row a printed number: the run group in its `run` column, times
the scale's seeds, is what must be trained for that cell. The Snakefile asks here for inputs and lists nothing itself.
Only the standard library is used, since Snakemake parses this for every job.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, partial
from pathlib import Path

from advkd.errors import UserError
from advkd.settings import config, config_files
from advkd.settings.config import Resolved
from advkd.settings.lineage import TEACHER_SEED
from advkd.settings.names import Run, shortest
from advkd.settings.user import User

PUBLISHED = Path("paper/published")
COLUMNS = [
    "table", "page", "row", "column", "metric", "unit", "better", "decimals", "mean", "std", "n", "mark", "kind", "run",
    "of", "note",
]  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One printed number of a paper (strings as printed) and the run group that reproduces it."""

    table: str
    page: str
    row: str
    column: str
    metric: str
    unit: str
    better: str
    decimals: str
    mean: str
    std: str
    n: str
    mark: str
    kind: str
    run: str
    of: str
    note: str


def artifacts() -> list[str]:
    """Return the names of all tables and figures, in reading order."""
    names = [path.stem for path in PUBLISHED.glob("*_*.csv")]
    return sorted(names, key=lambda name: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", name)])


def tables(number: int | None = None) -> list[str]:
    """Return the names of the tables (S: ours, beside the paper's), or of Table `number` of every paper."""
    return [name for name in artifacts() if re.fullmatch(rf"[a-z]+_table{number or r'S?[0-9]+'}", name)]


def figures() -> list[str]:
    """Return the names of the figures."""
    return [name for name in artifacts() if re.fullmatch(r"[a-z]+_figureS?[0-9]+", name)]


@cache
def cells(artifact: str) -> tuple[Cell, ...]:
    """Return the cells of a table or figure; raises UserError where it is unknown or its file is malformed."""
    if artifact not in artifacts():
        raise UserError(f"{artifact!r} is no table or figure; paper/published has {', '.join(artifacts())}")
    return read_cells(PUBLISHED / f"{artifact}.csv")


def read_cells(path: Path) -> tuple[Cell, ...]:
    """Return the cells in a file of published numbers; raises UserError if it is malformed."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            heads, *rows = csv.reader(file, strict=True)
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if heads != COLUMNS:
        raise UserError(f"{path}: the columns must be {','.join(COLUMNS)}")
    if odd := next((row for row in rows if len(row) not in (0, len(COLUMNS))), None):
        raise UserError(f"{path}: a row has {len(odd)} fields in place of {len(COLUMNS)}: {','.join(odd)[:80]!r}")
    return tuple(Cell(*row) for row in rows if row)


def resolved(cell: Cell, user: User) -> list[Resolved]:
    """Return the settings of every seed of a cell's run group, of a teacher's its only one."""
    seeds = config.seeds(Run.parse(f"{cell.run}/seed0").paper, user)
    if cell.metric == "teacher_accuracy":
        seeds = [TEACHER_SEED]
    return [config.resolve(f"{cell.run}/seed{seed}", user) for seed in seeds]


def denominator(cell: Cell, user: User) -> Resolved:
    """Return the teacher's run that a cell of kind `ratio` divides by."""
    return config.resolve(f"{cell.of}/seed{TEACHER_SEED}", user)


def runs(artifact: str, user: User) -> dict[str, Resolved]:
    """Return, by name, every run that an artifact needs."""
    found: dict[str, Resolved] = {}
    for cell in {(cell.run, cell.of, cell.metric): cell for cell in cells(artifact) if trained(cell)}.values():
        needed = resolved(cell, user) + ([denominator(cell, user)] if cell.kind == "ratio" else [])
        found.update({str(one.run): one for one in needed})
    return found


def trained(cell: Cell) -> bool:
    """Tell whether a cell's reproduction is a training (not a data set's statistic)."""
    return bool(cell.run) and cell.kind != "data"


def counted_stores(artifact: str, user: User) -> dict[str, Resolved]:
    """Return, by data set, a run of the artifact's paper whose store the artifact's data statistics are counted in."""
    names = dict.fromkeys(cell.run for cell in cells(artifact) if cell.kind == "data")
    paper = artifact.split("_")[0]
    sisters = [table for table in tables() if names and table.startswith(f"{paper}_")]
    used = {one.run.dataset: one for table in reversed(sisters) for one in runs(table, user).values()}
    return {name: used[name] for name in names if name in used}


def variants(user: User, papers: Iterable[str] = tuple(config.PAPERS)) -> dict[str, Resolved]:
    """Return the runs of the papers' named variants, which no table needs."""
    found = {}
    for paper in papers:
        for group in variant_groups(paper):
            for seed in config.seeds(paper, user):
                one = config.resolve(f"{group}/seed{seed}", user)
                found[str(one.run)] = one
    return found


def variant_groups(paper: str) -> list[str]:
    """Return the run groups that a paper's configuration lists as `variants`."""
    return [group for groups in config_files.paper_file(paper).variants for group in series(groups)]


def series(groups: str) -> list[str]:
    """Return the run groups that a text with {FIRST..LAST..STEP} in the place of a number stands for, or itself."""
    found = re.fullmatch(r"(.*)\{([0-9.]+?)\.\.([0-9.]+?)\.\.([0-9.]+)\}(.*)", groups)
    if not found:
        return [groups]
    before, *numbers, behind = found.groups()
    first, last, step = map(Decimal, numbers)
    return [f"{before}{shortest(float(first + n * step))}{behind}" for n in range(int((last - first) / step) + 1)]


def all_runs(user: User) -> dict[str, Resolved]:
    """Return every run that an artifact, a variant, the user's `runs` or another run names.

    Raises:
        UserError: a folder of images that no run uses.
    """
    found = {}
    for artifact in artifacts():
        found.update(runs(artifact, user))
    found.update(variants(user))
    found.update({name: config.resolve(name, user) for name in user.runs})
    found = with_parents(found)
    for name in set(user.folders) - {one.run.dataset for one in found.values()}:
        raise UserError(f"folders names {name!r}, which no run uses: correct it, or name such a run in `runs`")
    return found


def targets() -> dict[str, list[str]]:
    """Return the tables and figures behind each target of the workflow that is made of these."""
    groups = {
        "table1": tables(1),
        "main": ["okd_table1", "aikd_table2", "gip_table1"],  # the headline table of each paper
        "tables": tables(),
        "figures": figures(),
    }
    return groups | {name: [name] for name in (*tables(), *figures())}


def wanted(target: str, user: User) -> dict[str, Resolved]:
    """Return the runs that a target of the workflow names, without those that these learn from; raises UserError."""
    if target in (known := targets()):
        return {name: one for artifact in known[target] for name, one in runs(artifact, user).items()}
    others = {
        "pretrain": lambda: parents(user),
        "runs": lambda: {name: config.resolve(name, user) for name in user.runs},
        "all": lambda: all_runs(user),
        "paper": lambda: all_runs(user),
        **{f"{paper}_variants": partial(variants, user, [paper]) for paper in config.PAPERS},
    }
    if target not in others:
        raise UserError(f"{target!r} is no target; there are {', '.join([*others, *known])}")
    return others[target]()


def with_parents(found: dict[str, Resolved]) -> dict[str, Resolved]:
    """Return runs and all that they start from or learn from."""
    named = {str(parent.run): parent for one in found.values() for parent in one.parents.values()}
    return with_parents(named | found) if named.keys() - found.keys() else found


def parents(user: User) -> dict[str, Resolved]:
    """Return all runs that others start from or learn from."""
    return {str(parent.run): parent for one in all_runs(user).values() for parent in one.parents.values()}


def find_cells(artifact: str, words: list[str]) -> list[Cell]:
    """Return the cells whose row and column contain all `words` as whole words; raises UserError where none does."""

    def tokens(cell: Cell) -> list[str]:
        return f"{cell.row} {cell.column} {cell.metric}".replace("/", " ").lower().split()

    wanted = [part.lower() for word in words for part in word.split()]
    hits = [cell for cell in cells(artifact) if all(word in tokens(cell) for word in wanted)]
    if not hits:
        rows = ", ".join(dict.fromkeys(cell.row for cell in cells(artifact)))
        raise UserError(f"{artifact} has no cell with {' '.join(words)!r}; its rows are {rows}")
    return hits
