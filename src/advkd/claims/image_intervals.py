"""How far the difference between two classifiers depends on the choice of evaluation images."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from advkd.artifacts.measured import error_of_interval
from advkd.artifacts.number_format import format_interval
from advkd.artifacts.seed_results import read_metrics
from advkd.claims.predicates.base import Comparison, Quantity
from advkd.metrics import classification, significance
from advkd.runs.folder_names import PREDICTIONS
from advkd.runs.lookup import folder_of
from advkd.runs.state import Ending
from advkd.settings.config import Resolved

# The k of the Top-k error behind each metric.
TOP_K = {"top1_error": 1, "accuracy": 1, "teacher_accuracy": 1, "top5_error": classification.TOP}


@dataclass(frozen=True)
class ImageInterval:
    """A 95 % interval of a difference over resampled evaluation images.

    Attributes:
        low, high: the ends, in percentage points.
        text: the interval as text.
        n_images: the number of evaluation images.
        runs: the names of the two runs. They are one training each, so the interval says nothing about other seeds.
    """

    low: float
    high: float
    text: str
    n_images: int
    runs: list[str]


class ImageIntervals:
    """Computes intervals over images from the predictions of finished runs, and reads each file once.

    Args:
        runs_of: returns the runs of a quantity, one for each seed.
    """

    def __init__(self, runs_of: Callable[[Quantity], list[Resolved]]) -> None:
        self._runs_of = runs_of
        self._errors: dict[str, tuple[np.ndarray, dict[int, np.ndarray]]] = {}

    def interval(self, comparison: Comparison) -> dict[str, Any] | None:
        """Return the fields of the `ImageInterval` of a comparison.

        Each quantity is represented by its first finished run whose predictions exist. The result is None if the
        comparison is not a difference of two Top-k errors with the same k, if there are no such runs, or if they were
        evaluated on different images.
        """
        if len(comparison.quantities) != 2 or comparison.relative:
            return None
        first, second = comparison.quantities
        k = TOP_K.get(first.metric)
        if k is None or k != TOP_K.get(second.metric):
            return None
        runs = self._first_predicted(first), self._first_predicted(second)
        if runs[0] is None or runs[1] is None:
            return None
        labels, wrong = self._wrong_images(runs[0], k)
        other_labels, other_wrong = self._wrong_images(runs[1], k)
        if not np.array_equal(labels, other_labels):
            return None
        # A difference of accuracies is the reverse difference of errors.
        errors = (wrong, other_wrong) if "error" in first.metric else (other_wrong, wrong)
        ends = significance.paired_difference(*errors)
        low, high = sorted(100 * comparison.weights[0] * end for end in ends)
        text = format_interval((low, high), error_of_interval(low, high))
        return asdict(ImageInterval(low, high, text, len(labels), [str(runs[0].run), str(runs[1].run)]))

    def _first_predicted(self, quantity: Quantity) -> Resolved | None:
        """Return the first finished run of a quantity that left predictions."""
        for run in self._runs_of(quantity):
            metrics = read_metrics(run) if run.leaves_predictions else None
            if metrics and metrics["status"] == Ending.DONE and folder_of(run).has(PREDICTIONS):
                return run
        return None

    def _wrong_images(self, run: Resolved, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the labels (M,) and which images (M,) the run's last epoch gets wrong by Top-k error."""
        name = str(run.run)
        if name not in self._errors:
            labels, logits = folder_of(run).predictions("logits")
            by_k = {k: classification.wrong(logits, labels, k) for k in set(TOP_K.values())}
            self._errors[name] = labels, by_k
        labels, by_k = self._errors[name]
        return labels, by_k[k]
