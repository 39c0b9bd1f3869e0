"""Kernel Inception Distance (Bińkowski et al. 2018): the unbiased MMD² with the kernel k(x, y) = (x·y/d + 1)³.

The usual implementations average over 100 subsets of 1,000 images. Here every pair of images enters once (the
U-statistic of all images), which has the same mean and a lower variance. Kernel matrices are computed in blocks and
reduced to the mean kernel of each image with the others, so memory does not grow with the number of pairs. All sums are
in float64.
"""

from typing import NamedTuple

import numpy as np

from advkd.errors import UserError

BLOCK = 2048  # rows and columns of the kernel matrix that are in memory at a time
SAMPLE = 2048  # images of a side from which `second_order` is estimated


class Estimate(NamedTuple):
    """An MMD² and its standard error.

    The error counts terms of first and second order in 1/n. That of a paired estimate lacks the correction of
    `second_order`: where the distributions are equal, it is about √2 times too large.
    """

    value: float
    error: float


def kid(x: np.ndarray, y: np.ndarray, paired: bool = False) -> Estimate:
    """Return the unbiased MMD² between two sets of features; its mean is 0 for equal distributions.

    Args:
        x: features (n, d) of one side.
        y: features (m, d) of the other.
        paired: whether x[i] and y[i] come from the same noise (n = m). The kernel between those two is then left out,
            as is the kernel of an image with itself. With it, two similar generators would look closer than they are.

    Raises:
        UserError: fewer than two vectors on a side, sides of unequal size although paired, or a value that is not
            finite.
    """
    return mmd2(within(x), within(y), *between(x, y, paired), paired, 0.0 if paired else second_order(x, y))


def within(x: np.ndarray) -> np.ndarray:
    """Return the mean kernel (n,) of each feature vector of x (n, d) with the others."""
    if len(x) < 2:
        raise UserError(f"KID needs at least 2 images a side, not {len(x)}")
    return _sums(x, x, skip_diagonal=True)[0] / (len(x) - 1)


def between(x: np.ndarray, y: np.ndarray, paired: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean kernel (n,) of each vector of x with those of y, and (m,) of each of y with those of x.

    If paired, the kernels of x[i] with y[i] are left out.
    """
    if paired and len(x) != len(y):
        raise UserError(f"{len(x)} images cannot be paired with {len(y)}")
    rows, columns = _sums(x, y, skip_diagonal=paired)
    skipped = int(paired)
    return rows / (len(y) - skipped), columns / (len(x) - skipped)


def second_order(x: np.ndarray, y: np.ndarray) -> float:
    """Return the part of the variance of MMD² that is of second order in 1/n, for unpaired x (n, d) and y (m, d).

    It is all that is left where the distributions are equal. It follows from the mean squares of the kernels from
    which the means of their rows and columns are taken away. These are estimated without bias, from at most the first
    `SAMPLE` images of a side. 0 where a side has fewer than 4 images.
    """
    if min(len(x), len(y)) < 4:
        return 0.0
    n, m = len(x), len(y)
    first, second = x[:SAMPLE].astype(np.float64), y[:SAMPLE].astype(np.float64)
    of_x, of_y = _interaction_within(first), _interaction_within(second)
    return 2 * of_x / (n * (n - 1)) + 2 * of_y / (m * (m - 1)) + 4 * _interaction_between(first, second) / (n * m)


def _interaction_within(x: np.ndarray) -> float:
    """Return the mean square of the kernel of two images without its means (Székely and Rizzo 2014, U-centring)."""
    n = len(x)
    kernel = (x @ x.T / x.shape[1] + 1) ** 3
    np.fill_diagonal(kernel, 0)
    rows = kernel.sum(axis=0)
    kernel -= rows / (n - 2)
    kernel -= rows[:, None] / (n - 2)
    kernel += rows.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(kernel, 0)
    return max(float(np.square(kernel).sum() / (n * (n - 3))), 0.0)


def _interaction_between(x: np.ndarray, y: np.ndarray) -> float:
    """Return the mean square of the kernel of an image of x and one of y without its means."""
    kernel = (x @ y.T / x.shape[1] + 1) ** 3
    kernel -= kernel.mean(axis=0)
    kernel -= kernel.mean(axis=1)[:, None]
    return float(np.square(kernel).sum() / ((len(x) - 1) * (len(y) - 1)))


def mmd2(
    xx: np.ndarray, yy: np.ndarray, xy: np.ndarray, yx: np.ndarray, paired: bool = False, second_order: float = 0.0
) -> Estimate:
    """Return the MMD² from mean kernels.

    A caller that compares one set with several others computes its `within` once.

    Args:
        xx: `within` of x, (n,).
        yy: `within` of y, (m,).
        xy: first result of `between(x, y)`, (n,).
        yx: second result of `between(x, y)`, (m,).
        paired: as for `kid`.
        second_order: the result of the function `second_order`.

    Raises:
        UserError: the result is not finite.
    """
    value = xx.mean() + yy.mean() - 2 * xy.mean()
    # Hoeffding's projection: what one image adds to the statistic, up to a constant and the factor 2 below.
    of_x, of_y = xx - xy, yy - yx
    if paired:  # the two images of a pair are dependent, different pairs are not
        variance = (of_x + of_y).var(ddof=1) / len(xx)
    else:
        variance = of_x.var(ddof=1) / len(xx) + of_y.var(ddof=1) / len(yy)
    if not np.isfinite(value):
        raise UserError("KID is not finite: the features hold NaN or infinite values")
    # The variance of the estimated projections holds that of second order twice. The rest is of first order.
    return Estimate(float(value), float(np.sqrt(max(4 * variance - second_order, second_order))))


def _sums(x: np.ndarray, y: np.ndarray, skip_diagonal: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the row sums (n,) and column sums (m,) of the kernel matrix of x (n, d) and y (m, d).

    If x and y are the same array, only the upper half of the symmetric matrix is computed.
    """
    symmetric = x is y
    rows = np.zeros(len(x))
    columns = rows if symmetric else np.zeros(len(y))
    for i in range(0, len(x), BLOCK):
        left = x[i : i + BLOCK].astype(np.float64)
        for j in range(i if symmetric else 0, len(y), BLOCK):
            kernel = left @ y[j : j + BLOCK].astype(np.float64).T
            kernel /= x.shape[1]
            kernel += 1
            kernel *= kernel * kernel
            if skip_diagonal and i == j:
                np.fill_diagonal(kernel, 0)
            rows[i : i + BLOCK] += kernel.sum(axis=1)
            # A block above the diagonal stands for its mirror image too, whose row sums are its column sums.
            if not (symmetric and i == j):
                columns[j : j + BLOCK] += kernel.sum(axis=0)
    return rows, columns
