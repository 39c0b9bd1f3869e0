"""A fixture for all tests of networks."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _torch_state():
    """Use float32 and a fixed seed, unless a test changes them."""
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)
