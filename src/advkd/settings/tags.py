"""Tags: short names (R1, R2, …) of run groups, by which a table's cells point to the runs behind them.

The order is that in which tables and figures name the groups. Then come the variants, then groups that these learn
from and no table names. So a group has the same tag at every scale, in every PDF, page and command of one version of
the catalogue. Groups that only a user's configuration adds come last.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from advkd.errors import UserError
from advkd.places import find_all
from advkd.settings import catalog, config_files
from advkd.settings.config import Resolved
from advkd.settings.names import PAPERS
from advkd.settings.user import User


def tags(user: User) -> dict[str, str]:
    """Return the tag of every run group, by the group's name."""
    catalogued = _catalogued(tuple(config_files.state(path) for path in _files()))
    groups = dict.fromkeys(catalogued)
    if user.override:  # may name other runs to learn from
        groups.update(dict.fromkeys(lineage(catalog.first_seeds(catalogued, user))))
    groups.update(dict.fromkeys(lineage(catalog.users_runs(user).values())))
    return {group: f"R{number}" for number, group in enumerate(groups, start=1)}


def group(tag: str, user: User) -> str:
    """Return the run group that a tag names; raises UserError where none has it."""
    known = tags(user)
    for name, other in known.items():
        if other == tag.upper():
            return name
    raise UserError(f"no run group has the tag {tag}: there are R1 to R{len(known)}")


def is_tag(word: str) -> bool:
    """Tell whether a word has the form of a tag."""
    return bool(re.fullmatch(r"R[0-9]+", word, re.IGNORECASE))


def lineage(runs: Iterable[Resolved]) -> Iterator[str]:
    """Yield the group of each run, followed by those of the runs that it learns from or is given images of."""
    for resolved in runs:
        yield resolved.run.group
        yield from lineage(resolved.needs.values())


def _files() -> list[Path]:
    """Return the files that the catalogued groups follow from."""
    papers = [config_files.CONFIG / f"{paper}.yaml" for paper in PAPERS]
    scale = config_files.CONFIG / "scales" / "paper.yaml"
    return [*papers, scale, *find_all(catalog.PUBLISHED, "*_*.csv")]


@lru_cache(maxsize=8)
def _catalogued(files: tuple[config_files.State, ...]) -> tuple[str, ...]:
    """Return the groups that do not depend on a user. `files` is the state of the files that say so.

    One seed stands for all that see the same draw of the data: they learn from the same groups. Scale `paper` has the
    most classes, and so the most generators.
    """
    user = User(scale="paper", seeds=1)
    named: list[str] = []
    for artifact in catalog.artifacts():
        for cell in catalog.cells(artifact):
            if catalog.trained(cell):
                named += [group for group in (cell.run, cell.of) if group]
    named += [resolved.run.group for resolved in catalog.variants(user).values()]
    named += lineage(catalog.first_seeds(dict.fromkeys(named), user))
    return tuple(dict.fromkeys(named))
