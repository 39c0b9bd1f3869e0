"""The numbers that claims are checked on: those that the papers print, and ours."""

import csv
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from advkd.artifacts.data_sources import describe_source
from advkd.artifacts.seed_results import join_seeds, read_metrics, read_provenance
from advkd.artifacts.table_cells import MEASURED, cell_row, companion_columns
from advkd.claims.predicates import Comparison, Quantity
from advkd.damage import attempt, readable
from advkd.metrics import classification, significance
from advkd.metrics.effect import Sample
from advkd.runs.provenance import describe_machine
from advkd.settings import catalog, config
from advkd.settings.catalog import Cell
from advkd.settings.config import Resolved
from advkd.settings.gip import TEACHER_SEED
from advkd.settings.user import User

TOP = {"top1_error": 1, "accuracy": 1, "teacher_accuracy": 1, "top5_error": classification.TOP}


@dataclass(frozen=True)
class Number:
    """What is known of a quantity: a sample, or None and the status that says why.

    digits: of a printed number; deviates: whether it is printed with a deviation, which no sample has that does not say
    of how many runs. ended: how our trainings ended where one diverged or was blocked. diverged: their
    number where all did. remark: why our number is not what the metric's name says.
    """

    sample: Sample | None
    status: str
    digits: Decimal | None = None
    deviates: bool = False
    ended: str = ""
    diverged: int = 0
    remark: str = ""


@cache
def cells(text: bool = True) -> tuple[Cell, ...]:
    """Return every printed number, tables and figures in reading order, then (`text`) those of text and captions."""
    found = [cell for artifact in catalog.artifacts() for cell in catalog.cells(artifact)]
    if text:
        with (catalog.PUBLISHED / "text.csv").open(newline="", encoding="utf-8") as file:
            found += [Cell(**row) for row in csv.DictReader(file)]
    return tuple(found)


def known(quantity: Quantity) -> bool:
    """Tell whether some table, text or variant names a quantity's run group, with a metric that is measured of it."""
    paper = quantity.run.split("/")[0]
    own = [cell for cell in cells() if cell.run == quantity.run and cell.kind != "data"]
    if not own and quantity.run in catalog.variant_groups(paper):
        own = [cell for cell in cells() if cell.run.startswith(f"{paper}/")]
    return any(quantity.metric == cell.metric or quantity.metric in companion_columns(cell.metric) for cell in own)


def targets(quantities: list[Quantity], preferred: tuple[str, ...]) -> list[str]:
    """Return few targets of the workflow (tables, figures, a paper's variants) that train all of these quantities.

    `preferred` come first, then those that have most of what is left, tables before figures.
    """
    left, chosen = {quantity.run for quantity in quantities}, []
    places: dict[str, set[str]] = {}
    for cell in cells(text=False):
        places.setdefault(cell.table, set()).add(cell.run)
    for paper in sorted({run.split("/")[0] for run in left}):
        places[f"{paper}_variants"] = set(catalog.variant_groups(paper))

    def rank(place: str) -> tuple[bool, int, bool]:
        return place in preferred, len(places[place] & left), "table" in place

    while left:
        best = max((place for place in places if places[place] & left), key=rank)
        chosen.append(best)
        left -= places[best]
    return chosen


class Published:
    """The papers' own numbers, of a run that is printed several times from the first of `tables` that has it."""

    def __init__(self, tables: tuple[str, ...] = ()) -> None:
        self.tables = tables

    def number(self, quantity: Quantity) -> Number:
        """Return a printed number with its deviation and number of runs, as far as they are printed."""
        found = [cell for cell in cells(text=False) if (cell.run, cell.metric) == quantity and cell.mean]
        if not found:
            return Number(None, "not printed")
        cell = min(found, key=lambda cell: (cell.kind == "quoted", cell.table not in self.tables))
        std, n = float(cell.std) if cell.std and cell.n else None, int(cell.n or 1)
        if quantity.metric == "teacher_accuracy":
            return Number(Sample.constant(float(cell.mean)), "printed", digits=Decimal(cell.mean))
        return Number(Sample(float(cell.mean), std, n), "printed", Decimal(cell.mean), bool(cell.std))


