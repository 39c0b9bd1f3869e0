import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from advkd.data.drawn import shape_images


def drawn(label, width, height, *seed):
    return shape_images.draw_shape_image(label, width, height, np.random.Generator(np.random.PCG64(seed)))


@pytest.mark.parametrize(("width", "height"), [(32, 32), (90, 60), (61, 88)])
def test_images_have_the_size_asked_for(width, height):
    image = drawn(3, width, height, 0)
    assert image.shape == (height, width, 3) and image.dtype == np.uint8 and image.std() > 10
    np.testing.assert_array_equal(image, drawn(3, width, height, 0))
    assert not np.array_equal(image, drawn(3, width, height, 1))


def test_classes_can_be_learnt_but_not_by_chance_or_at_once():
    """A linear rule on colour histograms, which sees neither shape nor stripes, is far from chance and from perfect."""
    labels = np.repeat(np.arange(8), 20)
    known, asked = (
        np.stack([drawn(label, 32, 32, part, number) for number, label in enumerate(labels)]) for part in (0, 1)
    )

    def features(images):
        bins = {"bins": (4, 4, 4), "range": [(0, 256)] * 3}
        return np.sqrt([np.histogramdd(image.reshape(-1, 3), **bins)[0].ravel() for image in images])

    rule = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features(known), labels)
    assert 0.5 < rule.score(features(asked), labels) < 0.95


@pytest.mark.parametrize(
    ("shape", "area"), [("disc", np.pi), ("square", 1.7**2), ("triangle", 1.6625), ("cross", 2.1504)]
)
@pytest.mark.parametrize("turn", [0, 0.3])
def test_a_shape_covers_its_area(shape, area, turn):
    mask = shape_images._mask(shape, 120, 100, np.array([60.5, 48.2]), 30, turn)
    assert mask.shape == (100, 120) and mask.min() == 0 and mask.max() == 1
    assert mask.sum() == pytest.approx(area * 30**2, rel=0.05)


def test_half_of_a_striped_shape_is_dark(monkeypatch):
    monkeypatch.setattr(shape_images, "_colour", lambda label, rng: np.float32([255, 0, 0]))
    black = np.zeros((60, 60, 3), np.float32)
    monkeypatch.setattr(shape_images, "_background", lambda width, height, rng: black.copy())
    for label, name in enumerate(shape_images.CLASSES):
        red = np.concatenate([drawn(label, 60, 60, number)[..., 0].ravel() for number in range(8)])
        dark = ((red > 50) & (red < 130)).sum() / (red > 50).sum()
        assert dark == pytest.approx(0.5 if name.startswith("striped") else 0.03, abs=0.08)
