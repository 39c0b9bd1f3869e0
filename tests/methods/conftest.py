from types import SimpleNamespace

import pytest
import torch

from advkd.methods.okd import GanEnsemble
from torch_state import _torch_state  # noqa: F401  (a fixture)


@pytest.fixture
def ensemble():
    """Build an ensemble of tiny networks: ensemble(model, method, **settings), the same for the same settings."""

    def build(model="sagan", method="okd", seed=0, **changes):
        values = {"model": model, "method": method, "image_size": 64, "z": 8, "shared_z": True}
        values |= {"lr_generator": 1e-3, "lr_discriminator": 4e-3, "beta1": 0.0, "beta2": 0.9}
        values |= {"sets": 2, "rho": 0.7, "lr_connector": 5e-4} if method == "okd" else {"sets": 1}
        if model == "sagan":
            values |= {"width": 4, "spectral_norm": True, "gp_weight": 10.0, "penalty": "joint"}
        else:
            values |= {"width": 8, "aux_weight": 0.6, "dropout": 0.25}
        torch.manual_seed(seed)
        return GanEnsemble(SimpleNamespace(**(values | changes)), 5, torch.device("cpu"))

    return build


@pytest.fixture
def batch():
    """Return real images and labels: batch(count, seed)."""

    def build(count=2, seed=0):
        random = torch.Generator().manual_seed(seed)
        images = 2 * torch.rand(count, 3, 64, 64, generator=random) - 1
        return images, torch.randint(5, (count,), generator=random)

    return build
