"""A server of jobs for each test."""

import pytest
from small_server import serving


@pytest.fixture
def jobs(tmp_path):
    """A server of jobs."""
    with serving(tmp_path) as server:
        yield server
