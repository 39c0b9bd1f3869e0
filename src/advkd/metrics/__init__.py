"""Measures computed from predictions, features and metrics.

What works on arrays of one's own has its name here; docs/library.md shows how it is used. The other modules serve the
pipeline: they know how a run's predictions and samples are stored.
"""

from advkd.lazy import attach

_OF_ARRAYS = [
    "CalibrationError",
    "ErrorRates",
    "FrechetDistance",
    "Interval",
    "KernelDistance",
    "McNemarTest",
    "SeedDifference",
    "TemperatureScaling",
    "calibration_error",
    "error_difference",
    "error_interval",
    "error_rates",
    "frechet_distance",
    "kernel_distance",
    "mcnemar",
    "scale_temperature",
    "seed_difference",
    "wrong",
]

__all__ = list(_OF_ARRAYS)
__getattr__, __dir__ = attach(__name__, dict.fromkeys(_OF_ARRAYS, f"{__name__}.arrays"))
