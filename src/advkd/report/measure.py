"""A classifier's metrics as text, and how two classifiers differ on the same images."""

import numpy as np

from advkd.damage import readable
from advkd.errors import UserError
from advkd.metrics import significance
from advkd.runs import predictions
from advkd.settings import config
from advkd.settings.user import User


def report(run: str, against: str | None, user: User) -> str:
    """Return the metrics of `run` and, with `against`, McNemar's test between the two.

    Raises:
        UserError: a run is not a finished classifier, its files are damaged, or the two were not evaluated on the same
            images.
    """
    with readable(run):
        found = _metrics(run, user)
        count = f"{found['meta']['n_images']} images of {found['meta']['classes']} classes"
        lines = [f"{run} at scale {user.scale}: {count}"]
        lines += [f"  {name:<18} {value:.6g}" for name, value in found["values"].items()]
        return "\n".join(lines + (_difference(run, against, user) if against else []))


def _metrics(run: str, user: User) -> dict:
    one = config.resolve(run, user)
    folder = one.run.folder(user.scale)
    if one.loop != "classifier" or not (folder / "result.json").exists():
        raise UserError(f"{run} is no finished classifier at scale {user.scale}: advkd status lists what exists")
    found = predictions.metrics(folder)
    if found["status"] != "done":
        raise UserError(f"{run} is {found['status']}: it has no predictions")
    return found


def _difference(run: str, against: str, user: User) -> list[str]:
    _metrics(against, user)
    labels, wrong = [], []
    for name in (run, against):
        with np.load(config.resolve(name, user).run.folder(user.scale) / "predictions.npz") as arrays:
            labels.append(arrays["labels"])
            wrong.append(arrays["logits"].argmax(1) != arrays["labels"])
    if not np.array_equal(*labels):
        raise UserError(f"{run} and {against} were not evaluated on the same images")
    test = significance.mcnemar(*wrong)
    low, high = significance.paired_difference(*wrong)
    points = 100 * (wrong[0].mean() - wrong[1].mean())
    return [
        f"against {against}, Top-1 error on the same images:",
        f"  difference         {points:+.2f} points, 95 % interval {100 * low:+.2f} to {100 * high:+.2f}",
        f"  McNemar            {test.b} wrong only here, {test.c} only there; p = {test.p:.3g}",
    ]
