"""Fréchet distance between Gaussians fitted to two sets of features (FID), in float64.

FID = |m_r - m_f|² + tr A + tr B - 2 tr (AB)^½ for means m and covariances A, B (Heusel et al. 2017; OKD-SAGAN, section
4). The last trace is computed without complex numbers, from a root R of a covariance, A = RRᵀ:

- It is the sum of the square roots of the eigenvalues of the symmetric matrix RᵀBR.
- With B = SSᵀ it is the sum of the singular values of RᵀS.

The centred features of a set with no more vectors than dimensions are such a root already. The root of the reals is
computed once and kept, so a distance costs two matrix products and one symmetric eigenvalue problem. pytorch-fid
computes a complex Schur form of AB instead.
"""

from dataclasses import dataclass

import numpy as np

from advkd.errors import UserError

BLOCK = 4096  # feature vectors that are converted to float64 at a time
NEGATIVE = 1e-3  # of the traces: a distance below minus this is a numerical failure, not rounding
SIZES = 15  # points of the line fitted to FID over 1/n (Chong and Forsyth 2020)
LARGEST_START = 5000


@dataclass(frozen=True, eq=False)
class CovarianceGaussian:
    """A Gaussian in d dimensions, fitted to n vectors and held by its covariance.

    mean: (d,). covariance: (d, d), divisor n - 1. Both float64.
    """

    mean: np.ndarray
    n: int
    covariance: np.ndarray

    @property
    def trace(self) -> float:
        """The trace of the covariance."""
        return float(np.trace(self.covariance))


@dataclass(frozen=True, eq=False)
class RootGaussian:
    """A Gaussian in d dimensions, fitted to n vectors and held by a root of its covariance.

    mean: (d,). root: (d, r), so that root @ root.T is the covariance (divisor n - 1). Both float64.
    """

    mean: np.ndarray
    n: int
    root: np.ndarray

    @property
    def trace(self) -> float:
        """The trace of the covariance."""
        return float(np.square(self.root).sum())


Gaussian = CovarianceGaussian | RootGaussian


def fit_gaussian(features: np.ndarray) -> Gaussian:
    """Fit a Gaussian to features (n, d) of any float type: held by its covariance if n > d, else by a root.

    Raises:
        UserError: fewer than two vectors, or a value that is not finite.
    """
    if features.ndim != 2 or len(features) < 2:
        raise UserError(f"features of shape {features.shape} have no covariance: give at least 2 images")
    n, d = features.shape
    mean = features.mean(axis=0, dtype=np.float64)
    if not np.isfinite(mean).all():
        raise UserError(f"features are not finite in {int((~np.isfinite(mean)).sum())} of {d} dimensions")
    if n <= d:
        return RootGaussian(mean, n, (features - mean).T / np.sqrt(n - 1))
    covariance = np.zeros((d, d))
    for start in range(0, n, BLOCK):
        centred = features[start : start + BLOCK] - mean
        covariance += centred.T @ centred
    return CovarianceGaussian(mean, n, covariance / (n - 1))


def with_root(gaussian: Gaussian) -> RootGaussian:
    """Return the same Gaussian held by a root of its covariance.

    Computing the root is the costly step of a distance; do it once for a Gaussian that enters several. Directions
    whose variance is only rounding are left out of the root.
    """
    if isinstance(gaussian, RootGaussian):
        return gaussian
    values, vectors = np.linalg.eigh(gaussian.covariance)
    # The bound of numpy.linalg.matrix_rank; eigh sorts the values, so the last is the largest.
    keep = values > len(values) * np.finfo(np.float64).eps * values[-1]
    return RootGaussian(gaussian.mean, gaussian.n, vectors[:, keep] * np.sqrt(values[keep]))


def frechet_distance(real: Gaussian, fake: Gaussian) -> float:
    """Return the squared Fréchet distance, >= 0, in squared units of the features.

    The distance is symmetric. It is fast where `real` is a `RootGaussian`.

    Raises:
        UserError: the two differ in their dimensions.
        ArithmeticError: the distance is negative by more than rounding explains.
    """
    if real.mean.shape != fake.mean.shape:
        raise UserError(f"features of {real.mean.size} dimensions cannot be compared with {fake.mean.size}")
    traces = real.trace + fake.trace
    distance = float(np.square(real.mean - fake.mean).sum() + traces - 2 * _trace_of_root(real, fake))
    if distance < -NEGATIVE * abs(traces):
        raise ArithmeticError(f"Fréchet distance {distance:g} is negative at traces of {traces:g}")
    return max(distance, 0.0)


def _trace_of_root(a: Gaussian, b: Gaussian) -> float:
    """Return tr (AB)^½ of the two covariances."""
    if isinstance(b, CovarianceGaussian):
        return _trace_from_eigenvalues(with_root(a).root, b.covariance)
    if isinstance(a, CovarianceGaussian):
        return _trace_from_eigenvalues(b.root, a.covariance)
    # Not the eigenvalues of a Gram matrix: the square root would lift their rounding from 1e-16 to 1e-8.
    return float(np.linalg.svd(a.root.T @ b.root, compute_uv=False).sum())


def _trace_from_eigenvalues(root: np.ndarray, covariance: np.ndarray) -> float:
    """Return tr (AB)^½ from a root R (d, r) of A and the covariance B (d, d)."""
    product = root.T @ covariance @ root
    values = np.linalg.eigvalsh((product + product.T) / 2)  # symmetric but for rounding
    return float(np.sqrt(values.clip(min=0)).sum())


def fid_infinity(real: Gaussian, features: np.ndarray, seed: int) -> float:
    """Extrapolate the distance to infinitely many fakes: the intercept of a line fitted to FID over 1/n.

    The method is Chong and Forsyth's (2020): 15 sizes n, linearly spaced from min(5000, half) to all of the shuffled
    `features` (n, d). It removes the bias of the number of fakes only; `real` stays as it is.

    FID is linear in 1/n only for n well above d. The sizes therefore start at half. dgm-eval starts at a tenth. On
    Gaussians of a known distance (d = 2,048, 10,000 fakes, spectrum k^-1.2, trace 100) the error is -0.36 for a start
    at a tenth, +0.03 for a start at half, and +0.98 for plain FID. Where n is not well above d, the intercept is too
    low and may be negative.

    Args:
        real: Gaussian of the reals.
        features: features of the fakes, (n, d).
        seed: seed of the fakes' order.

    Raises:
        UserError: fewer than 3 feature vectors.
    """
    n = len(features)
    sizes = np.unique(np.linspace(max(2, min(LARGEST_START, n // 2)), n, SIZES).astype(int))
    if len(sizes) < 2:
        raise UserError(f"FID cannot be extrapolated from {n} images: give at least 3")
    real = with_root(real)
    shuffled = np.random.default_rng(seed).permutation(features)
    distances = [frechet_distance(real, fit_gaussian(shuffled[:size])) for size in sizes]
    return float(np.polyfit(1 / sizes, distances, 1)[1])
