"""The lock pins an installation: one version of every package, and the checksums of its files."""

import re
import tomllib
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from checkouts import ROOT

ENTRY = re.compile(r"([a-z0-9][a-z0-9._-]*)==([^ ;]+)( ; [^\\]+)? \\((?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)+)\n")


def entries():
    """Return the versions in the lock by package; check that it holds only pinned packages."""
    text = (ROOT / "requirements.lock").read_text()
    matches = list(ENTRY.finditer(text))
    assert "".join(match[0] for match in matches) == text, "every entry must be NAME==VERSION with its checksums"
    versions = {canonicalize_name(match[1]): match[2] for match in matches}
    assert len(versions) == len(matches), "a package is pinned twice"
    return versions


def test_every_package_has_one_version_and_checksums():
    assert len(entries()) > 100


def test_every_dependency_has_a_lower_bound_and_is_pinned_to_a_version_that_it_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pinned = entries()
    groups = [project["project"]["dependencies"], *project["project"]["optional-dependencies"].values()]
    for requirement in map(
        Requirement, [*(name for group in groups for name in group), *project["build-system"]["requires"]]
    ):
        if requirement.name == project["project"]["name"]:  # extras that contain others
            continue
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement
        assert {limit.operator for limit in requirement.specifier} & {">=", "=="}, requirement


def test_dependencies_of_dependencies_are_pinned_too():
    """Otherwise the installer would choose their versions."""
    pinned, waiting, seen = entries(), ["advkd"], set()
    while waiting:
        name = waiting.pop()
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # a package for another system
            continue
        for requirement in map(Requirement, needs):
            dependency = canonicalize_name(requirement.name)
            if (requirement.marker is None or requirement.marker.evaluate({"extra": ""})) and dependency not in seen:
                seen.add(dependency)
                waiting.append(dependency)
                assert dependency in pinned, f"{name} needs {dependency}"


def test_every_installation_is_checked_against_the_lock():
    """No command installs packages without the checksums of the lock, or from another index."""
    commands = [line for line in (ROOT / "Makefile").read_text().splitlines() if re.search("pip (install|sync)", line)]
    assert len(commands) == 3
    for command in commands:
        assert "--require-hashes" in command or "--no-deps --no-build-isolation --editable ." in command
    for file in ("Makefile", "environment.yml", "requirements.lock", ".ci/run"):
        assert not re.search("index-url|find-links|trusted-host", (ROOT / file).read_text()), file
