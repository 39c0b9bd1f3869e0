import pytest
import torch
from made_settings import make

from advkd.methods.okd import GanEnsemble
from advkd.methods.settings.okd import AcganSettings, GanAdam, OkdSettings, SaganSettings, SingleSettings
from advkd.schema import keys_of
from torch_state import _torch_state  # noqa: F401  (a fixture)


@pytest.fixture
def ensemble():
    """Build an ensemble of tiny networks: ensemble(model, method, **settings), the same for the same settings."""

    def build(model="sagan", method="okd", seed=0, **changes):
        base = {"model": model, "z": 8}
        if model == "sagan":
            base |= {"width": 8, "spectral_norm": True, "gp_weight": 10.0, "penalty": "joint"}
        else:
            base |= {"width": 8, "aux_weight": 0.6, "dropout": 0.25}
        sets = {"sets": 2, "rho": 0.7, "lr_connector": 5e-4} if method == "okd" else {}
        adam = {"lr_generator": 1e-3, "lr_discriminator": 4e-3, "beta1": 0.0, "beta2": 0.9}
        groups = [
            (SaganSettings if model == "sagan" else AcganSettings, base),
            (OkdSettings if method == "okd" else SingleSettings, sets),
            (GanAdam, adam),
        ]
        assert all(any(key in keys_of(group) for group, _ in groups) for key in changes)
        settings = []
        for group, values in groups:
            own = {key: value for key, value in changes.items() if key in keys_of(group)}
            settings.append(make(group, **values | own))
        torch.manual_seed(seed)
        return GanEnsemble(*settings, 5, torch.device("cpu"))

    return build


@pytest.fixture
def batch():
    """Return real images and labels: batch(count, seed)."""

    def build(count=2, seed=0):
        random = torch.Generator().manual_seed(seed)
        images = 2 * torch.rand(count, 3, 64, 64, generator=random) - 1
        return images, torch.randint(5, (count,), generator=random)

    return build
