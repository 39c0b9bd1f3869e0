import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from advkd.metrics.effect import Effect, Sample, contrast, decrease, hedges_g, lowest_of_draws, seeds_needed

values = st.lists(st.floats(-100, 100), min_size=2, max_size=6).filter(lambda v: statistics.stdev(v) > 1e-3)


@settings(max_examples=40, deadline=None)
@given(values, values)
def test_a_difference_is_scipy_s_welch_test(first, second):
    found = contrast((1, -1), (Sample.from_values(first), Sample.from_values(second)))
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert found.t() == pytest.approx(expected.statistic, rel=1e-6, abs=1e-9)
    assert found.p() == pytest.approx(expected.pvalue, rel=1e-5)
    assert found.df == pytest.approx(expected.df)
    for level in (0.8, 0.95, 0.999):
        assert found.interval(level) == pytest.approx(tuple(expected.confidence_interval(level)), rel=1e-6, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(values, st.floats(-100, 100))
def test_against_a_constant_it_is_student_s_test(drawn, number):
    found = contrast((1, -1), (Sample.from_values(drawn), Sample.constant(number)))
    expected = stats.ttest_1samp(drawn, number)
    assert found.t() == pytest.approx(expected.statistic, rel=1e-6, abs=1e-9)
    assert found.df == pytest.approx(len(drawn) - 1)
    assert found.p() == pytest.approx(expected.pvalue, rel=1e-5)
    assert contrast((1,), (Sample.from_values(drawn),)).p(number) == pytest.approx(expected.pvalue, rel=1e-5)


def test_printed_moments_of_a_published_pair():
    """AI-KD, Table 2, CIFAR-100: 19.87 ± 0.10 against PS-KD's 21.16 ± 0.22, three runs each."""
    found = contrast((-1, 1), (Sample(19.87, 0.10, 3), Sample(21.16, 0.22, 3)))
    expected = stats.ttest_ind_from_stats(21.16, 0.22, 3, 19.87, 0.10, 3, equal_var=False)
    assert (found.estimate, found.t(), found.p()) == pytest.approx((1.29, expected.statistic, expected.pvalue))
    assert round(found.t()) == 9


def test_a_difference_of_differences_covers_the_truth():
    """The interval of (a - b) - (c - d) holds the truth in 95 % of draws, also with unequal variances and sizes."""
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(1500):
        groups = [rng.normal(m, s, n) for m, s, n in ((1, 1, 3), (2, 0.2, 4), (3, 2, 5), (5, 0.5, 3))]
        low, high = contrast((1, -1, -1, 1), [Sample.from_values(group) for group in groups]).interval()
        covered.append(low <= 1 <= high)
    assert 0.93 < np.mean(covered) < 0.985


def test_a_decrease_covers_the_truth():
    rng = np.random.default_rng(1)
    new, old = rng.normal(90, 3, (2000, 4)), rng.normal(100, 4, (2000, 3))
    found = [decrease(Sample.from_values(a), Sample.from_values(b)).interval() for a, b in zip(new, old, strict=True)]
    assert 0.93 < np.mean([low <= 10 <= high for low, high in found]) < 0.975
    assert decrease(Sample(118.23, None, 1), Sample(139.76, None, 1)).estimate == pytest.approx(15.405, abs=1e-3)


def test_the_error_of_a_decrease_is_that_of_a_ratio():
    """The squared relative error of a ratio is the sum of those of its two means; so are the degrees of freedom's."""
    new, old = Sample(90.0, 3.0, 4), Sample(100.0, 4.0, 3)
    squares = [(3 / 90) ** 2 / 4, (4 / 100) ** 2 / 3]
    effect = decrease(new, old)
    assert effect.estimate == pytest.approx(10)
    assert effect.error == pytest.approx(100 * 0.9 * math.sqrt(sum(squares)), rel=1e-12)
    assert effect.df == pytest.approx(sum(squares) ** 2 / (squares[0] ** 2 / 3 + squares[1] ** 2 / 2), rel=1e-12)


def test_what_one_run_cannot_tell():
    alone = contrast((1, -1), (Sample.from_values([2.0]), Sample.from_values([1.0, 1.5])))
    assert alone == Effect(0.75, None, None) and alone.interval() == (-math.inf, math.inf)
    assert alone.t() is None and alone.p() is None
    assert hedges_g(Sample.from_values([2.0]), Sample.from_values([1.0, 1.5])) is None


def test_groups_that_do_not_scatter():
    same = contrast((1, -1), (Sample.from_values([2.0, 2.0]), Sample.from_values([1.0, 1.0])))
    assert same.interval() == (1, 1) and same.t() is None
    assert hedges_g(Sample.from_values([2.0, 2.0]), Sample.from_values([1.0, 1.0])) is None
    assert hedges_g(Sample.from_values([2.0, 2.5]), Sample.constant(1.0)) is None


def test_hedges_g_of_two_runs_each():
    """Hedges (1981): the difference in standard deviations times 1 - 3 / (4 df - 1), here with df = 2."""
    assert hedges_g(Sample(3.0, 1.0, 2), Sample(1.0, 7.0, 2)) == pytest.approx(2 / 5 * 4 / 7)


def test_hedges_g_is_unbiased():
    """The mean of g over many draws is the true difference in standard deviations; Cohen's d is 25 % above it."""
    rng = np.random.default_rng(2)
    draws = rng.normal([[[0.8], [0.0]]], 1, (2500, 2, 3))
    found = [hedges_g(Sample.from_values(a), Sample.from_values(b)) for a, b in draws]
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)


@pytest.mark.parametrize(("distance", "expected"), [(0.2, 394), (0.5, 64), (0.8, 26), (1.0, 17)])
def test_seeds_needed_are_cohen_s(distance, expected):
    """Cohen (1988), Table 2.4.1: n for power 0.80 at two-sided 0.05, by the difference in standard deviations."""
    assert abs(seeds_needed(distance, (1, 1)) - expected) <= 1


def test_seeds_needed_reach_their_power():
    n = seeds_needed(2.0, (1.0, 0.25))
    rng = np.random.default_rng(3)
    draws = zip(rng.normal(2, 1, (3000, n)), rng.normal(0, 0.5, (3000, n)), strict=True)
    excluded = [contrast((1, -1), (Sample.from_values(a), Sample.from_values(b))).interval()[0] > 0 for a, b in draws]
    assert np.mean(excluded) > 0.78
    assert seeds_needed(0.0, (1, 1)) is None and seeds_needed(1e-3, (1, 1)) is None
    assert seeds_needed(0.12537, (1, 1)) == 1000 and seeds_needed(0.1253, (1, 1)) is None, "1,001 are too many"
    assert seeds_needed(1.0, (0, 0)) == 2 and seeds_needed(500.0, (1, 1)) == 2


def test_the_best_of_independent_draws():
    rng = np.random.default_rng(4)
    lowest = rng.normal(139.76, 13.02, (200_000, 3)).min(axis=1)
    mean, chance = lowest_of_draws(3, 139.76, 13.02, 118.23)
    assert mean == pytest.approx(lowest.mean(), abs=0.1)
    assert chance == pytest.approx((lowest <= 118.23).mean(), abs=0.005)
    assert mean == pytest.approx(139.76 - 13.02 * 3 / (2 * math.sqrt(math.pi)))
    assert lowest_of_draws(1, 10.0, 2.0, 10.0) == pytest.approx((10, 0.5))
