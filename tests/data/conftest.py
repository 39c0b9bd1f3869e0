"""What the tests of the data package share."""

import pytest
from small_archives import listen, members, pack


@pytest.fixture
def archive(tmp_path):
    """A tiny archive in CODEBRIM's layout."""
    return pack(tmp_path / "tiny.zip", members())


@pytest.fixture
def said(monkeypatch):
    """The lines that were said."""
    return listen(monkeypatch)
