"""The digits of the metrics of one run, and of those that stand beside a table's metric, by their names."""

import re
from collections.abc import Mapping

from advkd.artifacts.measured import Measured, error_of_interval
from advkd.artifacts.number_format import DEFAULT_DECIMALS, format_estimate, format_measured
from advkd.artifacts.seed_results import IMAGE_INTERVALS

# The decimals of metrics without a known uncertainty: of those whose unit is large beside their differences.
DECIMALS = {"kid": 5, "kid_early": 5, "inter_kid": 5, "nll": 4, "f1": 3}
KID_ERROR = "kid_se"  # stands for "kid" in the name of a KID's standard error over images


def format_metrics(values: Mapping[str, float | None]) -> dict[str, str]:
    """Return the metrics of one run as text, by name in alphabetical order; those without a value are left out.

    Args:
        values: the `values` of metrics.json.
    """
    return {name: _format_metric(name, value, values) for name, value in sorted(values.items()) if value is not None}


def _format_metric(name: str, value: float, values: Mapping[str, float | None]) -> str:
    error = images_error(name, values)
    if error is not None:
        return format_measured(Measured(value, images_error=error))
    return format_estimate(value, error_for_digits(name, value, values), default_decimals(name))


def images_error(name: str, values: Mapping[str, float | None]) -> float | None:
    """Return the standard error over images of one of a run's metrics; None if it is unknown."""
    interval = IMAGE_INTERVALS.get(name, name)
    low, high = values.get(f"{interval}_low"), values.get(f"{interval}_high")
    if low is not None and high is not None:
        return error_of_interval(low, high)
    base, dot, suffix = name.partition(".")
    return values.get(f"{KID_ERROR}{dot}{suffix}") if base == "kid" else None


def error_for_digits(name: str, value: float, values: Mapping[str, float | None]) -> float | None:
    """Return the error that decides the digits of a metric that has no ± of its own; None if there is none.

    A standard error has two digits. The ends of an interval have the decimals of their metric, and so have the
    numbers of the best epoch, which are of the same images.
    """
    if name.partition(".")[0] == KID_ERROR:
        return value
    name = name.removeprefix("best.")
    own = re.sub(r"_(low|high)$", "", name)
    if f"{own}_low" in values and own not in IMAGE_INTERVALS.values():
        return images_error(own, values)
    for metric, interval in IMAGE_INTERVALS.items():
        if name in (metric, f"{interval}_low", f"{interval}_high"):
            return images_error(metric, values)
    return None


def default_decimals(name: str) -> int:
    """Return the decimals of a metric without a known uncertainty."""
    base = re.sub(r"_ts$|_ts_whole$", "", name.removeprefix("best.").partition(".")[0])
    return DECIMALS.get(base, DEFAULT_DECIMALS)
