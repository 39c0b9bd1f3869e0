from math import comb

import numpy as np
import pytest
from scipy import stats

from advkd.errors import UserError
from advkd.metrics.significance import bootstrap_interval, mcnemar, paired_difference


def errors(n, rate, seed=0):
    return np.random.default_rng(seed).random(n) < rate


@pytest.mark.parametrize(("n", "rate"), [(8, 0.4), (150, 0.02), (2000, 0.35), (10000, 0.2)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_interval_is_the_binomial_s(n, rate, level):
    wrong = errors(n, rate)
    expected = stats.binom.ppf([(1 - level) / 2, (1 + level) / 2], n, wrong.mean()) / n
    assert bootstrap_interval(wrong, level) == pytest.approx(tuple(expected), abs=1e-12)


def test_intervals_are_what_resampling_images_gives():
    a, b = errors(300, 0.3), errors(300, 0.3) ^ errors(300, 0.15, 1)
    rng = np.random.default_rng(2)
    drawn = rng.integers(0, 300, (20000, 300))
    expected = np.quantile(a[drawn].mean(1), [0.025, 0.975])
    assert bootstrap_interval(a) == pytest.approx(expected, abs=2 / 300)
    expected = np.quantile(a[drawn].mean(1) - b[drawn].mean(1), [0.025, 0.975])
    assert paired_difference(a, b) == pytest.approx(expected, abs=2 / 300)


def test_pairing_narrows_the_interval_of_runs_that_err_on_the_same_images():
    a = errors(2000, 0.3)
    b = a.copy()
    b[np.flatnonzero(a)[:40]] = False
    low, high = paired_difference(a, b)
    assert 0 < low < 40 / 2000 < high < 0.03
    assert paired_difference(b, a) == pytest.approx((-high, -low), abs=2 / 2000)
    separate = bootstrap_interval(a)
    assert separate[1] - separate[0] > 2 * (high - low)


def test_no_errors_and_nothing_but_errors():
    none, every = np.zeros(50, bool), np.ones(50, bool)
    assert bootstrap_interval(none) == (0, 0) and bootstrap_interval(every) == (1, 1)
    assert paired_difference(every, none) == (1, 1) and paired_difference(none, every) == (-1, -1)
    assert paired_difference(every, every) == (0, 0)


@pytest.mark.parametrize(("b", "c"), [(0, 6), (3, 9), (10, 10), (40, 62), (1, 0)])
def test_mcnemar_in_closed_form(b, c):
    wrong_a = np.repeat([True, False, True, False], [b, c, 7, 30])
    wrong_b = np.repeat([False, True, True, False], [b, c, 7, 30])
    tail = sum(comb(b + c, i) for i in range(min(b, c) + 1)) / 2 ** (b + c)
    found = mcnemar(wrong_a, wrong_b)
    assert found[:2] == (b, c) and found.p == pytest.approx(min(1, 2 * tail), rel=1e-12)
    assert mcnemar(wrong_b, wrong_a) == (c, b, pytest.approx(found.p))


def test_mcnemar_of_runs_that_never_differ():
    assert mcnemar(errors(50, 0.3), errors(50, 0.3)) == (0, 0, 1.0)


def test_mcnemar_holds_its_level():
    """Two runs of equal error: p < 0.05 in at most about 5 % of draws (the exact test is conservative)."""
    rng = np.random.default_rng(0)
    found = [mcnemar(rng.random(400) < 0.2, rng.random(400) < 0.2).p for _ in range(300)]
    assert np.mean(np.array(found) < 0.05) < 0.09


@pytest.mark.parametrize("test", [mcnemar, paired_difference])
def test_other_images_are_refused(test):
    with pytest.raises(UserError, match="on 5 and 6 images"):
        test(np.zeros(5, bool), np.zeros(6, bool))
    with pytest.raises(UserError, match="on 0 and 0 images"):
        test(np.zeros(0, bool), np.zeros(0, bool))
