import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel

from advkd.errors import UserError
from advkd.metrics import kid as module
from advkd.metrics.kid import between, kid, mmd2, second_order, within

D = 6


def draw(n, seed, shift=0.0):
    return np.random.default_rng(seed).standard_normal((n, D)) + shift


def naive(x, y, paired):
    def kernel(a, b):
        return (a @ b / len(a) + 1) ** 3

    xx = [kernel(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]
    yy = [kernel(y[i], y[j]) for i in range(len(y)) for j in range(len(y)) if i != j]
    xy = [kernel(x[i], y[j]) for i in range(len(x)) for j in range(len(y)) if not (paired and i == j)]
    return np.mean(xx) + np.mean(yy) - 2 * np.mean(xy)


@pytest.mark.parametrize("block", [3, 4, 100])
@pytest.mark.parametrize(("m", "paired"), [(11, False), (8, False), (8, True)])
def test_is_the_double_sum_whatever_the_blocks(monkeypatch, block, m, paired):
    monkeypatch.setattr(module, "BLOCK", block)
    x, y = draw(8, 0), draw(m, 1, 0.4)
    assert kid(x, y, paired).value == pytest.approx(naive(x, y, paired), rel=1e-12)


@pytest.mark.parametrize(("m", "paired"), [(9, False), (7, False), (7, True)])
def test_mean_kernels_and_standard_error_are_their_definitions(m, paired):
    def kernels(a, b, without_diagonal):
        matrix = (a @ b.T / D + 1) ** 3
        if without_diagonal:
            np.fill_diagonal(matrix, np.nan)
        return matrix

    x, y = draw(7, 0), draw(m, 1, 0.4)
    xx, yy = (np.nanmean(kernels(side, side, True), axis=1) for side in (x, y))
    xy, yx = (np.nanmean(kernels(x, y, paired), axis=axis) for axis in (1, 0))
    np.testing.assert_allclose(within(x), xx, rtol=1e-12)
    for computed, expected in zip(between(x, y, paired), (xy, yx), strict=True):
        np.testing.assert_allclose(computed, expected, rtol=1e-12)
    of_x, of_y = xx - xy, yy - yx
    variance = np.var(of_x + of_y, ddof=1) / 7 if paired else np.var(of_x, ddof=1) / 7 + np.var(of_y, ddof=1) / m
    second = 0.0 if paired else second_order(x, y)
    assert kid(x, y, paired).error == pytest.approx(np.sqrt(max(4 * variance - second, second)), rel=1e-12)
    assert mmd2(xx, yy, xy, yx, paired, second) == pytest.approx(kid(x, y, paired), rel=1e-12)


def test_sides_are_unpaired_unless_said_otherwise():
    x, y = draw(7, 0), draw(7, 1, 0.4)
    means = within(x), within(y), *between(x, y, paired=False)
    assert kid(x, y) == kid(x, y, paired=False) != kid(x, y, paired=True)
    np.testing.assert_array_equal(between(x, y), between(x, y, paired=False))
    second = second_order(x, y)
    assert mmd2(*means, second_order=second) == mmd2(*means, False, second) == kid(x, y)


def test_two_images_a_side_are_enough():
    x, y = draw(2, 0), draw(2, 1, 0.4)
    assert kid(x, y).value == pytest.approx(naive(x, y, False), rel=1e-12)


def test_agrees_with_scikit_learns_kernel(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 32)
    x, y = draw(70, 0).astype(np.float32), draw(90, 1, 0.5).astype(np.float32)
    xx, yy, xy = (
        polynomial_kernel(a.astype(float), b.astype(float), degree=3, gamma=1 / D, coef0=1)
        for a, b in ((x, x), (y, y), (x, y))
    )
    unbiased = (xx.sum() - xx.trace()) / (70 * 69) + (yy.sum() - yy.trace()) / (90 * 89) - 2 * xy.mean()
    assert kid(x, y).value == pytest.approx(unbiased, rel=1e-10)
    assert kid(y, x).value == pytest.approx(unbiased, rel=1e-10)


def test_two_points():
    """All x equal to a and all y to b: k(a, a) + k(b, b) - 2 k(a, b), known without error."""
    x, y = np.ones((4, D)), np.full((5, D), 2.0)
    assert kid(x, y) == pytest.approx((2**3 + 5**3 - 2 * 3**3, 0))


def test_unbiased_for_equal_distributions():
    values = [kid(draw(12, 2 * k), draw(15, 2 * k + 1)).value for k in range(400)]
    assert abs(np.mean(values)) < 3 * np.std(values) / 20
    # The V-statistic, with every image compared to itself too, would fail this.
    with_self = np.mean((np.square(draw(12, 0)).sum(1) / D + 1) ** 3) / 12
    assert with_self > 10 * np.std(values) / 20


def test_paired_form_is_unbiased_where_both_sides_share_their_noise():
    def both(k):
        rng = np.random.default_rng(k)
        noise = rng.standard_normal((12, D))
        return [0.9 * noise + np.sqrt(0.19) * rng.standard_normal((12, D)) for _ in range(2)]

    paired = [kid(*both(k), paired=True).value for k in range(400)]
    unpaired = [kid(*both(k)).value for k in range(400)]
    assert abs(np.mean(paired)) < 3 * np.std(paired) / 20
    assert np.mean(unpaired) < -10 * np.std(unpaired) / 20
    assert kid(draw(9, 0), draw(9, 0), paired=True).value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("paired", [False, True])
def test_standard_error_is_the_spread_over_draws(paired):
    def one(k):
        x = draw(60, 2 * k)
        y = 0.9 * x + np.sqrt(0.19) * draw(60, 2 * k + 1) if paired else draw(60, 2 * k + 1)
        return kid(x, y + 0.8, paired)

    found = [one(k) for k in range(300)]
    assert np.mean([estimate.error for estimate in found]) == pytest.approx(
        np.std([estimate.value for estimate in found]), rel=0.15
    )


def test_standard_error_is_the_spread_over_draws_of_equal_distributions():
    """Without the part of second order the error is about √2 times too large: the last assertion measures that."""
    pairs = []
    for k in range(200):
        rng = np.random.default_rng(k)
        pairs.append((rng.standard_normal((100, 64)), rng.standard_normal((150, 64))))
    estimates = [kid(x, y) for x, y in pairs]
    spread = np.std([estimate.value for estimate in estimates])
    assert np.mean([estimate.error for estimate in estimates]) == pytest.approx(spread, rel=0.15)
    uncorrected = [mmd2(within(x), within(y), *between(x, y)).error for x, y in pairs]
    assert np.mean(uncorrected) > 1.25 * spread


def test_the_part_of_second_order_is_the_variance_of_equal_distributions():
    expected = np.var([kid(draw(20, 2 * k), draw(30, 2 * k + 1)).value for k in range(1000)])
    assert np.mean([second_order(draw(20, 2 * k), draw(30, 2 * k + 1)) for k in range(300)]) == pytest.approx(
        expected, rel=0.3
    )


def test_refusals():
    x = draw(5, 0)
    with pytest.raises(UserError, match="at least 2"):
        kid(x[:1], x)
    with pytest.raises(UserError, match="cannot be paired"):
        kid(x, draw(6, 1), paired=True)
    broken = x.copy()
    broken[0, 0] = np.inf
    with pytest.raises(UserError, match="not finite"), np.errstate(invalid="ignore"):
        kid(x, broken)
