"""A classifier's metrics as text, and the difference between two classifiers on the same images."""

from typing import Any

import numpy as np

from advkd.artifacts.measured import error_of_interval
from advkd.artifacts.metric_digits import format_metrics
from advkd.artifacts.number_format import OVER_IMAGES, format_difference, format_interval, format_p
from advkd.damage import readable
from advkd.errors import UserError
from advkd.metrics import significance
from advkd.runs.answers import read_answers
from advkd.runs.lookup import folder_of, trained_folder
from advkd.runs.predictions import classifier_metrics
from advkd.runs.state import Ending
from advkd.runs.stores import DataChecks
from advkd.settings import config
from advkd.settings.user import User


def report(run: str, against: str | None, user: User) -> str:
    """Return the metrics of `run` and, if `against` names another run, McNemar's test between the two.

    Raises:
        UserError: a run is not a finished classifier, its files are damaged, or the two were not evaluated on the same
            images.
    """
    with readable(run):
        metrics = _read_metrics(run, user)
        images = f"{metrics['meta']['n_images']} images of {metrics['meta']['classes']} classes"
        lines = [f"{run} at scale {user.scale}: {images}"]
        lines += [f"  {name:<18} {text}" for name, text in format_metrics(metrics["values"]).items()]
        lines.append(f"  {OVER_IMAGES}: standard error over images; metrics.json has all digits")
        if against:
            lines += _compare(run, against, user)
        named = [config.resolve(name, user) for name in (run, against) if name]
        lines += [f"of outdated data: {caution}" for caution in DataChecks(user).cautions(named)]
        return "\n".join(lines)


def _read_metrics(run: str, user: User) -> dict[str, Any]:
    resolved = config.resolve(run, user)
    if not resolved.leaves_predictions:
        raise UserError(f"{run} trains GANs, which leave no predictions: its metrics stand in its metrics.json")
    metrics = classifier_metrics(trained_folder(resolved))
    if metrics["status"] != Ending.DONE:
        raise UserError(f"{run} is {metrics['status']}: it has no predictions")
    return metrics


def _compare(run: str, against: str, user: User) -> list[str]:
    _read_metrics(against, user)
    answers, others = (read_answers(folder_of(config.resolve(name, user))) for name in (run, against))
    if not np.array_equal(answers.label, others.label):
        raise UserError(f"{run} and {against} were not evaluated on the same images")
    wrong, other_wrong = answers.wrong, others.wrong
    test = significance.mcnemar(wrong, other_wrong)
    low, high = significance.paired_difference(wrong, other_wrong)
    points = 100 * (wrong.mean() - other_wrong.mean())
    error = error_of_interval(100 * low, 100 * high)
    interval = format_interval((100 * low, 100 * high), error)
    return [
        f"against {against}, Top-1 error on the same images:",
        f"  difference         {format_difference(points, error)} points, 95 % interval over images {interval}",
        f"  McNemar            {test.b} wrong only here, {test.c} only there; p = {format_p(test.p)}",
    ]
