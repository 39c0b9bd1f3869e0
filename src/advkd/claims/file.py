"""The file of the papers' claims, paper/claims.yaml, read and validated.

An entry that cannot be checked, for a key or a cell that does not exist, becomes a claim that says so: the others are
checked all the same.
"""

import re
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from advkd.claims.evidence import known, targets
from advkd.claims.predicates import AnyPredicate, Instance, Quantity, Rows
from advkd.errors import UserError
from advkd.files import read_yaml
from advkd.settings import catalog, config
from advkd.settings.schema import Strict
from advkd.settings.user import User

CLAIMS = Path("paper/claims.yaml")
ID = "[a-z0-9-]+"


class Claim(Strict):
    """What a paper says, where, and the predicates that check it; paper/claims.yaml explains the fields.

    problem: of an entry of that file that cannot be checked, why, in one line.
    """

    id: Annotated[str, Field(pattern=f"^{ID}$")]
    paper: Literal["okd", "aikd", "gip"]
    place: str
    claim: str
    check: Annotated[tuple[AnyPredicate, ...], Field(min_length=1)]
    tables: tuple[str, ...] = ()
    note: str = ""
    reading: str = ""
    unjudged: str = ""
    problem: str = ""

    @property
    def instances(self) -> list[Instance]:
        """Its predicates, each for one metric, network and data set."""
        return [instance for predicate in self.check for instance in predicate.instances()]

    @property
    def quantities(self) -> list[Quantity]:
        """All numbers that it rests on, each once."""
        comparisons = chain.from_iterable(instance.comparisons() for instance in self.instances)
        return list(dict.fromkeys(chain.from_iterable(one.quantities for one in comparisons)))

    @property
    def targets(self) -> list[str]:
        """The workflow's targets that train its runs; none where it is of print alone."""
        return targets(self.quantities, self.tables)

    def command(self, user: User) -> str:
        """Return the command that trains its runs at the user's scale; empty where it is of print alone."""
        return f"snakemake --cores all {' '.join(self.targets)} {config.options(user)}" if self.targets else ""


def load(path: Path = CLAIMS) -> tuple[Claim, ...]:
    """Return all claims, in the order of the file, those that cannot be checked with their `problem`.

    Raises:
        UserError: the file cannot be read or holds no lists of claims.
    """
    try:
        content = read_yaml(path)
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or not all(isinstance(entries, list) for entries in content.values()):
        raise UserError(f"{path}: expected a list of claims under each of {', '.join(config.PAPERS)}")
    if unknown := set(content) - set(config.PAPERS):
        raise UserError(f"{path}: {unknown.pop()!r} is no paper; there are {', '.join(config.PAPERS)}")
    found: dict[str, Claim] = {}
    for paper, entries in content.items():
        for number, entry in enumerate(entries, 1):
            claim = _claim(paper, entry, f"{paper}-{number}")
            if claim.id in found:
                claim = _unreadable(paper, entry, f"{paper}-{number}", f"another claim has the id {claim.id!r}")
            found[claim.id] = claim
    return tuple(found.values())


def _claim(paper: str, entry: Any, name: str) -> Claim:
    if isinstance(entry, dict) and re.fullmatch(ID, str(entry.get("id", ""))):
        name = str(entry["id"])
    try:
        claim = Claim(**{**entry, "paper": paper})
    except (TypeError, ValidationError) as error:
        words = "no claim but a value" if isinstance(error, TypeError) else _first(error)
        return _unreadable(paper, entry, name, words)
    tables = [*claim.tables, *(one.table for one in claim.check if isinstance(one, Rows))]
    problems = [f"{table!r} is no table of paper/published" for table in tables if table not in catalog.tables()]
    problems += [
        f"{quantity} is an unknown cell: no table, figure or variant has it"
        for quantity in claim.quantities
        if not known(quantity)
    ]
    return _unreadable(paper, entry, name, problems[0]) if problems else claim


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {' '.join(first['msg'].split())}"


def _unreadable(paper: str, entry: Any, name: str, problem: str) -> Claim:
    """Return an entry that cannot be checked as a claim that says so, with what there is of its words."""
    told = entry if isinstance(entry, dict) else {}
    words = {key: str(told.get(key, "")) for key in ("place", "claim", "note", "reading")}
    named = str(told.get("id", "without an id"))
    return Claim.model_construct(id=name, paper=paper, check=(), **words, problem=f"{CLAIMS}, claim {named}: {problem}")
