"""What paper/papers.yaml says about the papers, their tables and their figures."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from advkd.errors import UserError
from advkd.files import read_yaml
from advkd.places import find

if TYPE_CHECKING:
    from advkd.settings.user import User

PAPERS_FILE = Path("paper/papers.yaml")


def paper_of(artifact: str) -> str:
    """Return the paper that a table or figure belongs to."""
    return artifact.split("_")[0]


def about_paper(paper: str) -> dict[str, str]:
    """Return the title, the short name (`short`) and the citation of a paper."""
    about: dict[str, str] = read_yaml(find(PAPERS_FILE))[paper]
    return about


def title(artifact: str) -> str:
    """Return the title of a table or figure, for example "AI-KD, Table 1: Data sets".

    Raises:
        UserError: paper/papers.yaml does not say what it shows.
    """
    shows = read_yaml(find(PAPERS_FILE))["artifacts"]
    if artifact not in shows:
        raise UserError(f"{PAPERS_FILE}: say under `artifacts` what {artifact} shows")
    return f"{about_paper(paper_of(artifact))['short']}, {number(artifact)}: {shows[artifact]}"


def name_of_test(test: str, claim: str) -> str:
    """Return a test of paper/evidence.yaml as a short sentence; its `claim` if there is none."""
    return str(read_yaml(find(PAPERS_FILE))["tests"].get(test, claim))


def group_in_words(group: str) -> str:
    """Return a run group in words; its name if there are none."""
    return str(read_yaml(find(PAPERS_FILE))["groups"].get(group, group))


def network_in_words(model: str) -> str:
    """Return a network as the papers call it; its name in runs if they call it otherwise."""
    return str(read_yaml(find(PAPERS_FILE))["networks"].get(model, model))


def number(artifact: str) -> str:
    """Return the kind and number of a table or figure, for example "Figure S1"."""
    return re.sub(r"[a-z]+_(table|figure)", lambda kind: f"{kind[1].capitalize()} ", artifact)


def command(artifact: str, user: "User") -> str:
    """Return the command that makes a table or figure, or another target of the workflow, with the user's settings."""
    from advkd.settings import config  # here: who exports a network needs the papers' titles, and no pydantic

    return f"snakemake --cores all {artifact} {config.options(user)}"
