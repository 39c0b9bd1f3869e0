import numpy as np
import pytest
import scipy
from pytorch_fid.fid_score import calculate_frechet_distance
from scipy.stats import special_ortho_group

from advkd.errors import UserError
from advkd.metrics import frechet
from advkd.metrics.frechet import (
    CovarianceGaussian,
    RootGaussian,
    fid_infinity,
    fit_gaussian,
    frechet_distance,
    with_root,
)

D = 24
# More vectors than dimensions, fewer, and one of each, on the real and the fake side.
SHAPES = [(60, 80), (9, 14), (60, 14), (9, 80)]


def draw(n, d=D, seed=0, decay=1.0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, d)) @ rng.standard_normal((d, d))) * np.arange(1, d + 1) ** -decay + 0.3


def by_eigenvalues(x, y):
    """The definition, through the nonsymmetric eigenvalues of AB."""
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    roots = np.sqrt(np.linalg.eigvals(a @ b).astype(complex)).real
    return np.square(x.mean(0) - y.mean(0)).sum() + np.trace(a) + np.trace(b) - 2 * roots.sum()


def fid(x, y):
    return frechet_distance(fit_gaussian(x), fit_gaussian(y))


@pytest.mark.skipif(
    tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 18), reason="pytorch-fid needs sqrtm's removed argument"
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_agrees_with_pytorch_fid():
    x, y = draw(400, 64, seed=1), draw(900, 64, seed=2)
    expected = calculate_frechet_distance(x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False))
    assert fid(x, y) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_agrees_with_the_definition_at_every_rank(n, m):
    x, y = draw(n, seed=1), draw(m, seed=2)
    assert fid(x, y) == pytest.approx(by_eigenvalues(x, y), rel=1e-6)
    assert frechet_distance(with_root(fit_gaussian(x)), fit_gaussian(y)) == pytest.approx(fid(x, y), rel=1e-6)


@pytest.mark.parametrize("m", [5, 14])
def test_low_rank_route_agrees_with_the_covariance_route(m):
    x, y = draw(60, seed=1), draw(m, seed=2)
    low = fit_gaussian(y)
    full = CovarianceGaussian(low.mean, m, np.cov(y, rowvar=False))
    assert isinstance(low, RootGaussian)
    assert frechet_distance(fit_gaussian(x), low) == pytest.approx(frechet_distance(fit_gaussian(x), full), rel=1e-6)


def test_diagonal_covariances():
    rng = np.random.default_rng(0)
    a, b, difference = rng.uniform(0.1, 5, D), rng.uniform(0.1, 5, D), rng.standard_normal(D)
    real = CovarianceGaussian(np.zeros(D), 100, np.diag(a))
    fake = CovarianceGaussian(difference, 100, np.diag(b))
    expected = np.square(difference).sum() + np.square(np.sqrt(a) - np.sqrt(b)).sum()
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-12)


def test_identity_covariances_and_means_zero_and_one_as_in_pytorch_fids_test():
    real = RootGaussian(np.zeros(256), 1000, np.eye(256))
    fake = CovarianceGaussian(np.ones(256), 1000, np.eye(256))
    assert frechet_distance(real, fake) == pytest.approx(256, rel=1e-12)


@pytest.mark.parametrize("n", [60, 9])
def test_shift_scale_and_equality_are_exact_for_finite_samples(n):
    x = draw(n)
    trace = np.cov(x, rowvar=False).trace()
    shift = np.linspace(-1, 2, D)
    assert fid(x, x + shift) == pytest.approx(np.square(shift).sum(), rel=1e-5)
    assert fid(x, 1.7 * x) == pytest.approx(0.49 * (np.square(x.mean(0)).sum() + trace), rel=1e-6)
    assert 0 <= fid(x, x) < 1e-6 * trace


@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_symmetric_and_invariant_under_rotation(n, m):
    x, y = draw(n, seed=1), draw(m, seed=2)
    rotation = special_ortho_group.rvs(D, random_state=3)
    assert fid(y, x) == pytest.approx(fid(x, y), rel=1e-7)
    assert fid(x @ rotation, y @ rotation) == pytest.approx(fid(x, y), rel=1e-7)


def test_mean_and_covariance_are_numpys_also_across_blocks_and_from_float32(monkeypatch):
    monkeypatch.setattr(frechet, "BLOCK", 13)
    x = draw(60).astype(np.float32)
    found = fit_gaussian(x)
    assert found.covariance.dtype == np.float64
    np.testing.assert_allclose(found.mean, x.astype(np.float64).mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(x.astype(np.float64), rowvar=False), rtol=1e-9, atol=1e-12)
    root = with_root(found).root
    np.testing.assert_allclose(root @ root.T, found.covariance, atol=1e-12 * found.trace)
    assert with_root(found).trace == pytest.approx(found.trace, rel=1e-12)


