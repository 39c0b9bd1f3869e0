"""PCA colour noise, as AlexNet has it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import stats

from advkd.models.normalisation import NORMALISATIONS
from advkd.settings.classifier import Views as ViewSettings
from advkd.training import views
from advkd.training.views import EIGENVALUES, EIGENVECTORS, Views, lighting

CPU = torch.device("cpu")
COUNT = 100_000


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images_of(std, size=32, crop="pad", seed=0, count=6):
    """Views of random images before normalisation, in [0, 255], with colour noise of a standard deviation."""
    images = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    sizes = np.full((count, 2), size, np.int32)
    labels = np.zeros(count, np.int64)
    store = SimpleNamespace(images=images, labels=labels, sizes=sizes, held_out=images, held_out_labels=labels,
                            held_out_sizes=sizes)  # fmt: skip
    seen = Views(store, ViewSettings(image_size=size, crop=crop, normalisation="cifar10"), std, CPU)
    mean, scale = (torch.tensor(values)[:, None, None] for values in NORMALISATIONS["cifar10"])
    drawn = generator(seed)
    training = 255 * (seen.training(torch.arange(count), drawn) * scale + mean)
    return training, 255 * (torch.cat(list(seen.evaluation(4))) * scale + mean), drawn


@pytest.mark.parametrize("std", [0.1, 0.5])
def test_mean_and_covariance(std):
    found = lighting(COUNT, std, generator()).double().numpy()
    vectors, values = np.array(EIGENVECTORS), np.array(EIGENVALUES)
    expected = (255 * std) ** 2 * vectors @ np.diag(values**2) @ vectors.T
    assert found.shape == (COUNT, 3)
    np.testing.assert_allclose(found.mean(0), 0, atol=5 * np.sqrt(expected.diagonal().max() / COUNT))
    np.testing.assert_allclose(np.cov(found.T), expected, atol=0.03 * expected.max())


def test_components_are_independent_normal_numbers():
    """Along the eigenvectors; the strongest is the common brightness."""
    along = lighting(5000, 0.1, generator()).double().numpy() @ np.linalg.inv(np.array(EIGENVECTORS).T)
    for component, value in zip(along.T, EIGENVALUES, strict=True):
        assert stats.kstest(component / (25.5 * value), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(along.T) - np.eye(3)).max() < 0.06


def test_eigenvectors_are_orthonormal_columns():
    vectors = np.array(EIGENVECTORS)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(3), atol=2e-3)
    assert np.ptp(vectors[:, 0]) < 0.02, "brightness: nearly the same for every colour"
    assert sorted(EIGENVALUES, reverse=True) == list(EIGENVALUES)


@pytest.mark.parametrize("crop", ["pad", "resized"])
def test_an_image_is_shifted_as_a_whole_and_otherwise_the_same(crop):
    plain, shown, _ = images_of(0.0, crop=crop)
    lit, shown_lit, _ = images_of(0.5, crop=crop)
    shift = lit - plain
    assert shift.std((2, 3)).max() < 1e-3 and shift.abs().amax((1, 2, 3)).min() > 0.05
    assert len({round(float(one), 2) for one in shift[:, 0, 0, 0]}) == len(shift), "every image in its own way"
    assert torch.equal(shown, shown_lit), "evaluation images are left alone"
    assert (lit - lit.round()).abs().max() > 0.01, "unrounded"


@pytest.mark.parametrize("crop", ["pad", "resized"])
def test_nothing_is_drawn_where_there_is_no_lighting(crop, monkeypatch):
    _, _, drawn_lit = images_of(0.5, crop=crop)
    monkeypatch.setattr(views, "lighting", lambda *_: 1 / 0)
    _, _, drawn = images_of(0.0, crop=crop)
    assert not torch.equal(drawn.get_state(), drawn_lit.get_state()), "three numbers an image fewer"


def test_the_same_generator_gives_the_same_colours():
    one, again, other = (images_of(0.1, seed=seed)[0] for seed in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
