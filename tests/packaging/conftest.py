"""The built package, and environments with nothing else in them."""

import pytest
from environments import build, install


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The sdist and the wheel."""
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def core(built, tmp_path_factory):
    """The Python of an environment with the core alone."""
    return install(tmp_path_factory.mktemp("core") / "env", built[1])


@pytest.fixture(scope="session")
def whole(built, tmp_path_factory):
    """The Python of an environment with the workflow."""
    return install(tmp_path_factory.mktemp("whole") / "env", built[1], "[workflow]")
