"""Reads and validates paper/claims.yaml, the file of the papers' claims.

An entry that cannot be checked, for example because it names an unknown run group, becomes a claim with a `problem`.
The other entries are checked as usual.
"""

import re
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from advkd.claims.predicates import AnyPredicate
from advkd.claims.predicates.base import Instance, Quantity
from advkd.claims.predicates.rows import Rows
from advkd.claims.published import is_known
from advkd.claims.targets import choose_targets
from advkd.damage import attempt
from advkd.errors import UserError
from advkd.files import read_yaml
from advkd.places import find
from advkd.settings import catalog, config
from advkd.settings.user import User
from advkd.settings.validation import Strict

CLAIMS = Path("paper/claims.yaml")
ID = "[a-z0-9-]+"


class Sentence(Strict):
    """A sentence of a paper, in our words."""

    place: str
    says: str


class Claim(Strict):
    """A claim of a paper and the predicates that check it. The head of paper/claims.yaml explains the fields.

    Attributes:
        problem: why the entry cannot be checked, in one line; empty if it can.
    """

    id: Annotated[str, Field(pattern=f"^{ID}$")]
    paper: str
    place: str
    claim: str
    check: Annotated[tuple[AnyPredicate, ...], Field(min_length=1)]
    tables: tuple[str, ...] = ()
    note: str = ""
    against: tuple[Sentence, ...] = ()
    reading: str = ""
    unjudged: str = ""
    problem: str = ""

    @property
    def is_of_abstract(self) -> bool:
        """Whether the abstract claims it."""
        return "abstract" in self.place

    @property
    def notes(self) -> str:
        """The note, and what the paper says elsewhere against the claim."""
        against = [f"{sentence.place} says otherwise: {sentence.says}" for sentence in self.against]
        return " ".join(filter(None, [self.note, *against]))

    @property
    def instances(self) -> list[Instance]:
        """The instances of all predicates."""
        return [instance for predicate in self.check for instance in predicate.instances()]

    @property
    def quantities(self) -> list[Quantity]:
        """The quantities that the claim depends on, each once."""
        quantities: dict[Quantity, None] = {}
        for instance in self.instances:
            for comparison in instance.comparisons():
                quantities.update(dict.fromkeys(comparison.quantities))
        return list(quantities)

    @property
    def targets(self) -> list[str]:
        """The targets of the workflow that train the claim's runs. A claim about print alone has none."""
        return choose_targets(self.quantities, self.tables)

    def command(self, user: User) -> str:
        """Return the command that trains the claim's runs at the user's scale; empty for a claim about print alone."""
        return f"snakemake --cores all {' '.join(self.targets)} {config.options(user)}" if self.targets else ""


def load_claims(path: Path = CLAIMS) -> tuple[Claim, ...]:
    """Return all claims in the order of the file. Those that cannot be checked have a `problem`.

    Raises:
        UserError: the file cannot be read, or does not contain a list of claims for each paper.
    """
    try:
        content = read_yaml(find(path))
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or not all(isinstance(entries, list) for entries in content.values()):
        raise UserError(f"{path}: expected a list of claims under each of {', '.join(config.PAPERS)}")
    if unknown := set(content) - set(config.PAPERS):
        raise UserError(f"{path}: {unknown.pop()!r} is not a paper; the papers are {', '.join(config.PAPERS)}")
    claims: dict[str, Claim] = {}
    for paper, entries in content.items():
        for number, entry in enumerate(entries, 1):
            fallback_id = f"{paper}-{number}"
            claim = _read_claim(paper, entry, fallback_id)
            if claim.id in claims:
                claim = _problem_claim(paper, entry, fallback_id, f"another claim has the id {claim.id!r}")
            claims[claim.id] = claim
    return tuple(claims.values())


def _read_claim(paper: str, entry: Any, fallback_id: str) -> Claim:
    if not isinstance(entry, dict):
        return _problem_claim(paper, entry, fallback_id, "expected keys and values")
    claim_id = str(entry["id"]) if re.fullmatch(ID, str(entry.get("id", ""))) else fallback_id
    try:
        fields = {**entry, "paper": paper}
        claim = Claim(**fields)
    except (TypeError, ValidationError) as error:
        problem = _first_error(error) if isinstance(error, ValidationError) else "keys must be text"
        return _problem_claim(paper, entry, claim_id, problem)
    problem = _find_problem(claim)
    return _problem_claim(paper, entry, claim_id, problem) if problem else claim


def _find_problem(claim: Claim) -> str:
    """Return why a valid entry cannot be checked, or an empty text."""
    tables = [*claim.tables, *(predicate.table for predicate in claim.check if isinstance(predicate, Rows))]
    for table in tables:
        if table not in catalog.tables():
            return f"{table!r} is not a table of paper/published"
    quantities, problem = attempt(lambda: claim.quantities)
    for quantity in quantities or []:
        if not is_known(quantity):
            return f"{quantity} is an unknown cell: no table, figure or variant has it"
    return problem


def _first_error(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {' '.join(first['msg'].split())}"


def _problem_claim(paper: str, entry: Any, claim_id: str, problem: str) -> Claim:
    """Return a claim without predicates that has the entry's texts, as far as there are any, and its problem."""
    fields = entry if isinstance(entry, dict) else {}
    return Claim.model_construct(
        id=claim_id,
        paper=paper,
        place=str(fields.get("place", "")),
        claim=str(fields.get("claim", "")),
        check=(),
        note=str(fields.get("note", "")),
        reading=str(fields.get("reading", "")),
        problem=f"{CLAIMS}, claim {fields.get('id', 'without an id')}: {problem}",
    )
