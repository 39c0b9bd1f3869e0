"""The catalogue: which runs each table, figure and target needs. No other place knows this.

Everything follows from `paper/published/TABLE.csv`, which has one row for each printed number. The run group in the
column `run`, with every seed of the scale, must be trained for that cell. The Snakefile asks this module for its inputs
and lists nothing itself.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from advkd.errors import UserError
from advkd.places import find, find_all
from advkd.settings import config, config_files, evidence_plan
from advkd.settings.config import CannotBeBuilt, Resolved
from advkd.settings.draws import draws_of
from advkd.settings.names import PAPERS, Run, shortest
from advkd.settings.published_cells import Cell, read_cells
from advkd.settings.user import User
from advkd.suggestions import did_you_mean

HEADLINES = ("okd_table1", "aikd_table2", "gip_table1")  # the headline table of each paper
PUBLISHED = Path("paper/published")


def artifacts() -> list[str]:
    """Return the names of all tables and figures, in reading order."""
    return sorted((path.stem for path in find_all(PUBLISHED, "*_*.csv")), key=_reading_order)


def _reading_order(name: str) -> list[tuple[str, int]]:
    """Return what sorts names by their words and, where these are equal, by their numbers."""
    return [(part, 0) if not part.isdigit() else ("", int(part)) for part in re.split(r"(\d+)", name)]


def tables(number: int | None = None) -> list[str]:
    """Return the names of all tables (S1, S2, … are ours), or of the tables of one number in every paper."""
    return [name for name in artifacts() if re.fullmatch(rf"[a-z]+_table{number or r'S?[0-9]+'}", name)]


def figures() -> list[str]:
    """Return the names of the figures."""
    return [name for name in artifacts() if re.fullmatch(r"[a-z]+_figureS?[0-9]+", name)]


def cells(artifact: str) -> tuple[Cell, ...]:
    """Return the cells of a table or figure; raises UserError where it is unknown or its file is malformed."""
    path = find(PUBLISHED / f"{artifact}.csv")
    # Asked of this one file, since a report asks tens of thousands of times.
    if not (re.fullmatch(r"\w+_\w+", artifact) and path.exists()):
        known = artifacts()
        there = did_you_mean(artifact, known) or f"; paper/published has {', '.join(known)}"
        raise UserError(f"{artifact!r} is not a table or figure{there}")
    return read_cells(path)


def resolved(cell: Cell, user: User) -> list[Resolved]:
    """Return the settings of every seed of a cell's run group; raises CannotBeBuilt."""
    return [config.resolve(name, user) for name in _seeds_of(cell.run, user)]


def _seeds_of(group: str, user: User) -> list[str]:
    return [f"{group}/seed{seed}" for seed in config.seeds(group, user)]


def denominators(cell: Cell, user: User) -> list[Resolved]:
    """Return the teachers that a cell of kind `ratio` divides by, one for each seed; raises CannotBeBuilt."""
    return [config.resolve(name, user) for name in _seeds_of(cell.of, user)]


def why_not_built(cell: Cell, user: User) -> str:
    """Return why a run that a cell rests on cannot be built; "" where all can."""
    _, reasons = _build(_names([cell], user), user)
    return next(iter(reasons.values()), "")


def runs(artifact: str, user: User) -> dict[str, Resolved]:
    """Return every run that an artifact needs and that can be built, by name.

    Raises:
        CannotBeBuilt: no run of the artifact's paper can be built.
    """
    needed, reasons = _build(_names(cells(artifact), user), user)
    if reasons and not needed:
        paper = artifact.split("_")[0]
        of_paper = [name for name in _all_names(user) if name.startswith(f"{paper}/")]
        if not any(_build([name], user)[0] for name in of_paper):
            raise CannotBeBuilt(f"no run of {paper} can be built: {next(iter(reasons.values()))}")
    return needed


def one_of_each_store(artifact: str, user: User) -> list[Resolved]:
    """Return one run that an artifact needs for each data set that its runs are trained on."""
    return list({resolved_run.store: resolved_run for resolved_run in reversed(runs(artifact, user).values())}.values())


def first_seeds(groups: Iterable[str], user: User) -> Iterable[Resolved]:
    """Return seed 0 of each of those run groups that can be built, or one seed of each draw that its seeds see."""
    names = []
    for group in groups:
        draws = draws_of(Run.parse(f"{group}/seed0"))
        names += [f"{group}/seed{seed}" for seed in range(len(draws) or 1)]
    built, _ = _build(names, user)
    return built.values()