def test_a_root_is_kept_where_the_covariance_is_singular():
    assert isinstance(fit_gaussian(draw(D)), RootGaussian)
    assert isinstance(fit_gaussian(draw(D + 1)), CovarianceGaussian)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_root_leaves_out_directions_without_variance_at_any_scale(scale):
    rotation = special_ortho_group.rvs(D, random_state=0)
    variances = scale * np.array([1, 1e-4, 1e-8] + [0] * (D - 3))
    covariance = rotation @ np.diag(variances) @ rotation.T
    root = with_root(CovarianceGaussian(np.zeros(D), 100, (covariance + covariance.T) / 2)).root
    assert root.shape == (D, 3)
    np.testing.assert_allclose(root @ root.T, covariance, atol=1e-14 * scale)


def test_dead_and_duplicated_features_are_harmless():
    x, y = draw(60, seed=1), draw(80, seed=2)
    pad = [(0, 0), (0, 5)]
    assert fid(np.pad(x, pad), np.pad(y, pad)) == pytest.approx(fid(x, y), rel=1e-6)
    # A feature given twice counts √2 times in both sets.
    weights = np.ones(D)
    weights[3] = np.sqrt(2)
    twice = fid(np.c_[x, x[:, 3]], np.c_[y, y[:, 3]])
    assert twice == pytest.approx(fid(x * weights, y * weights), rel=1e-6)


def test_flat_images_have_no_covariance_and_only_a_distance_of_means():
    x, y = np.full((30, D), 0.5), np.full((30, D), 2.0)
    assert fid(x, y) == pytest.approx(D * 1.5**2)


def test_rounding_below_zero_is_zero():
    slightly_indefinite = CovarianceGaussian(np.zeros(2), 9, np.diag([1.0, -1e-9]))
    assert frechet_distance(CovarianceGaussian(np.zeros(2), 9, np.diag([1.0, 0])), slightly_indefinite) == 0


def test_refusals():
    x = draw(30)
    with pytest.raises(UserError, match="at least 2 images"):
        fit_gaussian(x[:1])
    broken = x.copy()
    broken[4, 7] = np.nan
    with pytest.raises(UserError, match=f"not finite in 1 of {D} dimensions"):
        fit_gaussian(broken)
    with pytest.raises(UserError, match="24 dimensions cannot be compared with 23"):
        fid(x, x[:, 1:])
    with pytest.raises(ArithmeticError, match="negative"):
        indefinite = CovarianceGaussian(np.zeros(2), 9, np.diag([1.0, -3.0]))
        frechet_distance(CovarianceGaussian(np.zeros(2), 9, np.eye(2)), indefinite)


def test_fid_infinity_removes_the_bias_of_the_fakes_number():
    d, n = 48, 800
    rng = np.random.default_rng(0)
    scale = np.arange(1, d + 1) ** -0.4
    real = fit_gaussian(rng.standard_normal((500, d)) * scale)
    true = frechet_distance(real, CovarianceGaussian(np.zeros(d), 10**9, np.diag(1.5 * scale**2)))
    plain, extrapolated = [], []
    for _ in range(12):
        fakes = rng.standard_normal((n, d)) * scale * np.sqrt(1.5)
        plain.append(frechet_distance(real, fit_gaussian(fakes)) - true)
        extrapolated.append(fid_infinity(real, fakes, 0) - true)
    assert np.mean(plain) > 5 * np.std(plain) / np.sqrt(12)
    assert abs(np.mean(extrapolated)) < 0.25 * np.mean(plain)


@pytest.mark.parametrize(("n", "start"), [(300, 150), (301, 150), (12_000, 5000)])
def test_fid_infinity_takes_fifteen_evenly_spaced_sizes(monkeypatch, n, start):
    sizes = []
    monkeypatch.setattr(frechet, "fit_gaussian", lambda features: sizes.append(len(features)) or fit_gaussian(features))
    fid_infinity(fit_gaussian(draw(50, 2)), draw(n, 2, seed=1), 0)
    assert (len(sizes), sizes[0], sizes[-1]) == (15, start, n)
    assert np.ptp(np.diff(sizes)) <= 1
    assert sizes == np.linspace(start, n, 15).astype(int).tolist()


def test_fid_infinity_shuffles_reproducibly_and_accepts_three_images():
    real, fakes = fit_gaussian(draw(100)), draw(2000, seed=1)
    plain = frechet_distance(real, fit_gaussian(fakes))
    ordered = fakes[np.argsort(fakes[:, 0])]
    assert fid_infinity(real, ordered, 1) == fid_infinity(real, ordered, 1) != fid_infinity(real, ordered, 2)
    assert fid_infinity(real, ordered, 1) == pytest.approx(plain, rel=0.1)
    # In order, the halves' distances say something else altogether.
    assert frechet_distance(real, fit_gaussian(ordered[:1000])) > 1.3 * plain
    assert np.isfinite(fid_infinity(real, fakes[:3], 0))
    with pytest.raises(UserError, match="at least 3"):
        fid_infinity(real, fakes[:2], 0)
