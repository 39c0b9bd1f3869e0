"""Numbers as tables, figures, the page, the PDF, `advkd explain` and claims show them.

How many decimals a number has follows from its uncertainty, not from the published number:

- The uncertainty is the standard error over seeds or the one over images, whichever is larger.
- It is rounded to two significant digits, and the number to the same decimal. No number has more than 6 decimals, and
  none is rounded before the decimal point.
- Where no uncertainty is known, a number has as many decimals as the published one.

What stands behind ± is the sample standard deviation over seeds, as in the papers. A number of a single seed has the
standard error over images there, followed by §, where that error is known. The CSV files hold all digits.

Not rounded by an uncertainty are: published numbers, which stand as printed; counts and settings, which are exact; the
statistics of a test (`format_statistic`, `format_p`); and readings of one training without an error, as in its log, its
learning curves and figures, where digits say what was computed and not what another training would give.
"""

import math

from advkd.artifacts.measured import Measured

NOTHING = "–"  # where there is no number
OVER_IMAGES = "§"  # behind a ± that is a standard error over images
MOST_DECIMALS = 6  # the values in the CSV have six digits
DEFAULT_DECIMALS = 2  # of a number without an uncertainty and without a published number


def format_measured(number: Measured | None, published_decimals: int = DEFAULT_DECIMALS) -> str:
    """Return a number of ours as text, followed by ± and its spread if that is known; a dash without a number.

    Args:
        number: the number, or None.
        published_decimals: the decimals of the published number, which apply where no uncertainty is known.
    """
    if number is None:
        return NOTHING
    decimals = decimals_of(number.error, published_decimals)
    if number.std is not None:
        return f"{number.mean:,.{decimals}f} ± {number.std:.{decimals}f}"
    if number.images_error is not None:
        return f"{number.mean:,.{decimals}f} ± {number.images_error:.{decimals}f}{OVER_IMAGES}"
    return f"{number.mean:,.{decimals}f}"


def format_estimate(value: float, error: float | None, published_decimals: int = DEFAULT_DECIMALS) -> str:
    """Return a number with the decimals that its standard error allows, without the error."""
    return f"{value:,.{decimals_of(error, published_decimals)}f}"


def format_difference(value: float, error: float | None, published_decimals: int = DEFAULT_DECIMALS) -> str:
    """Return a difference with its sign and the decimals that its standard error allows, without the error."""
    return f"{value:+,.{decimals_of(error, published_decimals)}f}"


def format_interval(ends: tuple[float, float], error: float, signed: bool = True) -> str:
    """Return the ends of an interval as text, with the decimals that the estimate's standard error allows.

    Args:
        ends: the lower and the upper end.
        error: the standard error of the estimate. If it is 0, the ends have the decimals of a number without one.
        signed: whether the ends have a sign, as those of a difference.
    """
    write = format_difference if signed else format_estimate
    low, high = (write(end, error) for end in ends)
    return f"{low} to {high}"


def format_statistic(value: float) -> str:
    """Return t or an effect size, which are in units of an error or of a deviation already."""
    return f"{value:.2f}"


def format_p(p: float) -> str:
    """Return a p-value, of which two significant digits are enough."""
    return f"{p:.2g}"


def format_count(count: float | None) -> str:
    """Return a count as text; a dash without one."""
    return NOTHING if count is None else f"{count:,.0f}"


def decimals_of(error: float | None, published_decimals: int) -> int:
    """Return the decimals of a number with a standard error: those of the error's second significant digit.

    Args:
        error: the standard error; None if it is unknown. An error of 0 says nothing about the digits either.
        published_decimals: the decimals where the error says nothing.
    """
    if not error or not math.isfinite(error):
        return published_decimals
    exponent = int(f"{error:.1e}".partition("e")[2])  # of the rounded error: 0.0996 has the digits of 0.10
    return min(max(1 - exponent, 0), MOST_DECIMALS)


def format_published(mean: str, std: str) -> str:
    """Return a published number as text; a dash where nothing is printed.

    Args:
        mean: the number as printed; empty if none is printed.
        std: its standard deviation as printed; empty if none is printed.
    """
    if std:
        return f"{mean} ± {std}"
    return mean or NOTHING
