"""The name of a training: `PAPER/DATASET/MODEL/METHOD[+KEY=VALUE]/seedK`."""

import dataclasses
import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Literal, get_args

from advkd.errors import UserError
from advkd.suggestions import did_you_mean

Paper = Literal["okd", "aikd", "gip"]
PAPERS: tuple[str, ...] = get_args(Paper)
MOST_SEEDS = 100  # of a run group. Whoever asks for more mistyped: this is 24,000 trainings
RUN = re.compile(
    rf"(?P<paper>{'|'.join(PAPERS)})/"
    r"(?P<dataset>[a-z0-9_]+)/(?P<model>[a-z0-9_]+)/(?P<method>[a-z0-9_]+)"
    r"(?P<variant>(\+[a-z0-9_]+=[A-Za-z0-9_.-]+)*)/seed(?P<seed>0|[1-9][0-9]{0,8})"
)


@dataclass(frozen=True, order=True)
class Run:
    """The name of one training, `PAPER/DATASET/MODEL/METHOD[+KEY=VALUE]/seedK`."""

    paper: str
    dataset: str
    model: str
    method: str
    variant: tuple[tuple[str, str], ...]
    seed: int

    @classmethod
    def parse(cls, name: str) -> "Run":
        """Read a run's name; raises UserError where it is not one."""
        match = RUN.fullmatch(name)
        if not match:
            # A paper that was mistyped, or a seed that was forgotten.
            first, _, others = name.partition("/")
            guesses = [f"{name}/seed0", *(f"{paper}/{others}" for paper in PAPERS if did_you_mean(first, [paper]))]
            meant = did_you_mean(name, filter(RUN.fullmatch, guesses))
            if meant:
                raise UserError(f"{name!r} is not the name of a run{meant}")
            raise UserError(
                f"{name!r} is not the name of a run: expected PAPER/DATASET/MODEL/METHOD[+KEY=VALUE]/seedK,"
                " for example okd/codebrim/sagan/okd+rho=0.3/seed0"
            )
        pairs = []
        for pair in match["variant"].split("+")[1:]:
            key, _, value = pair.partition("=")
            pairs.append((key, value))
        return cls(match["paper"], match["dataset"], match["model"], match["method"], tuple(pairs), int(match["seed"]))

    @property
    def group(self) -> str:
        """The name without the seed."""
        variant = "".join(f"+{key}={value}" for key, value in self.variant)
        return f"{self.paper}/{self.dataset}/{self.model}/{self.method}{variant}"

    def other(self, kept: Container[str], *, method: str, model: str | None = None, seed: int | None = None) -> "Run":
        """Return the run of another method, and perhaps model and seed; of the variant, only the keys `kept`."""
        variant = tuple((key, value) for key, value in self.variant if key in kept)
        model, seed = model or self.model, self.seed if seed is None else seed
        return Run(self.paper, self.dataset, model, method, variant, seed)

    def __str__(self) -> str:
        return f"{self.group}/seed{self.seed}"


def check_canonical(run: Run) -> None:
    """Refuse a name that is not in its canonical form: two names for one run would train it twice."""
    canonical = tuple(sorted((key, shortest(parse_value(value))) for key, value in dict(run.variant).items()))
    if run.variant != canonical:
        right = dataclasses.replace(run, variant=canonical)
        raise UserError(f"{run}: write it as {right} (each key once, keys sorted, numbers in shortest form)")


def parse_value(text: str) -> bool | int | float | str:
    """Return a value written in a run's name as a number, a truth value or, failing that, the text."""
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)


def shortest(value: object) -> str:
    """Return a setting's value as run names write it: 0.1, 3, true, [0.5, 0.75]."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return str(list(value))
    return f"{value:.10g}" if isinstance(value, float) else str(value)
