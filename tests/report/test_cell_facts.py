"""The facts about a cell: above all, of what each ± is."""

import pytest

from advkd.artifacts.measured import Measured
from advkd.report.content.cell_facts import describe_companion, describe_spread

GAN = {"kind": "run", "metric": "fid.G1", "decimals": "2", "mean": 16.0, "kid_mean": 0.02, "kid_n": 1, "n": 1,
       "std": None, "kid_std": None, "kid_se_mean": 0.01}  # fmt: skip
META = {"features": "inception", "rank_deficient": False, "fid_leads": True}
ACCURACY = {"kind": "run", "metric": "accuracy", "mean": 60.0, "n": 1, "std": None}


@pytest.mark.parametrize(
    ("row", "spread"),
    [
        ({**GAN, "meta": META}, "FID: unknown: one seed; KID×10³: standard error over images (§): one seed"),
        (
            {**GAN, "meta": {**META, "features": "efficientnet_lite0", "fid_leads": False}, "std": 1.0, "n": 3},
            "KID×10³: standard error over images (§): one seed; Fréchet*: sample standard deviation over 3 seeds",
        ),
        ({**GAN, "metric": "inter_kid.final", "meta": META, "std": 1.0, "n": 2},
         "KID×10³: sample standard deviation over 2 seeds"),
        (ACCURACY, "unknown: one seed"),
        ({**ACCURACY, "images_error": 4.8}, "standard error over images (§): one seed"),
        ({**ACCURACY, "std": 1.0, "n": 3, "images_error": 4.8}, "sample standard deviation over 3 seeds"),
        ({**ACCURACY, "kind": "ratio", "std": 1.0, "n": 3, "images_error": 4.8},
         "sample standard deviation over 3 seeds"),
        ({**ACCURACY, "kind": "ratio", "images_error": 4.8},
         "standard error over images (§): one seed, of the student's accuracy alone"),
        ({**ACCURACY, "kind": "ratio"}, "unknown: one seed"),
        ({**ACCURACY, "kind": "data"}, ""),
        ({"kind": "run", "metric": "accuracy"}, ""),
        ({"kind": "ratio", "metric": "restored_ratio"}, ""),
    ],
)  # fmt: skip
def test_each_measure_says_of_what_its_spread_is(row, spread):
    assert describe_spread(row) == spread


def test_what_stands_beside_a_number_has_the_digits_of_its_own_error():
    means = {"accuracy": 60.0, "accuracy_low": 50.0, "accuracy_high": 70.0, "kid": 0.2, "kid_se": 0.144}
    assert describe_companion("accuracy_low", Measured(50.0), means) == "50.0"
    assert describe_companion("best.accuracy", Measured(61.234), means) == "61.2"
    assert describe_companion("kid", Measured(0.19793), means) == "0.20 ± 0.14§"
    assert describe_companion("kid_se", Measured(0.144), means) == "0.14"
    assert describe_companion("nll", Measured(1.23456), means) == "1.2346"
    assert describe_companion("best.accuracy", Measured(61.234, 0.5, 4), means) == "61.23 ± 0.50"
    assert describe_companion("kid_se", Measured(0.0358726, 0.0, 2), means) == "0.036 ± 0.000"
