"""Runs that are trained once for all tests of the room, in folders that no test changes."""

import os
from pathlib import Path

import pytest
from trained_photos import draw_photos, train_on_photos

from checkouts import ROOT


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder of photos of two classes."""
    return draw_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="session")
def centred(photos, tmp_path_factory):
    """A run whose views are centre crops, and its evaluation photos."""
    return _trained(photos, tmp_path_factory, "resnet18", image_size=64, stored_size=96)


@pytest.fixture(scope="session")
def whole(photos, tmp_path_factory):
    """A run whose views are whole images, and its evaluation photos."""
    return _trained(photos, tmp_path_factory, "preact_resnet18", stored_size=48)


def _trained(photos, tmp_path_factory, model, **changes):
    before = Path.cwd()
    os.chdir(ROOT)  # settings are read there
    try:
        return train_on_photos(photos, model, tmp_path_factory.mktemp("trained"), **changes)
    finally:
        os.chdir(before)
