import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from advkd.metrics.calibration import (
    COLDEST,
    HOTTEST,
    cross_fit,
    expected_calibration_error,
    fit_temperature,
    halves,
    nll,
    reliability,
)


def predictions(seed=0, images=400, classes=10, sharpness=3.0):
    """Logits whose true temperature is `sharpness`: labels are drawn from softmax(logits / sharpness)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (images, classes))
    likely = np.exp(logits - logits.max(1, keepdims=True))
    likely /= likely.sum(1, keepdims=True)
    labels = np.array([rng.choice(classes, p=p) for p in likely])
    return logits * sharpness, labels


def ece(confidence, correct, bins=10):
    return expected_calibration_error(reliability(confidence, correct, bins)) / 100


def literal_ece(confidence, correct, bins):
    """The definition, image by image and bin by bin."""
    total = 0.0
    for i in range(bins):
        inside = [j for j, value in enumerate(confidence) if i / bins < value <= (i + 1) / bins]
        if inside:
            accuracy = sum(bool(correct[j]) for j in inside) / len(inside)
            average = sum(confidence[j] for j in inside) / len(inside)
            total += len(inside) / len(confidence) * abs(accuracy - average)
    return total


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_ece_is_its_definition(bins):
    rng = np.random.default_rng(bins)
    confidence = np.concatenate([rng.uniform(0.01, 1, 300), np.arange(1, 11) / 10, np.arange(1, 16) / 15])
    correct = rng.random(len(confidence)) < confidence**2
    assert ece(confidence, correct, bins) == pytest.approx(literal_ece(confidence, correct, bins), abs=1e-12)


def test_ece_is_that_of_the_sums_over_histograms():
    """Another way: |sum of (right - confidence)| of each bin, binned by numpy's histogram of the mirrored values."""
    rng = np.random.default_rng(5)
    confidence = rng.uniform(0.1, 1, 1000)
    correct = rng.random(1000) < 0.7
    gaps, _ = np.histogram(1 - confidence, 10, (0, 1), weights=correct - confidence)
    assert ece(confidence, correct) == pytest.approx(np.abs(gaps).sum() / 1000, abs=1e-12)


def test_bins_are_open_below_and_closed_above():
    found = reliability(np.array([0.1, 0.1 + 1e-9, 0.3, 1.0]), np.array([True, False, True, True]))
    assert found.count.tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0, 1]
    assert np.isnan(found.accuracy[3]) and np.isnan(found.confidence[3])
    assert found.accuracy[:3].tolist() == [1, 0, 1]
    assert found.edges.tolist() == [edge / 10 for edge in range(11)]


def test_known_calibration_errors():
    sure = np.full(100, 0.95)
    assert ece(sure, np.arange(100) < 95) == pytest.approx(0)
    assert ece(sure, np.arange(100) < 35) == pytest.approx(0.6)
    mixed = np.repeat([0.25, 0.75], 50)  # under-confident below, over-confident above: errors do not cancel
    assert ece(mixed, np.arange(100) % 2 == 0) == pytest.approx(0.25)


def test_nll_against_torch():
    logits, labels = predictions()
    expected = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(labels))
    assert nll(logits, labels) == pytest.approx(float(expected), rel=1e-12)
    assert nll(logits + 1e4, labels) == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 4.0])
def test_temperature_against_a_converging_lbfgs(sharpness):
    logits, labels = predictions(1, sharpness=sharpness)
    scores, targets = torch.tensor(logits), torch.tensor(labels)
    log_t = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [log_t], max_iter=200, tolerance_grad=1e-13, tolerance_change=1e-16, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(scores / log_t.exp(), targets)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert fit_temperature(logits, labels) == pytest.approx(float(log_t.exp().detach()), rel=1e-7)
    assert fit_temperature(logits, labels) == pytest.approx(sharpness, rel=0.15), "and near the one labels came from"


def test_temperature_against_a_grid():
    logits, labels = predictions(2, sharpness=0.7)
    grid = np.exp(np.linspace(np.log(0.3), np.log(2), 801))
    best = grid[np.argmin([nll(logits / t, labels) for t in grid])]
    assert fit_temperature(logits, labels) == pytest.approx(best, rel=(2 / 0.3) ** (1 / 800) - 1)


@pytest.mark.parametrize(("margin", "right"), [(1.0, 0.9), (5.0, 0.6), (0.2, 0.99)])
def test_temperature_in_closed_form(margin, right):
    """Two classes, one margin: the best confidence is the accuracy, so T = margin / log(right / (1 - right))."""
    labels = (np.arange(1000) >= 1000 * right).astype(int)
    logits = np.tile([margin, 0.0], (1000, 1))
    assert fit_temperature(logits, labels) == pytest.approx(margin / np.log(right / (1 - right)), rel=1e-8)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.floats(0.2, 5), shift=st.floats(-50, 50))
def test_temperature_scales_with_the_logits(seed, factor, shift):
    logits, labels = predictions(seed, images=60, classes=4, sharpness=1.0)
    found = fit_temperature(logits, labels)
    assert fit_temperature(factor * logits + shift, labels) == pytest.approx(factor * found, rel=1e-8)


def test_temperature_where_the_data_have_no_optimum():
    assert (COLDEST, HOTTEST) == (0.01, 100)
    labels = np.arange(40) % 4
    right = np.eye(4)[labels]
    assert fit_temperature(right, labels) == COLDEST, "no image is wrong: the NLL falls for ever"
    assert fit_temperature(right, (labels + 1) % 4) == HOTTEST, "worse than chance: it falls towards uniform"
    noise = np.random.default_rng(0).normal(size=(4000, 4))
    assert fit_temperature(noise, np.arange(4000) % 4) > 10, "at chance"
    assert fit_temperature(np.ones((40, 4)), labels) == 1, "no T is better than another"
    assert fit_temperature(1e6 * right, labels) == 1
    assert fit_temperature(right[:1], labels[:1]) == COLDEST


def test_halves_are_even_in_all_and_in_every_class():
    labels = np.random.default_rng(0).integers(0, 7, 501)
    half = halves(labels)
    assert abs(int(half.sum()) - 250.5) < 1
    for label in range(7):
        inside = half[labels == label]
        assert abs(inside.mean() * len(inside) - len(inside) / 2) <= 0.5
    assert np.array_equal(half, halves(labels)) and not np.array_equal(half, halves(labels, 1))
    assert len(set(half[labels == 0])) == 2 and half[labels == 0].tolist() != sorted(half[labels == 0])


def test_cross_fit_never_lets_an_image_choose_its_own_temperature():
    logits, labels = predictions(3)
    half = halves(labels)
    found = cross_fit(logits, labels)
    for side in (0, 1):
        assert found.temperatures[side] == fit_temperature(logits[half == side], labels[half == side])
        np.testing.assert_array_equal(found.logits[half != side], logits[half != side] / found.temperatures[side])
    assert np.array_equal(found.logits.argmax(1), logits.argmax(1))
    assert nll(found.logits, labels) < nll(logits, labels)
    whole = nll(logits / fit_temperature(logits, labels), labels)
    assert whole < nll(found.logits, labels), "the fit on the judged images is the optimistic one"


def test_scaling_calibrates():
    logits, labels = predictions(4, images=3000, sharpness=4.0)

    def error(scores):
        likely = np.exp(scores - scores.max(1, keepdims=True))
        confidence = likely.max(1) / likely.sum(1)
        return ece(confidence, scores.argmax(1) == labels)

    assert error(logits) > 0.2 and error(cross_fit(logits, labels).logits) < 0.04
