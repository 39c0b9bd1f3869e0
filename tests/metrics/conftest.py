import numpy as np
import pytest

from advkd.metrics import inception


@pytest.fixture(scope="session")
def stem():
    """The network up to its 64 features, with random weights."""
    return inception.build(None, 64, "")


@pytest.fixture(scope="session")
def whole():
    """The network up to its 2,048 features, with random weights."""
    return inception.build(None, 2048, "")


@pytest.fixture(scope="session")
def pictures():
    """Twenty textures, uint8 (20, 64, 64, 3), that the networks were not calibrated on."""
    images = inception.textures(20, 64, seed=5).permute(0, 2, 3, 1).numpy()
    return (images * 255 + 0.5).astype(np.uint8)
