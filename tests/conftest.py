"""Every test runs in the top folder of the checkout."""

import pytest

from checkouts import ROOT, copy_checkout


@pytest.fixture(autouse=True)
def _in_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of the checkout without data or results, as the working folder."""
    folder = copy_checkout(tmp_path / "checkout")
    monkeypatch.chdir(folder)
    return folder
