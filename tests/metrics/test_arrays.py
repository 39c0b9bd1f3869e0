"""The measures for arrays of one's own, against scikit-learn, SciPy, plain formulas and the pipeline's own numbers."""

import doctest
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import linalg, stats
from sklearn import metrics as sklearn_metrics

from advkd import metrics
from advkd.errors import UserError
from advkd.metrics import arrays, classification

RNG = np.random.default_rng(0)
LABELS = np.arange(120) % 6
LOGITS = 3 * RNG.normal(size=(120, 6)) + 2 * np.eye(6)[LABELS]


def test_the_examples_of_the_docstrings():
    examples = doctest.testmod(arrays, extraglobs={"np": np})
    assert examples.failed == 0 and examples.attempted == Path(arrays.__file__).read_text().count(">>> ")


def test_every_number_is_the_pipeline_s():
    values = classification.evaluate(LABELS, LOGITS, LOGITS)["values"]
    rates = metrics.error_rates(LOGITS, LABELS)
    assert rates.images == 120 and rates.f1 == values["f1"]
    for rate, name in ((rates.top1, "top1"), (rates.top5, "top5")):
        expected = [values[f"{name}_error"], values[f"{name}_low"], values[f"{name}_high"]]
        assert [rate.estimate, rate.low, rate.high] == pytest.approx(expected, abs=1e-9) and rate.level == 0.95
    found = metrics.calibration_error(LOGITS, LABELS)
    assert (found.ece, found.nll) == (values["ece"], values["nll"])
    assert metrics.calibration_error(LOGITS, LABELS, bins=15).ece == values["ece15"]
    whole = metrics.scale_temperature(LOGITS, LABELS)
    assert whole.temperature == values["temperature_whole"] and whole.after.ece == values["ece_ts_whole"]
    fitted = metrics.scale_temperature(LOGITS, LABELS, cross_fit=True)
    assert (fitted.temperature, fitted.after.ece) == (values["temperature"], values["ece_ts"])
    assert fitted.after.nll == values["nll_ts"]
    for before in (fitted.before, whole.before):
        assert (before.ece, before.nll, list(before.bins.count)) == (found.ece, found.nll, list(found.bins.count))


def test_errors_against_scikit_learn():
    rates = metrics.error_rates(LOGITS, LABELS)
    predicted = LOGITS.argmax(1)
    assert rates.top1.estimate == pytest.approx(100 * (1 - sklearn_metrics.accuracy_score(LABELS, predicted)))
    assert rates.top5.estimate == pytest.approx(100 * (1 - sklearn_metrics.top_k_accuracy_score(LABELS, LOGITS, k=5)))
    assert rates.f1 == pytest.approx(sklearn_metrics.f1_score(LABELS, predicted, average="macro"))
    assert np.array_equal(metrics.wrong(LOGITS, LABELS), predicted != LABELS)
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    assert metrics.calibration_error(LOGITS, LABELS).nll == pytest.approx(sklearn_metrics.log_loss(LABELS, p))


def test_a_fitted_temperature_is_the_lowest_nll_of_a_grid():
    scaling = metrics.scale_temperature(LOGITS, LABELS)
    grid = np.geomspace(0.2, 20, 400)
    nll = [metrics.calibration_error(LOGITS / t, LABELS).nll for t in grid]
    assert scaling.after.nll <= min(nll) and abs(math.log(grid[int(np.argmin(nll))] / scaling.temperature)) < 0.02
    assert scaling.after.nll == metrics.calibration_error(LOGITS / scaling.temperature, LABELS).nll


def test_frechet_distance_against_the_closed_form_with_a_matrix_root():
    x, y = RNG.normal(size=(40, 4)), RNG.normal(size=(60, 4)) @ RNG.normal(size=(4, 4)) + 1
    a, b = np.cov(x.T), np.cov(y.T)
    expected = np.square(x.mean(0) - y.mean(0)).sum() + np.trace(a + b - 2 * linalg.sqrtm(a @ b).real)
    found = metrics.frechet_distance(x, y)
    assert found.distance == pytest.approx(expected, rel=1e-8)
    assert (found.n_real, found.n_fake, found.rank_deficient) == (40, 60, False)
    assert metrics.frechet_distance(x[:4], y).rank_deficient


