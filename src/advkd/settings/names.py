"""The name of a training: `PAPER/DATASET/MODEL/METHOD[+KEY=VALUE]/seedK`."""

import dataclasses
import re
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advkd.errors import UserError

RUN = re.compile(
    r"(?P<paper>okd|aikd|gip)/(?P<dataset>[a-z0-9_]+)/(?P<model>[a-z0-9_]+)/(?P<method>[a-z0-9_]+)"
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
            raise UserError(
                f"{name!r} is no run: expected PAPER/DATASET/MODEL/METHOD[+KEY=VALUE]/seedK,"
                " for example okd/codebrim/sagan/okd+rho=0.3/seed0"
            )
        pairs = tuple(tuple(part.split("=", 1)) for part in match["variant"].split("+")[1:])
        return cls(match["paper"], match["dataset"], match["model"], match["method"], pairs, int(match["seed"]))

    @property
    def group(self) -> str:
        """The name without the seed."""
        variant = "".join(f"+{key}={value}" for key, value in self.variant)
        return f"{self.paper}/{self.dataset}/{self.model}/{self.method}{variant}"

    def other(self, kept: Container[str], **changes: Any) -> "Run":
        """Return the run with `changes`, and of the variant only the keys `kept`."""
        return dataclasses.replace(self, variant=tuple(pair for pair in self.variant if pair[0] in kept), **changes)

    def __str__(self) -> str:
        return f"{self.group}/seed{self.seed}"

    def folder(self, scale: str) -> Path:
        """The run's folder at a scale, below the working directory."""
        return Path("results") / scale / "runs" / str(self)


def check_written(run: Run) -> None:
    """Refuse a name that can be written otherwise: two names for one run would train it twice."""
    canonical = tuple(sorted((key, shortest(parse_value(value))) for key, value in dict(run.variant).items()))
    if run.variant != canonical:
        right = dataclasses.replace(run, variant=canonical)
        raise UserError(f"{run}: write it as {right} (each key once, keys sorted, numbers in shortest form)")


def parse_value(text: str) -> bool | int | float | str:
    """Return a value written in a run's name as a number, a truth value or, failing that, the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return {"true": True, "false": False}.get(text, text)


def shortest(value: Any) -> str:
    """Return a setting's value as run names write it: 0.1, 3, true."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else str(value)
