import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score

from advkd.metrics.crops import (
    Crops,
    average_precision,
    evaluate,
    interval,
    mean_average_precision,
    photo_weights,
)


def random_crops(count=60, classes=3, photos=12, seed=0, levels=None):
    """Logits, tags and photos; with few levels, many probabilities are equal."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(count, classes))
    if levels:
        logits = np.repeat(rng.integers(levels, size=(count, 1)).astype(float), classes, axis=1) * np.eye(classes)[0]
    tags = rng.random((count, classes)) < 0.4
    tags[:classes] |= np.eye(classes, dtype=bool)
    logits += 0.8 * tags if not levels else 0
    return logits, tags, rng.integers(photos, size=count)


def probabilities(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


@given(st.integers(0, 30), st.sampled_from([None, 3]))
def test_average_precision_is_scikit_learns_also_with_ties_and_weights(seed, levels):
    logits, tags, photos = random_crops(seed=seed, levels=levels)
    crops, scores = Crops.from_logits(logits, tags, photos), probabilities(logits).round(12)
    weights = np.random.default_rng(seed).integers(0, 4, size=(5, len(tags)))
    found, weighted = average_precision(crops), average_precision(crops, weights)
    for label in range(3):
        assert found[label] == pytest.approx(average_precision_score(tags[:, label], scores[:, label]))
        for row, of_draw in zip(weights, weighted, strict=True):
            expected = average_precision_score(tags[:, label], scores[:, label], sample_weight=row)
            assert of_draw[label] == pytest.approx(expected)
    assert mean_average_precision(crops) == pytest.approx(found.mean())


def test_weights_are_as_good_as_repeated_crops():
    logits, tags, photos = random_crops()
    weights = photo_weights(np.unique(photos, return_inverse=True)[1], draws=4)
    crops = Crops.from_logits(logits, tags, photos)
    for row, values in zip(weights, average_precision(crops, weights), strict=True):
        again = np.repeat(np.arange(len(tags)), row)
        repeated = Crops.from_logits(logits[again], tags[again], photos[again])
        np.testing.assert_allclose(average_precision(repeated), values)


def test_a_class_that_no_crop_shows_has_no_average_precision():
    logits, tags, photos = random_crops()
    tags[:, 1] = False
    crops = Crops.from_logits(logits, tags, photos)
    found = average_precision(crops)
    assert np.isnan(found).tolist() == [False, True, False]
    assert mean_average_precision(crops) == pytest.approx(found[[0, 2]].mean())
    assert "ap.2" not in evaluate(crops, np.zeros(60, bool))["values"]


def test_photos_are_drawn_whole_and_as_many_as_there_are():
    photo = np.array([0, 0, 1, 2, 2, 2, 3])
    weights = photo_weights(photo, draws=400)
    assert (weights[:, 0] == weights[:, 1]).all() and (weights[:, 3] == weights[:, 5]).all()
    assert (weights[:, [0, 2, 3, 6]].sum(axis=1) == 4).all()
    assert weights[:, 6].mean() == pytest.approx(1, abs=0.1)
    np.testing.assert_array_equal(weights, photo_weights(photo, draws=400))


def test_intervals_over_photos_are_wider_than_over_crops_where_crops_of_a_photo_are_alike():
    rng = np.random.default_rng(0)
    photos = np.repeat(np.arange(40), 10)
    wrong = (rng.random(40) < 0.3)[photos]  # all crops of a photo, or none
    logits, tags = rng.normal(size=(400, 2)), np.eye(2, dtype=bool)[rng.integers(2, size=400)]
    values = evaluate(Crops.from_logits(logits, tags, photos), wrong)["values"]
    # the exact interval of a mean of 40 independent photos
    low, high = stats.binom(40, wrong.mean()).ppf([0.025, 0.975]) / 40
    assert values["top1_low"] == pytest.approx(100 * low, abs=2.6)
    assert values["top1_high"] == pytest.approx(100 * high, abs=2.6)
    assert (values["accuracy_low"], values["accuracy_high"]) == (100 - values["top1_high"], 100 - values["top1_low"])


def test_the_metrics_of_a_perfect_classifier():
    labels = np.arange(30) % 3
    tags = np.eye(3, dtype=bool)[labels]
    found = evaluate(Crops.from_logits(9.0 * tags, tags, np.arange(30) // 3 + 100), np.zeros(30, bool))
    values = found["values"]
    assert values["map"] == values["map_low"] == values["ap.1"] == values["ap.3_high"] == pytest.approx(100)
    assert values["top1_high"] == 0 and found["meta"] == {"n_photos": 10, "draws": 1000}


def test_an_interval_leaves_out_what_is_no_number():
    assert interval(np.array([np.nan, *np.linspace(0, 1, 101)])) == pytest.approx((0.025, 0.975))