@dataclass
class Ours:
    """Our numbers at a user's scale. Each run is read once, so an object serves one report."""

    user: User
    _numbers: dict[Quantity, Number] = field(default_factory=dict)
    _runs: dict[tuple[str, bool], list[Resolved]] = field(default_factory=dict)
    _provenance: dict[str, dict | None] = field(default_factory=dict)
    _commanded: dict[str, set[str]] = field(default_factory=dict)
    _errors: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def number(self, quantity: Quantity) -> Number:
        """Return the sample of a quantity over the seeds that are done."""
        if quantity not in self._numbers:
            self._numbers[quantity] = self._read(quantity)
        return self._numbers[quantity]

    def _read(self, quantity: Quantity) -> Number:
        if quantity.metric == "restored_ratio":
            with readable(quantity.run):
                row = cell_row(ratio(quantity), self.user)
            values = [float(value) for value in row.get("values", "").split()]
            ended = row.get("ended", "")
            return Number(Sample.from_values(values) if values and not ended else None, row["status"], ended=ended)
        metric = MEASURED.get(quantity.metric, quantity.metric)
        runs = self.runs(quantity)
        with readable(quantity.run):
            found = join_seeds(runs, metric)
            values = found.values(metric)
            if not values or found.ended:
                gone = [metrics["status"] == "diverged" for one in runs if (metrics := read_metrics(one))]
                count = len(runs) if sum(gone) == len(runs) else 0
                return Number(None, found.status, ended=found.ended, diverged=count)
        if quantity.metric == "teacher_accuracy":
            return Number(Sample.constant(values[0]), found.status)
        meta = next(iter(found.metrics.values())).get("meta", {})
        return Number(Sample.from_values(values), found.status, remark=remark(meta))

    def runs(self, quantity: Quantity) -> list[Resolved]:
        """Return the runs of a quantity, one a seed; of a teacher its only one."""
        teacher = quantity.metric == "teacher_accuracy"
        if (quantity.run, teacher) not in self._runs:
            seeds = [TEACHER_SEED] if teacher else config.seeds(quantity.run.split("/")[0], self.user)
            self._runs[quantity.run, teacher] = [
                config.resolve(f"{quantity.run}/seed{seed}", self.user) for seed in seeds
            ]
        return self._runs[quantity.run, teacher]

    def behind(self, quantities: list[Quantity]) -> dict[str, Resolved]:
        """Return the runs of quantities, the teachers that ratios divide by, and all runs that these learn from."""
        found = [one for quantity in quantities for one in self.runs(quantity)]
        ratios = [ratio(quantity) for quantity in quantities if quantity.metric == "restored_ratio"]
        found += [catalog.denominator(cell, self.user) for cell in ratios]
        return catalog.with_parents({str(one.run): one for one in found})

    def commanded(self, targets: list[str]) -> set[str]:
        """Return the names of all runs that the workflow trains for its targets."""
        for target in set(targets) - self._commanded.keys():
            self._commanded[target] = set(catalog.with_parents(catalog.wanted(target, self.user)))
        return set().union(*(self._commanded[target] for target in targets))

    def made(self, runs: dict[str, Resolved]) -> dict[str, Any] | None:
        """Return on what those of some runs that are finished were trained, and how long; None where none is.

        runs: their number; seconds: the sum; machines, data: in words, each once.
        """
        found = [made for one in runs.values() if (made := self._made(one))]
        if not found:
            return None
        return {
            "runs": len(found),
            "seconds": sum(one["seconds"] for one in found),
            "machines": list(dict.fromkeys(one["machine"] for one in found)),
            "data": list(dict.fromkeys(one["data"] for one in found)),
        }

    def _made(self, one: Resolved) -> dict[str, Any] | None:
        if str(one.run) not in self._provenance:
            # A missing or damaged file is told of where its numbers are missing.
            self._provenance[str(one.run)], _ = attempt(machine_and_time, one)
        return self._provenance[str(one.run)]

    def images(self, comparison: Comparison) -> dict[str, Any] | None:
        """Return how far a difference of two classifiers' errors depends on the choice of evaluation images.

        Of one training each, the first finished one that came with its predictions, so it says nothing of other seeds:
        low, high (of the interval over resampled images, in points, 95 %), n_images and the two runs. None where there
        are no such predictions.
        """
        tops = {TOP.get(quantity.metric) for quantity in comparison.quantities}
        if len(comparison.quantities) != 2 or len(tops) > 1 or None in tops or comparison.relative:
            return None
        (top,) = tops
        pair = [self._first(quantity) for quantity in comparison.quantities]
        if None in pair:
            return None
        (labels, first), (others, second) = (self._wrong_images(one, top) for one in pair)
        if not np.array_equal(labels, others):
            return None
        errors = (first, second) if "error" in comparison.quantities[0].metric else (second, first)
        sign = comparison.weights[0]
        low, high = sorted(100 * sign * end for end in significance.paired_difference(*errors))
        return {"low": low, "high": high, "n_images": len(labels), "runs": [str(one.run) for one in pair]}

    def _first(self, quantity: Quantity) -> Resolved | None:
        for one in self.runs(quantity):
            metrics = read_metrics(one) if one.loop == "classifier" else None
            if metrics and metrics["status"] == "done" and predicted(one).exists():
                return one
        return None

    def _wrong_images(self, one: Resolved, top: int) -> tuple[np.ndarray, np.ndarray]:
        if (str(one.run), top) not in self._errors:
            labels, logits = classification.read(predicted(one), "logits")
            for k in {*TOP.values()}:
                self._errors[str(one.run), k] = labels, classification.wrong(logits, labels, k)
        return self._errors[str(one.run), top]


def ratio(quantity: Quantity) -> Cell:
    """Return a cell that prints a quantity which is a ratio; of what, the cell says."""
    return next(cell for cell in cells() if (cell.run, cell.metric) == quantity)


def predicted(one: Resolved) -> Path:
    """Return where a classifier's predictions are, unless its run came without them."""
    return one.run.folder(one.scale) / "predictions.npz"


def remark(meta: dict[str, Any]) -> str:
    """Return why a GAN's numbers, measured as `meta` says, are no FIDs; empty where they are."""
    return "the FID network has random weights" if meta.get("weights") == "random" else ""


def machine_and_time(one: Resolved) -> dict[str, Any] | None:
    """Return a finished run's machine and data in words and its seconds, or None where it is not finished."""
    if not (one.run.folder(one.scale) / "result.json").exists():
        return None
    found = read_provenance(one)
    data = found["data"]
    return {
        "seconds": found["wall_seconds"],
        "machine": describe_machine(found),
        "data": f"{data['name']}: {describe_source(data['source'])}",
    }
