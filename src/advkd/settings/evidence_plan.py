"""The plans of tests at a small scale: which runs they need, and what they compare.

paper/evidence.yaml has the papers' claims; paper/usefulness.yaml asks what generated images are worth.
"""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError

from advkd.errors import UserError
from advkd.files import read_yaml
from advkd.places import find
from advkd.settings.names import MOST_SEEDS
from advkd.settings.validation import Strict, first_fault

PLAN = Path("paper/evidence.yaml")
USEFULNESS = Path("paper/usefulness.yaml")


class Contrast(Strict):  # type: ignore[explicit-any]  # in pydantic's own constructor
    """A primary test: is `better` better than `than`? The head of the plan's file explains the fields."""

    id: str
    claim: str
    metric: str
    direction: Literal["lower", "higher"]
    better: str
    than: str
    margin: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?%?$", coerce_numbers_to_str=True)]
    made: str

    @property
    def paper(self) -> str:
        """The paper of the claim."""
        return self.better.split("/")[0]


class Plan(Strict):  # type: ignore[explicit-any]  # in pydantic's own constructor
    """The whole plan. The head of its file explains the fields."""

    title: str = ""  # of the question that all contrasts belong to; empty: each belongs to its paper
    scale: str
    seeds: Annotated[int, Field(ge=2, le=MOST_SEEDS)]
    contrasts: tuple[Contrast, ...]
    later: tuple[tuple[str, ...], ...]

    def waves(self) -> list[list[str]]:
        """Return the run groups to train, wave after wave: those of the contrasts first."""
        first: dict[str, None] = {}
        for contrast in self.contrasts:
            first |= dict.fromkeys([contrast.better, contrast.than])
        return [list(first), *map(list, self.later)]

    def wave_names(self, seeds: int | None) -> list[list[str]]:
        """Return the names of the runs of every wave, seed after seed; `seeds` None: as many as the plan says."""
        names = []
        for wave in self.waves():
            names.append([f"{group}/seed{seed}" for seed in range(seeds or self.seeds) for group in wave])
        return names


def load_plan(path: Path = PLAN) -> Plan:
    """Read the plan; raises UserError where it is missing or does not say what it must."""
    try:
        return Plan.model_validate(read_yaml(find(path)))
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise UserError(f"{path}: {': '.join(first_fault(error))}") from None