def test_kernel_distance_against_all_pairs():
    x, y = RNG.normal(size=(8, 3)), RNG.normal(size=(9, 3)) + 0.3

    def k(a, b):
        return (a @ b / 3 + 1) ** 3

    within = [np.mean([k(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j]) for s in (x, y)]
    between = np.mean([k(a, b) for a in x for b in y])
    found = metrics.kernel_distance(x, y)
    assert found.distance == pytest.approx(sum(within) - 2 * between) and found.error > 0
    paired = metrics.kernel_distance(x, y[:8], paired=True)
    assert paired.distance != metrics.kernel_distance(x, y[:8]).distance


def test_mcnemar_and_the_paired_interval():
    first, second = RNG.random(400) < 0.3, RNG.random(400) < 0.2
    test = metrics.mcnemar(first, second)
    only = (int((first & ~second).sum()), int((second & ~first).sum()))
    assert (test.only_first_wrong, test.only_second_wrong) == only
    assert test.p == pytest.approx(stats.binomtest(only[0], sum(only)).pvalue)
    interval = metrics.error_difference(first, second, level=0.9)
    resampled = RNG.integers(400, size=(4000, 400))
    differences = 100 * (first[resampled].mean(1) - second[resampled].mean(1))
    assert interval.estimate == pytest.approx(100 * (first.mean() - second.mean()))
    assert [interval.low, interval.high] == pytest.approx(np.quantile(differences, [0.05, 0.95]), abs=0.6)
    alone = metrics.error_interval(first)
    assert alone.low < 100 * first.mean() < alone.high and alone.level == 0.95


def test_seed_difference_against_scipy():
    first, second = [21.3, 21.9, 20.8], [22.4, 22.1, 23.0, 22.6]
    found = metrics.seed_difference(first, second, level=0.9)
    welch = stats.ttest_ind(first, second, equal_var=False)
    low, high = welch.confidence_interval(0.9)
    assert found.p == pytest.approx(welch.pvalue)
    assert [found.difference.low, found.difference.high] == pytest.approx([low, high])
    assert found.hedges_g < 0
    alone = metrics.seed_difference([1.0], [2.0])
    assert (alone.p, alone.hedges_g, alone.difference.low) == (None, None, -math.inf)


def test_tensors_and_lists_are_arrays():
    logits, labels = torch.from_numpy(LOGITS).float(), torch.from_numpy(LABELS)
    assert metrics.error_rates(logits, labels) == metrics.error_rates(LOGITS.tolist(), LABELS.tolist())
    assert metrics.mcnemar(torch.tensor([True, False]), [False, False]).only_first_wrong == 1


NAN = np.where(np.arange(720).reshape(120, 6) == 5, np.nan, LOGITS)
REFUSED = {
    "other lengths": (lambda: metrics.wrong(LOGITS, LABELS[:9]), r"logits of shape \(120, 6\) and labels of shape"),
    "no classes": (lambda: metrics.error_rates(LOGITS[:, 0], LABELS), r"give \(M, C\) and \(M,\)"),
    "nothing": (lambda: metrics.error_rates(LOGITS[:0], LABELS[:0]), r"logits of shape \(0, 6\)"),
    "a class too many": (lambda: metrics.error_rates(LOGITS, LABELS + 1), "whole numbers from 0 to 5"),
    "fractions of classes": (lambda: metrics.error_rates(LOGITS, LABELS * 0.5), "whole numbers from 0 to 5"),
    "nan": (lambda: metrics.calibration_error(NAN, LABELS), "logits hold NaN or infinite values"),
    "no bins": (lambda: metrics.calibration_error(LOGITS, LABELS, 0), "bins is 0: give at least 1"),
    "one image": (lambda: metrics.scale_temperature([[0, 1]], [1], cross_fit=True), "one image has no two halves"),
    "a vector": (lambda: metrics.frechet_distance([1, 2], [[1], [2]]), r"real features of shape \(2,\): give \(n, d\)"),
    "other dimensions": (
        lambda: metrics.kernel_distance(np.eye(3), np.eye(3)[:, :2]), "real features have 3 dimensions, fake ones 2",
    ),
    "infinite features": (lambda: metrics.frechet_distance([[np.inf], [0]], [[0], [1]]), "not finite"),
    "answers that are predictions": (lambda: metrics.mcnemar([1, 2], [0, 1]), r"give bool \(M,\), True where wrong"),
    "other images": (lambda: metrics.mcnemar([True], [True, False]), "cannot be compared image by image"),
    "a level in %": (lambda: metrics.error_interval([True, False], 95), "level is 95: give a coverage between 0 and 1"),
    "no seeds": (lambda: metrics.seed_difference([], [1.0]), "give at least one, all of them finite"),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_arrays_that_do_not_fit_are_one_line(fault):
    use, message = REFUSED[fault]
    with pytest.raises(UserError, match=message) as refused:
        use()
    assert "\n" not in str(refused.value)
