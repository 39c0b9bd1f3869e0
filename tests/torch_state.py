"""A fixture that the tests of networks share."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _torch_state():
    """One thread, since small tensors gain nothing from more; float32 and a fixed seed unless a test says otherwise."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)