def _names(cells: Iterable[Cell], user: User) -> list[str]:
    """Return the names of the runs that some cells rest on, each once, whether or not they can be built."""
    names: list[str] = []
    for cell in cells:
        if trained(cell):
            names += _seeds_of(cell.run, user)
            if cell.kind == "ratio":
                names += _seeds_of(cell.of, user)
    return list(dict.fromkeys(names))


def _build(names: Iterable[str], user: User) -> tuple[dict[str, Resolved], dict[str, str]]:
    """Return the runs that can be built, and why the others cannot; both by name."""
    built: dict[str, Resolved] = {}
    reasons: dict[str, str] = {}
    for name in names:
        try:
            built[name] = config.resolve(name, user)
        except CannotBeBuilt as error:
            reasons[name] = str(error)
    return built, reasons


def _by_name(runs: Iterable[Resolved]) -> dict[str, Resolved]:
    return {str(resolved.run): resolved for resolved in runs}


def trained(cell: Cell) -> bool:
    """Tell whether a cell is reproduced by training; a statistic of a data set is not."""
    return bool(cell.run) and cell.kind != "data"


def counted_stores(artifact: str, user: User) -> dict[str, Resolved]:
    """Return, for each data set whose statistics an artifact shows, a run of the same paper whose store is counted."""
    datasets = dict.fromkeys(cell.run for cell in cells(artifact) if cell.kind == "data")
    if not datasets:
        return {}
    paper, user = artifact.split("_")[0], user.model_copy(update={"seeds": 1})  # all seeds have the same store
    used: dict[str, Resolved] = {}
    for table in reversed([table for table in tables() if table.startswith(f"{paper}_")]):
        for resolved_run in runs(table, user).values():
            used[resolved_run.run.dataset] = resolved_run
    return {name: used[name] for name in datasets if name in used}


def variants(user: User, papers: Iterable[str] = PAPERS) -> dict[str, Resolved]:
    """Return the runs of the papers' named variants that can be built, which no table needs, by name."""
    built, _ = _build(_variant_names(user, papers), user)
    return built


def _variant_names(user: User, papers: Iterable[str]) -> list[str]:
    names: list[str] = []
    for paper in papers:
        for group in variant_groups(paper):
            names += _seeds_of(group, user)
    return names


def variant_groups(paper: str) -> list[str]:
    """Return the run groups that a paper's configuration lists as `variants`."""
    named: list[str] = []
    for groups in config_files.paper_file(paper).variants:
        named += series(groups)
    return named


def series(groups: str) -> list[str]:
    """Return the run groups that a text with {FIRST..LAST..STEP} for a number stands for, or the text itself."""
    match = re.fullmatch(r"(.*)\{([0-9.]+?)\.\.([0-9.]+?)\.\.([0-9.]+)\}(.*)", groups)
    if not match:
        return [groups]
    before, *numbers, after = match.groups()
    first, last, step = map(Decimal, numbers)
    count = int((last - first) / step) + 1
    return [f"{before}{shortest(float(first + index * step))}{after}" for index in range(count)]


def all_runs(user: User) -> dict[str, Resolved]:
    """Return every run that an artifact, a variant, the user's `runs` or another run names and that can be built.

    Raises:
        UserError: a folder of images that no run uses.
    """
    names = _all_names(user)
    for name in set(user.folders) - {Run.parse(of_dataset).dataset for of_dataset in names}:
        raise UserError(f"folders names {name!r}, which no run uses: correct it, or name such a run in `runs`")
    built, _ = _build(names, user)
    return with_parents(built)


def not_built(user: User) -> dict[str, str]:
    """Return why runs that an artifact, a variant or the user's `runs` names cannot be built, by name."""
    _, reasons = _build(_all_names(user), user)
    return reasons


def _all_names(user: User) -> list[str]:
    """Return the names of all runs but those that only other runs name, whether or not they can be built."""
    names: list[str] = []
    for artifact in artifacts():
        names += _names(cells(artifact), user)
    return list(dict.fromkeys([*names, *_variant_names(user, PAPERS), *user.runs]))


