import math

import pytest

from advkd.artifacts.measured import Measured, differ, measured, measured_kid
from advkd.artifacts.number_format import (
    decimals_of,
    format_difference,
    format_estimate,
    format_interval,
    format_measured,
)


@pytest.mark.parametrize(
    ("error", "decimals"),
    [(144, 0), (12, 0), (9.96, 0), (9.94, 1), (1.0, 1), (0.5, 2), (0.0996, 2), (0.0123, 3), (1e-9, 6), (math.inf, 4)],
)
def test_a_number_has_the_decimals_of_its_error_s_second_digit(error, decimals):
    assert decimals_of(error, published_decimals=4) == decimals


def test_the_published_decimals_count_only_without_an_error():
    for decimals in (0, 2, 3):
        assert format_measured(Measured(12.3456), decimals) == f"{12.3456:.{decimals}f}"
        assert format_measured(Measured(12.3456, 0.4, 4), decimals) == "12.35 ± 0.40"
        assert format_measured(Measured(12.3456, 0.0, 4), decimals) == f"{12.3456:.{decimals}f} ± {0:.{decimals}f}"


def test_a_kid_is_no_more_precise_than_its_error_over_images():
    row = {"metric": "fid.G1", "kid_mean": 0.19793, "kid_std": None, "kid_n": 1, "kid_se_mean": 0.144}
    assert format_measured(measured_kid(row)) == "198 ± 144§"
    over_seeds = {**row, "kid_std": 0.0021, "kid_n": 3}
    assert format_measured(measured_kid(over_seeds)) == "198 ± 2", "the reals are the same for all seeds"
    assert format_measured(measured_kid({**over_seeds, "kid_se_mean": 0.0001})) == "197.9 ± 2.1"


def test_no_number_is_a_dash_and_counts_in_thousands_have_a_comma():
    assert format_measured(measured({"status": "not run"})) == "–"
    assert format_measured(Measured(1234.5, None, 1, 20.0)) == "1,234 ± 20§"
    assert format_estimate(0.12345, 0.02) == "0.123" and format_estimate(0.12345, None) == "0.12"


def test_a_difference_and_its_interval_share_the_decimals_of_their_error():
    assert format_difference(1.2345, 0.5) == "+1.23" and format_interval((-0.0123, 2.4567), 0.5) == "-0.01 to +2.46"
    assert format_difference(-1234.5, 144) == "-1,234" and format_interval((20.06, 21.1), 1.5, False) == "20.1 to 21.1"


def test_a_difference_counts_beyond_its_error():
    """Welch for 3 and 3 seeds with equal spreads s: t = 2.776 of 4 degrees, so that 2.776 s √(2/3) = 2.267 s."""
    first = Measured(10.0, 1.0, 3)
    assert differ(first, Measured(12.26, 1.0, 3)) is False and differ(first, Measured(12.28, 1.0, 3)) is True
    one = Measured(10.0, None, 1, 1.0)
    assert differ(one, Measured(12.77, None, 1, 1.0)) is False and differ(one, Measured(12.78, None, 1, 1.0)) is True
    assert differ(Measured(10.0), Measured(99.0)) is None and differ(first, Measured(99.0)) is None
