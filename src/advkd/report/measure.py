"""A classifier's metrics as text, and the difference between two classifiers on the same images."""

from typing import Any

import numpy as np

from advkd.artifacts.measured import error_of_interval
from advkd.artifacts.metric_digits import format_metrics
from advkd.artifacts.number_format import OVER_IMAGES, format_difference, format_interval, format_p
from advkd.damage import readable
from advkd.errors import UserError
from advkd.inference.class_results import class_lines, confusion_matrix, of_classes
from advkd.metrics import crops as of_crops
from advkd.metrics import significance
from advkd.metrics.crops import Crops
from advkd.runs.answers import read_answers
from advkd.runs.crops import has_crops, read_crops
from advkd.runs.lookup import folder_of, trained_folder
from advkd.runs.predictions import classifier_metrics
from advkd.runs.state import Ending
from advkd.runs.stores import DataChecks
from advkd.settings import config
from advkd.settings.user import User


def report(run: str, against: str | None, user: User, cluster: str | None = None) -> str:
    """Return the metrics of `run` and, if `against` names another run, McNemar's test between the two.

    Args:
        run: the run.
        against: another run on the same images; None: none.
        user: the user's configuration.
        cluster: "photo": intervals come from resampling photos, of which the images are crops; None: as the run's
            metrics have them, which is by photo for such crops.

    Raises:
        UserError: a run is not a finished classifier, its files are damaged, the two were not evaluated on the same
            images, or the images are no crops of photos.
    """
    with readable(run):
        metrics = _read_metrics(run, user)
        by_photo = "n_photos" in metrics["meta"]
        if cluster == "photo" and not by_photo:
            raise UserError(f"{run} was evaluated on whole images, not on crops of photos: leave out --cluster")
        images = f"{metrics['meta']['n_images']} images of {metrics['meta']['classes']} classes"
        if by_photo:
            images = f"{images}, crops of {metrics['meta']['n_photos']} photos"
        lines = [f"{run} at scale {user.scale}: {images}"]
        lines += [f"  {name:<18} {text}" for name, text in format_metrics(metrics["values"]).items()]
        if by_photo:
            names = folder_of(config.resolve(run, user)).provenance()["data"]["classes"]
            lines.append(f"  ap.N: average precision of class N in %; {_numbered(names)}; map: their mean")
        resampled = "photos, resampled whole" if by_photo else "images"
        lines.append(f"  {OVER_IMAGES}: standard error over {resampled}; metrics.json has all digits")
        if not by_photo:
            lines += _by_class(run, user)
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


def _by_class(run: str, user: User) -> list[str]:
    """Return a table of the classes, where these are few."""
    folder = folder_of(config.resolve(run, user))
    names, answers = folder.provenance()["data"]["classes"], read_answers(folder)
    return list(class_lines(of_classes(names, confusion_matrix(answers.label, answers.predicted, len(names)))))


def _compare(run: str, against: str, user: User) -> list[str]:
    _read_metrics(against, user)
    answers, others = (read_answers(folder_of(config.resolve(name, user))) for name in (run, against))
    if not np.array_equal(answers.label, others.label):
        raise UserError(f"{run} and {against} were not evaluated on the same images")
    wrong, other_wrong = answers.wrong, others.wrong
    folders = [folder_of(config.resolve(name, user)) for name in (run, against)]
    if all(map(has_crops, folders)):
        return _compare_crops(against, [read_crops(folder) for folder in folders], [wrong, other_wrong])
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


def _compare_crops(against: str, both: list[Crops], wrong: list[np.ndarray]) -> list[str]:
    """Return the differences between two runs on crops of the same photos, with intervals from resampling photos."""
    weights = of_crops.photo_weights(both[0].photo)
    values = [[100 * of_crops.mean_average_precision(crops, drawn) for drawn in (None, weights)] for crops in both]
    errors = [[100 * one.mean(), 100 * (weights @ one) / weights.sum(axis=1)] for one in wrong]
    photos = int(both[0].photo.max()) + 1
    return [
        f"against {against}, on the same crops; 95 % intervals from resampling {photos} photos:",
        _difference_line("mean average precision", values),
        _difference_line("Top-1 error", errors),
    ]


def _difference_line(what: str, both: list[list[Any]]) -> str:
    (value, resampled), (other, other_resampled) = both
    low, high = of_crops.interval(resampled - other_resampled)
    error = error_of_interval(low, high)
    return f"  {what:<23} {format_difference(value - other, error)} points {format_interval((low, high), error)}"


def _numbered(names: list[str]) -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(names, 1))
