"""The generator's losses against closed forms in float64 numpy."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from classifiers import probabilities
from hypothesis import given, settings
from hypothesis import strategies as st

from advkd.methods import generator_losses
from advkd.methods.observed import Statistics

FORMS = ["code", "equation"]
SEEDS = st.integers(0, 2**31)


def logits_of(seed, count=6, classes=4, scale=3.0):
    return torch.tensor(np.random.default_rng(seed).normal(0, scale, (count, classes)), dtype=torch.float32)


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_one_hot_is_the_cross_entropy_with_the_likeliest_class(seed):
    logits = logits_of(seed)
    expected = -np.log(probabilities(logits).max(1)).mean()
    assert float(generator_losses.one_hot(logits)) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_one_hot_falls_to_nothing_for_sure_predictions():
    found = [float(generator_losses.one_hot(scale * torch.eye(3))) for scale in (0, 1, 10, 100)]
    assert found[0] == pytest.approx(np.log(3)) and found[-1] == 0 and found == sorted(found, reverse=True)


def test_one_hot_s_gradient_is_that_of_a_constant_label():
    logits = logits_of(0).requires_grad_()
    generator_losses.one_hot(logits).backward()
    p = probabilities(logits)
    np.testing.assert_allclose(logits.grad, (p - np.eye(4)[p.argmax(1)]) / len(p), atol=1e-6)


@given(SEEDS, st.sampled_from(FORMS))
@settings(max_examples=40, deadline=None)
def test_information_entropy_of_the_mean_prediction(seed, form):
    logits = logits_of(seed)
    mean = probabilities(logits).mean(0)
    expected = (mean * np.log10(mean)).sum() if form == "code" else (mean * np.log(mean)).sum() / 4
    assert float(generator_losses.information_entropy(logits, form)) == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("classes", "factor"), [(10, 4.34), (100, 43.4)])
def test_information_entropy_is_least_where_classes_are_even(classes, factor):
    """Also where every prediction is sure: the mean counts, not the single image."""
    for even in (torch.zeros(3, classes), 1e4 * torch.eye(classes)):
        code, equation = (float(generator_losses.information_entropy(even, form)) for form in FORMS)
        assert code == pytest.approx(-np.log10(classes), rel=1e-5)
        assert equation == pytest.approx(-np.log(classes) / classes, rel=1e-5)
        assert code / equation == pytest.approx(factor, rel=1e-3)
    others = torch.stack([generator_losses.information_entropy(logits_of(n, 5, classes), "code") for n in range(50)])
    assert -np.log10(classes) < float(others.min()) and float(others.max()) <= 0


@pytest.mark.parametrize("form", FORMS)
def test_a_class_without_images_has_no_log_of_zero(form):
    logits = torch.tensor([[200.0, 0, -300], [0, 200, -300]], requires_grad=True)  # the last: exactly 0 in float32
    assert logits.softmax(1)[:, 2].max() == 0
    loss = generator_losses.information_entropy(logits, form)
    expected = -np.log10(2) if form == "code" else -np.log(2) / 3
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    loss.backward()
    assert logits.grad.isfinite().all()
    one = torch.tensor([[2000.0, 0, 0]], requires_grad=True)
    loss = generator_losses.information_entropy(one, form)
    loss.backward()
    assert loss == 0 and one.grad.isfinite().all()


def test_dafl_s_form_is_the_code_s_until_a_class_has_no_probability_left():
    """float32's smallest number above 0 is 2^-149, and ln of its half is -104."""
    for gap, finite in ((103.0, True), (105.0, False)):
        logits = torch.tensor([[gap, 0.0]] * 3, requires_grad=True)
        loss = generator_losses.information_entropy(logits, "dafl")
        (0.0 * loss).backward()
        assert loss.isfinite().item() == finite and logits.grad.isfinite().all().item() == finite
    logits = logits_of(5)
    code, dafl = (generator_losses.information_entropy(logits, form) for form in ("code", "dafl"))
    assert dafl.item() == pytest.approx(code.item(), rel=1e-6)


def test_information_entropy_s_gradient():
    logits = logits_of(1).requires_grad_()
    generator_losses.information_entropy(logits, "code").backward()
    p = probabilities(logits)
    slope = (np.log(p.mean(0)) + 1) / np.log(10) / len(p)
    expected = p * (slope - (p * slope).sum(1, keepdims=True))
    np.testing.assert_allclose(logits.grad, expected, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_activation_rewards_large_features(form):
    features = logits_of(2, 5, 7).requires_grad_()
    loss = generator_losses.activation(features, form)
    values = features.detach().double().numpy()
    expected = np.mean([np.abs(one).mean() if form == "code" else np.abs(one).sum() for one in values])
    assert loss.item() == pytest.approx(-expected, rel=1e-6)
    loss.backward()
    share = len(values) * (7 if form == "code" else 1)
    np.testing.assert_allclose(features.grad, -np.sign(values) / share, rtol=1e-6)


CHANNELS = [3, 1, 5]


def statistics(seed):
    random = np.random.default_rng(seed)
    mean, second = random.normal(0, 2, 9), random.uniform(0.1, 3, 9)
    return Statistics(*(torch.tensor(part, dtype=torch.float32) for part in (mean, second)), CHANNELS)


def layers(found):
    """(means, variances) in float64, layer by layer."""
    parts = ((part.double().numpy()) for part in (found.mean, found.second))
    return list(zip(*(np.split(part, np.cumsum(CHANNELS)[:-1]) for part in parts), strict=True))


@given(SEEDS, st.sampled_from(["mean", "sum"]), st.sampled_from(["variance", "deviation"]))
@settings(max_examples=40, deadline=None)
def test_batch_norm_statistics_against_a_loop_over_layers(seed, reduction, moment):
    found, kept = statistics(seed), statistics(seed + 1)
    root = np.sqrt if moment == "deviation" else np.asarray
    losses = [
        ((one[0] - other[0]) ** 2 + (root(one[1]) - root(other[1])) ** 2)
        for one, other in zip(layers(found), layers(kept), strict=True)
    ]
    expected = np.mean([loss.mean() for loss in losses]) if reduction == "mean" else sum(loss.sum() for loss in losses)
    loss = generator_losses.batch_norm_statistics(found, kept, reduction, moment)
    assert float(loss) == pytest.approx(expected, rel=1e-4)
    assert float(generator_losses.batch_norm_statistics(kept, kept, reduction, moment)) == 0


def test_the_default_is_gdfq_s_form():
    found, kept = statistics(0), statistics(1)
    default = generator_losses.batch_norm_statistics(found, kept)
    assert torch.equal(default, generator_losses.batch_norm_statistics(found, kept, "mean", "variance"))


def test_a_constant_channel_has_a_finite_gradient():
    second = torch.zeros(9, requires_grad=True)
    found = SimpleNamespace(**vars(statistics(0)))
    found = Statistics(found.mean, second, CHANNELS)
    generator_losses.batch_norm_statistics(found, statistics(1), "sum", "deviation").backward()
    assert second.grad.isfinite().all()
