"""The numbers that our runs measured, and what these runs took."""

import contextlib
from typing import Any

from advkd.artifacts.data_sources import describe_data
from advkd.artifacts.seed_results import finished_runs, images_columns, join_seeds, read_metrics
from advkd.artifacts.table_cells import MEASURED, cell_row, evaluation_columns, teacher_is_worse
from advkd.artifacts.training_time import SECONDS_PER_EPOCH, training_time
from advkd.claims.image_intervals import ImageIntervals
from advkd.claims.number import Number
from advkd.claims.predicates.base import Comparison, Quantity
from advkd.claims.published import ratio_cell
from advkd.damage import attempt, readable
from advkd.metrics.effect import Sample
from advkd.runs.lookup import finished, folder_of
from advkd.runs.provenance import describe_machine
from advkd.runs.state import Ending
from advkd.runs.stores import DataChecks
from advkd.settings import catalog, config
from advkd.settings.config import CannotBeBuilt, Resolved
from advkd.settings.feature_networks import NETWORKS
from advkd.settings.user import User


class OurNumbers:
    """Our numbers at a user's scale. Each run is read once, so an object should serve one report only."""

    def __init__(self, user: User) -> None:
        self.user = user
        self._numbers: dict[Quantity, Number] = {}
        self._runs: dict[str, list[Resolved]] = {}
        self._runs_of_target: dict[str, set[str]] = {}
        self._training: dict[str, dict[str, Any] | None] = {}
        self._image_intervals = ImageIntervals(self.runs)
        self._data_checks = DataChecks(user)

    def number(self, quantity: Quantity) -> Number:
        """Return the number of a quantity over the seeds that are done."""
        if quantity not in self._numbers:
            read = {"restored_ratio": self._read_ratio, SECONDS_PER_EPOCH: self._read_time}
            self._numbers[quantity] = read.get(quantity.metric, self._read_number)(quantity)
        return self._numbers[quantity]

    def image_interval(self, comparison: Comparison) -> dict[str, Any] | None:
        """Return how far a comparison depends on the choice of evaluation images, as `ImageIntervals.interval`."""
        return self._image_intervals.interval(comparison)

    def runs(self, quantity: Quantity) -> list[Resolved]:
        """Return the runs of a quantity, one for each seed."""
        if quantity.run not in self._runs:
            seeds = config.seeds(quantity.run, self.user)
            self._runs[quantity.run] = [config.resolve(f"{quantity.run}/seed{seed}", self.user) for seed in seeds]
        return self._runs[quantity.run]

    def runs_behind(self, quantities: list[Quantity]) -> dict[str, Resolved]:
        """Return, by name, all runs that some quantities depend on.

        These are the runs themselves, the teachers that ratios divide by, and all runs that these learn from. Runs that
        cannot be built are left out.
        """
        runs: list[Resolved] = []
        for quantity in quantities:
            with contextlib.suppress(CannotBeBuilt):
                runs += self.runs(quantity)
                if quantity.metric == "restored_ratio":
                    runs += catalog.denominators(ratio_cell(quantity), self.user)
        return catalog.with_parents({str(run.run): run for run in runs})

    def runs_of_targets(self, targets: list[str]) -> set[str]:
        """Return the names of all runs that the workflow trains for some targets."""
        names: set[str] = set()
        for target in targets:
            if target not in self._runs_of_target:
                self._runs_of_target[target] = set()
                with contextlib.suppress(CannotBeBuilt):
                    self._runs_of_target[target].update(catalog.with_parents(catalog.wanted(target, self.user)))
            names |= self._runs_of_target[target]
        return names

    def training_of(self, runs: dict[str, Resolved]) -> dict[str, Any] | None:
        """Return how the finished runs among `runs` were trained, or None if none of them is finished.

        The result has the number of finished `runs`, the sum of their `seconds`, and descriptions of their `machines`
        and `data`, each once.
        """
        trainings = [self._training_of_run(run) for run in runs.values()]
        finished = [training for training in trainings if training is not None]
        if not finished:
            return None
        return {
            "runs": len(finished),
            "seconds": sum(training["seconds"] for training in finished),
            "machines": list(dict.fromkeys(training["machine"] for training in finished)),
            "data": list(dict.fromkeys(training["data"] for training in finished)),
        }

    def _read_number(self, quantity: Quantity) -> Number:
        runs = self.runs(quantity)
        metric = MEASURED.get(quantity.metric, quantity.metric)
        with readable(quantity.run):
            group = join_seeds(runs, metric)
            values = group.values(metric)
            if not values or group.ended:
                diverged = len(runs) if all(_has_diverged(run) for run in runs) else 0
                return Number(None, group.status, ended=group.ended, diverged=diverged)
        images_error = images_columns(group, metric).get("images_error")
        outdated = tuple(self._data_checks.cautions(run for run in runs if run.run.seed in group.metrics))
        first = next(iter(group.metrics.values()))
        remark, cautions = _about_features(first.get("meta", {}))
        older = evaluation_columns(group).get("evaluated_by_older_code", "").split()
        if older:
            cautions += (f"measured before a change of advkd's code, and still counted: {', '.join(older)}",)
        cautions += outdated
        sample = Sample.from_values(values)
        return Number(sample, group.status, remark=remark, images_error=images_error, cautions=cautions)

    def _read_ratio(self, quantity: Quantity) -> Number:
        with readable(quantity.run):
            row = cell_row(ratio_cell(quantity), self.user)
        values = [float(value) for value in row.get("values", "").split()]
        ended = row.get("ended", "")
        sample = Sample.from_values(values) if values and not ended else None
        cautions: tuple[str, ...] = ()
        if teacher_is_worse(row):
            cautions = (f"the teacher of {quantity.run} is worse than its student's Baseline",)
        names = row.get("runs", "").split()
        cautions += tuple(self._data_checks.cautions(config.resolve(name, self.user) for name in names))
        return Number(sample, row["status"], ended=ended, images_error=row.get("images_error"), cautions=cautions)

    def _read_time(self, quantity: Quantity) -> Number:
        runs = self.runs(quantity)
        with readable(quantity.run):
            time = training_time(runs)
            if time is None:
                return Number(None, finished_runs(runs)[1])
        seconds = time.seconds
        return Number(Sample(seconds.mean, seconds.std, seconds.n), "done", machines=time.machines)

    def _training_of_run(self, run: Resolved) -> dict[str, Any] | None:
        name = str(run.run)
        if name not in self._training:
            # A damaged file is ignored here: the verdict on the numbers of this run reports it.
            self._training[name], _ = attempt(_read_training, run)
        return self._training[name]


def _has_diverged(run: Resolved) -> bool:
    metrics = read_metrics(run)
    return metrics is not None and metrics["status"] == Ending.DIVERGED


def _about_features(meta: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return why distances on the features of `meta` decide no claim, or else what a reader should know of them.

    Distances on features of a trained network order generators, though they are not FIDs; those on random features
    do not.
    """
    network = NETWORKS.get(meta.get("features", ""))
    if network is None or network.is_fid:
        return "", ()
    known = f"distances on {network.words}, not FIDs"
    return (known, ()) if network.weights is None else ("", (known,))


def _read_training(run: Resolved) -> dict[str, Any] | None:
    """Return the seconds, the machine and the data of a finished run, or None if it is not finished."""
    if finished(run) is None:
        return None
    provenance = folder_of(run).provenance()
    data = provenance["data"]
    return {
        "seconds": provenance["wall_seconds"],
        "machine": describe_machine(provenance),
        "data": f"{data['name']}: {describe_data(data)}",
    }
