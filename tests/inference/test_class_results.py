"""Results of classes, compared with scikit-learn and with published intervals."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from advkd.inference import class_results

NAMES = ["Riß, fein", "no defect", "neue\nZeile", "never seen"]


@pytest.fixture
def answers():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60).astype(np.uint16)
    return labels, np.where(rng.random(60) < 0.7, labels, rng.integers(0, 4, 60)).astype(np.uint16)


def test_recall_and_precision_are_scikit_learns(answers):
    matrix = class_results.confusion_matrix(*answers, 4)
    assert np.array_equal(matrix, confusion_matrix(*answers, labels=range(4)))
    precision, recall, _, images = precision_recall_fscore_support(*answers, labels=range(4), zero_division=0)
    results = class_results.of_classes(NAMES, matrix)
    assert [of.name for of in results] == NAMES[:3], "of a class without images nothing is known"
    for number, of in enumerate(results):
        assert (of.images, of.recall, of.precision) == (images[number], recall[number], precision[number])
        assert of.low < of.recall < of.high


def test_wilsons_interval_of_few_images():
    """Newcombe (1998), Table I: 81 of 263 and 15 of 148."""
    assert class_results.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert class_results.wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_a_class_has_one_line_whatever_it_is_called(answers):
    lines = list(
        class_results.class_lines(class_results.of_classes(NAMES, class_results.confusion_matrix(*answers, 4)))
    )
    assert len(lines) == 4 and not any("\n" in line for line in lines)
    assert lines[1].startswith("  Riß, fein ") and lines[3].startswith("  neue\\nZeile ")


def test_many_classes_are_not_listed():
    many = class_results.SHOWN + 1
    results = class_results.of_classes([f"{number}" for number in range(many)], np.eye(many, dtype=int))
    assert list(class_results.class_lines(results)) == []
