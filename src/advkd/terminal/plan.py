"""What a workflow is going to make, as the Snakefile announces it, and the words for it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advkd.artifacts.caption_sentences import SMOKE

# The kinds of work that a person tells apart, in the order in which they are named: singular, plural and rules.
KINDS = [
    ("training", "trainings", {"train"}),
    ("evaluation", "evaluations", {"evaluate"}),
    ("preparation of data", "preparations of data", {"fetch", "fetch_inception", "draw", "prepare", "reals"}),
    ("table", "tables", {"table"}),
    ("figure", "figures", {"figure", "sheet"}),
    ("report", "reports", {"page", "pdf", "evidence", "usefulness"}),
]
NAMED = 6  # products at most
# Variables of the environment: set where the logger plugin prints; the file that the jobs' lines are appended to.
ACTIVE, PRINTED = "ADVKD_TERMINAL", "ADVKD_PRINTED"


@dataclass(frozen=True)
class Step:
    """A job that is going to run: its rule, and whether all of its files are there already."""

    rule: str
    again: bool


@dataclass(frozen=True)
class Plan:
    """What a workflow is going to make.

    Attributes:
        targets: what was asked for.
        scale: the scale's name.
        products: the files that were asked for.
        steps: the jobs that are going to run.
        log: the file that takes what is not shown; None where it cannot be written.
    """

    targets: Sequence[str]
    scale: str
    products: Sequence[Path]
    steps: Sequence[Step]
    log: Path | None

    def lines(self) -> list[str]:
        """Return what is going to be made and why, in a few lines."""
        about = f"{', '.join(self.targets)} at scale {self.scale}"
        names = [self._name(path) for path in self.products]
        if names and names != list(self.targets):
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            about += f": {', '.join(names[:NAMED])}{more}"
        lines = [f"{about}. {SMOKE}" if self.scale == "smoke" else about]
        if not self.steps:
            return [*lines, "  everything is there already"]
        log = f". The jobs print into {self.log}" if self.log else ""
        return [*lines, f"  to do: {self._work()}; {self._reason()}{log}"]

    def _name(self, product: Path) -> str:
        """Return the name of a table, figure or other product; of a run's file, the run."""
        runs = Path("results", self.scale, "runs")
        return str(product.parent.relative_to(runs)) if product.is_relative_to(runs) else product.stem

    def _work(self) -> str:
        counts = Counter(step.rule for step in self.steps)
        parts = []
        for singular, plural, rules in KINDS:
            if number := sum(counts.pop(rule, 0) for rule in rules):
                parts.append(f"{number} {singular if number == 1 else plural}")
        if others := counts.total():
            parts.append(f"{others} other jobs")
        return ", ".join(parts)

    def _reason(self) -> str:
        again = sum(step.again for step in self.steps)
        if not again:
            return "nothing of it is there yet"
        changed = "made again, since its settings, data or inputs changed, or because you asked for it"
        return f"all of it is {changed}" if again == len(self.steps) else f"{again} of these are {changed}"