def users_runs(user: User) -> dict[str, Resolved]:
    """Return the runs that the user names in `runs` and that can be built, by name."""
    built, _ = _build(user.runs, user)
    return built


def targets() -> dict[str, list[str]]:
    """Return the tables and figures behind each target of the workflow that is made of these."""
    groups = {
        "table1": tables(1),
        "main": list(HEADLINES),
        "tables": tables(),
        "figures": figures(),
    }
    return groups | {name: [name] for name in (*tables(), *figures())}


def wanted(target: str, user: User) -> dict[str, Resolved]:
    """Return the runs that a target of the workflow names, without their parents; raises UserError."""
    known = targets()
    if target in known:
        needed: dict[str, Resolved] = {}
        for artifact in known[target]:
            needed.update(runs(artifact, user))
        return needed
    if target == "pretrain":
        return parents(user)
    if target == "runs":
        return users_runs(user)
    if target in ("all", "paper"):
        return all_runs(user)
    if target == "usefulness":
        return runs("okd_tableS2", user)
    if target.startswith("evidence"):
        waves = evidence_waves(user)
        if target in waves:
            return waves[target]
    paper = target.removesuffix("_variants")
    if paper in PAPERS and paper != target:
        return variants(user, [paper])
    others = ["pretrain", "runs", "all", "paper", "usefulness", *evidence_waves(user)]
    others += [f"{paper}_variants" for paper in PAPERS]
    others += known
    there = did_you_mean(target, others) or f"; there are {', '.join(others)}"
    raise UserError(f"{target!r} is not a target{there}")


def selected(names: list[str], user: User) -> dict[str, Resolved]:
    """Return the runs that `names` (runs and targets) stand for, by name; all runs if there are no names."""
    chosen: dict[str, Resolved] = {}
    for name in names or ["all"]:
        if "/" in name:
            chosen[name] = config.resolve(name, user)
        else:
            chosen.update(wanted(name, user))
    return chosen


def evidence_waves(user: User) -> dict[str, dict[str, Resolved]]:
    """Return the runs of each wave of paper/evidence.yaml that can be built, by target (evidence, evidence2, ...)."""
    waves: dict[str, dict[str, Resolved]] = {}
    for number, names in enumerate(evidence_plan.load_plan().wave_names(user.seeds), start=1):
        waves["evidence" if number == 1 else f"evidence{number}"], _ = _build(names, user)
    return waves


def with_parents(runs: dict[str, Resolved]) -> dict[str, Resolved]:
    """Return runs and all that they start from, learn from or are given images of, by name."""
    needed: dict[str, Resolved] = {}
    for name, resolved_run in runs.items():
        needed.update(with_parents(_by_name(resolved_run.needs.values())))
        needed[name] = resolved_run
    return needed


def parents(user: User) -> dict[str, Resolved]:
    """Return all runs that others start from, learn from or are given images of, by name."""
    named: dict[str, Resolved] = {}
    for learner in all_runs(user).values():
        named.update(_by_name(learner.needs.values()))
    return named


def stores(runs: Iterable[Resolved]) -> dict[str, Resolved]:
    """Return by name every data set that must be prepared for some runs, with a run that is trained on it.

    Of a data set that is made of another one, that one too; its run is `Resolved.base`.
    """
    prepared: dict[str, Resolved] = {}
    for resolved_run in runs:
        prepared.setdefault(resolved_run.store, resolved_run)
        prepared.setdefault(resolved_run.base_store, resolved_run.base())
    return prepared


def find_cells(artifact: str, words: list[str]) -> list[Cell]:
    """Return the cells whose row and column contain all `words` as whole words; raises UserError where none does."""
    asked = " ".join(words).lower().split()
    hits = []
    for cell in cells(artifact):
        named = f"{cell.row} {cell.column} {cell.metric}".replace("/", " ").lower().split()
        if all(word in named for word in asked):
            hits.append(cell)
    if not hits:
        rows = dict.fromkeys(cell.row for cell in cells(artifact))
        known = {word for cell in cells(artifact) for word in f"{cell.row} {cell.column} {cell.metric}".split()}
        wrong = next((word for word in asked if word not in {name.lower() for name in known}), "")
        meant = did_you_mean(wrong, known) or ";"
        raise UserError(f"{artifact} has no cell with {' '.join(words)!r}{meant} its rows are {', '.join(rows)}")
    return hits
