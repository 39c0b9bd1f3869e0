"""Every test runs in the top folder of the checkout, on one thread."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from advkd import places
from advkd.jobs.launch import THREADS
from checkouts import ROOT, copy_checkout

# As in the runs' settings: threads of one process wait for each other where other tests run beside them. The libraries
# read this when they are loaded, here and in every process that a test starts.
os.environ |= dict.fromkeys(THREADS, "1")

# A machine that does other work besides may take seconds for what takes milliseconds on an idle one.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# These take minutes each. `make test` gives each file to one process in this order, so that none starts last.
LONGEST = ["test_workflow.py", "test_slurm.py", "test_session.py", "test_kills.py", "test_report_browser.py"]


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(autouse=True)
def _in_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(places, "SHIPPED", Path())  # the working folder is the checkout, also where a test makes a copy


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of the checkout without data or results, as the working folder."""
    folder = copy_checkout(tmp_path / "checkout")
    monkeypatch.chdir(folder)
    return folder
