"""The metrics of one run have the digits that their errors allow, wherever people read them."""

import numpy as np
import pytest
from gip_runs import finish

from advkd.artifacts import metric_digits
from advkd.metrics import classification
from advkd.report import measure
from advkd.report.content import runs
from advkd.settings import config

KD = "gip/cifar10/resnet18/kd/seed0"


@pytest.fixture
def user(checkout):
    return config.user({"scale": "paper"})


def test_error_rates_have_the_digits_of_their_error_over_images():
    labels = np.arange(1000) % 10
    predicted = np.where(np.arange(1000) < 613, labels, (labels + 1) % 10)
    logits = np.eye(10)[predicted]
    found = metric_digits.format_metrics(classification.evaluate(labels, logits, logits)["values"])
    assert found["accuracy"] == "61.3 ± 1.5§" and found["top1_error"] == "38.7 ± 1.5§"  # √(0.613 0.387 / 1000)
    assert found["accuracy_low"] == "58.3" and found["best.accuracy"] == "61.3"
    assert found["f1"].partition(".")[2] == "613" and len(found["nll"].partition(".")[2]) == 4


def test_a_kid_has_the_digits_of_its_error_and_fid_has_two():
    values = {"kid.G1": 0.19793, "kid_se.G1": 0.144, "kid.G2": 0.19793, "kid_se.G2": 0.00123, "fid.G1": 16.02345,
              "inter_kid.final": 0.390769, "kid.floor": 0.0596, "kid_se.floor": 0.036, "fid.absent": None}  # fmt: skip
    assert metric_digits.format_metrics(values) == {
        "fid.G1": "16.02", "inter_kid.final": "0.39077", "kid.G1": "0.20 ± 0.14§", "kid.G2": "0.1979 ± 0.0012§",
        "kid.floor": "0.060 ± 0.036§", "kid_se.G1": "0.14", "kid_se.G2": "0.0012", "kid_se.floor": "0.036",
    }  # fmt: skip


def test_the_page_and_measure_show_the_same_digits(user):
    one = config.resolve(KD, user)
    finish(one, 60)
    shown = runs.metrics_in_words(one)
    text = measure.report(KD, None, user)
    assert shown["accuracy"] == "60.0 ± 4.8§" and "§: standard error over images" in text
    assert all(f"  {name:<18} {number}\n" in text for name, number in shown.items())


def test_a_difference_on_the_same_images_has_the_digits_of_its_error(user):
    for name, right in ((KD, 600), (KD.replace("/kd/", "/baseline/"), 570)):
        finish(config.resolve(name, user), right, images=1000)
    text = measure.report(KD, KD.replace("/kd/", "/baseline/"), user)
    assert "  difference         -3.00 points, 95 % interval over images -4.10 to -2.00\n" in text
