"""How good a classifier is on the images of each class, with intervals that are of use for few images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from advkd.artifacts.plain_text import printable_line

LEVEL = 0.95
SHOWN = 40  # classes up to which their table is printed


@dataclass(frozen=True)
class OfClass:
    """How good a classifier is on the images of one class; numbers in [0, 1].

    Attributes:
        name: the class.
        images: how many there are.
        recall: the part of them that is called so.
        low: the lower end of the recall's 95 % interval (Wilson's).
        high: the upper end.
        precision: the part of the images called so that is of the class; None where none is called so.
        taken_for: the other class that they are most often taken for; "" where none is wrong.
    """

    name: str
    images: int
    recall: float
    low: float
    high: float
    precision: float | None
    taken_for: str


def wilson(right: int, images: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a part of some images, in [0, 1]; it is of use for few images too."""
    from scipy.stats import binomtest

    interval = binomtest(right, images).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return the number of images by true and by predicted class, int (classes, classes)."""
    places = classes * labels.astype(np.int64) + predicted.astype(np.int64)
    return np.bincount(places, minlength=classes**2).reshape(classes, classes)


def of_classes(names: Sequence[str], matrix: np.ndarray) -> list[OfClass]:
    """Return the results of each class that has images.

    Args:
        names: the names of the C classes.
        matrix: number of images by true and by predicted class, int (C, C).
    """
    results = []
    for number in np.flatnonzero(matrix.sum(axis=1)).tolist():
        images, right, called = int(matrix[number].sum()), int(matrix[number, number]), int(matrix[:, number].sum())
        wrong = np.where(np.arange(len(names)) == number, 0, matrix[number])
        low, high = wilson(right, images)
        precision = right / called if called else None
        taken_for = names[int(wrong.argmax())] if wrong.any() else ""
        results.append(OfClass(names[number], images, right / images, low, high, precision, taken_for))
    return results


def class_lines(results: Sequence[OfClass]) -> Iterator[str]:
    """Yield a table of the classes; nothing where there are more than `SHOWN`."""
    if len(results) > SHOWN:
        return
    names = {of.name: printable_line(of.name) for of in results}
    width = max(len("class"), *map(len, names.values()))
    yield f"  {'class':<{width}}  images  recall (95 % interval)   precision  most often taken for"
    for of in results:
        recall = f"{100 * of.recall:.1f} % ({100 * of.low:.1f} to {100 * of.high:.1f})"
        precision = "–" if of.precision is None else f"{100 * of.precision:.1f} %"
        taken_for = printable_line(of.taken_for)
        yield f"  {names[of.name]:<{width}}  {of.images:>6}  {recall:<23}  {precision:>9}  {taken_for}".rstrip()
