"""Kernel Inception Distance (Bińkowski et al. 2018): the unbiased MMD² with the kernel k(x, y) = (x·y/d + 1)³.

The usual tools average 100 subsets of 1,000 images; here every pair of images enters once (the full-sample
U-statistic), which has the same mean and less variance. Kernel matrices are made in blocks and reduced to the mean
kernel of each image with the others, so memory does not grow with the number of pairs. float64 throughout.
"""

from typing import NamedTuple

import numpy as np

from advkd.errors import UserError

BLOCK = 2048


class Estimate(NamedTuple):
    """An MMD² and its standard error, to first order in 1/n."""

    value: float
    error: float


def kid(x: np.ndarray, y: np.ndarray, paired: bool = False) -> Estimate:
    """Return the unbiased MMD² between features (n, d) and (m, d); it scatters around 0 for equal distributions.

    `paired` says that x[i] and y[i] come from the same noise (n = m): the kernel between the two is then left out, as
    that of an image with itself is, without which two generators that agree would look closer than they are.

    Raises:
        UserError: fewer than two vectors on a side, unequal sides where paired, or a value that is not finite.
    """
    return mmd2(within(x), within(y), *between(x, y, paired), paired)


def within(x: np.ndarray) -> np.ndarray:
    """Return (n,): the mean kernel of each of the feature vectors (n, d) with the others."""
    if len(x) < 2:
        raise UserError(f"KID needs at least 2 images a side, not {len(x)}")
    return _sums(x, x, skip_diagonal=True)[0] / (len(x) - 1)


def between(x: np.ndarray, y: np.ndarray, paired: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return (n,) and (m,): the mean kernel of each x with the y and of each y with the x, without i = i if paired."""
    if paired and len(x) != len(y):
        raise UserError(f"{len(x)} images cannot be paired with {len(y)}")
    rows, columns = _sums(x, y, skip_diagonal=paired)
    return rows / (len(y) - paired), columns / (len(x) - paired)


def mmd2(xx: np.ndarray, yy: np.ndarray, xy: np.ndarray, yx: np.ndarray, paired: bool = False) -> Estimate:
    """Combine mean kernels `within` both sides and `between` them; for whoever uses one of them several times."""
    value = xx.mean() + yy.mean() - 2 * xy.mean()
    # Hoeffding's projection: what one image adds to the statistic, beyond its expectation.
    of_x, of_y = xx - xy, yy - yx
    variance = (
        (of_x + of_y).var(ddof=1) / len(xx) if paired else of_x.var(ddof=1) / len(xx) + of_y.var(ddof=1) / len(yy)
    )
    if not np.isfinite(value):
        raise UserError("KID is not finite: the features hold NaN or infinite values")
    return Estimate(float(value), float(2 * np.sqrt(variance)))


def _sums(x: np.ndarray, y: np.ndarray, skip_diagonal: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and column sums of the kernel matrix; where x is y, only its upper half is computed."""
    symmetric = x is y
    rows = np.zeros(len(x))
    columns = rows if symmetric else np.zeros(len(y))
    for i in range(0, len(x), BLOCK):
        left = x[i : i + BLOCK].astype(np.float64)
        for j in range(i if symmetric else 0, len(y), BLOCK):
            tile = left @ y[j : j + BLOCK].astype(np.float64).T
            tile /= x.shape[1]
            tile += 1
            tile *= tile * tile
            if skip_diagonal and i == j:
                np.fill_diagonal(tile, 0)
            rows[i : i + BLOCK] += tile.sum(axis=1)
            if not (symmetric and i == j):
                columns[j : j + BLOCK] += tile.sum(axis=0)
    return rows, columns
