import numpy as np
import pytest
import torch
from classifiers import make_batch, make_labels
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from advkd.methods.divergence import divergence


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), tau=st.floats(0.5, 20), classes=st.integers(2, 30))
def test_agrees_with_scipy_s_entropy(seed, tau, classes):
    random = np.random.default_rng(seed)
    target, logits = random.normal(0, 4, (2, 7, classes))
    softmax = [np.exp(z / tau) / np.exp(z / tau).sum(1, keepdims=True) for z in (target, logits)]
    expected = tau**2 * np.mean([entropy(p, q) for p, q in zip(*softmax, strict=True)])
    target, logits = torch.tensor(target), torch.tensor(logits)
    assert divergence(target, logits, tau).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert divergence(target, logits, tau, "elementwise").item() == pytest.approx(expected / classes, abs=1e-12)
    assert divergence(target, target + 3, tau).abs() < 1e-12, "adding a constant to logits changes nothing"


def test_gradient_is_tau_times_the_difference_of_probabilities():
    target, logits, tau = torch.randn(3, 4).double(), torch.randn(3, 4).double().requires_grad_(), 4.0
    divergence(target, logits, tau).backward()
    expected = tau * ((logits / tau).softmax(1) - (target / tau).softmax(1)) / 3
    torch.testing.assert_close(logits.grad, expected.detach())


def test_cross_entropy_of_mixed_images_is_that_of_mixed_labels():
    mixed = make_batch(make_labels(), mixed=True)
    logits = torch.randn(6, 5).double()
    onehot = torch.eye(5).double()[mixed.labels]
    soft = 0.7 * onehot + 0.3 * onehot[mixed.partner]
    expected = -(soft * logits.log_softmax(1)).sum(1).mean()
    assert mixed.cross_entropy(logits).item() == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close(mixed.mixed(onehot).double(), soft, rtol=1e-6, atol=0)
