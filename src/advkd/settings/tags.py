"""Tags: the short names by which a table's cells point to the run groups behind them, and these back to the cells.

R1, R2, … in the order in which tables and figures, then the variants, name the groups; behind them those that these
learn from and no table names. A group has the same tag at every scale, in every PDF, page and command of one version of
the catalogue. What only a user's configuration adds comes last, in its order.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from advkd.errors import UserError
from advkd.settings import catalog, config
from advkd.settings.config import Resolved
from advkd.settings.user import User


def tags(user: User) -> dict[str, str]:
    """Return the tag of every run group, those that only the user's `override` or `runs` bring about last."""
    groups = dict.fromkeys(_catalogued())
    if user.override:  # may name other runs to learn from
        groups |= dict.fromkeys(lineage(config.resolve(f"{group}/seed0", user) for group in _catalogued()))
    groups |= dict.fromkeys(lineage(config.resolve(name, user) for name in user.runs))
    return {group: f"R{number}" for number, group in enumerate(groups, start=1)}


def group(tag: str, user: User) -> str:
    """Return the run group that a tag names; raises UserError where none has it."""
    found = tags(user)
    for name, given in found.items():
        if given == tag.upper():
            return name
    raise UserError(f"no run group has the tag {tag}: there are R1 to R{len(found)}")


def is_tag(word: str) -> bool:
    """Tell whether a word is written as a tag is."""
    return bool(re.fullmatch(r"R[0-9]+", word, re.IGNORECASE))


def lineage(runs: Iterable[Resolved]) -> Iterator[str]:
    """Yield the group of each run, and behind it those of the runs that it learns from."""
    for one in runs:
        yield one.run.group
        yield from lineage(one.parents.values())


@cache
def _catalogued() -> tuple[str, ...]:
    """Return the groups that do not depend on a user. One seed stands for all: they learn from the same groups."""
    user = User(seeds=1)
    cells = [cell for artifact in catalog.artifacts() for cell in catalog.cells(artifact) if catalog.trained(cell)]
    named = [group for cell in cells for group in (cell.run, cell.of) if group]
    named += [one.run.group for one in catalog.variants(user).values()]
    named += list(lineage(config.resolve(f"{group}/seed0", user) for group in dict.fromkeys(named)))
    return tuple(dict.fromkeys(named))
