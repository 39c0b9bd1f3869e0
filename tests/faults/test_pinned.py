"""What an installation consists of is pinned: one version of every package, and the checksums of its files."""

import re
import tomllib
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from checkouts import ROOT

ENTRY = re.compile(r"([a-z0-9][a-z0-9._-]*)==([^ ;]+)( ; [^\\]+)? \\((?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)+)\n")


def entries():
    """Return the versions of the lock by package, after checking that it holds nothing but pinned packages."""
    text = (ROOT / "requirements.lock").read_text()
    found = list(ENTRY.finditer(text))
    assert "".join(match[0] for match in found) == text, "not all of it is NAME==VERSION with its checksums"
    versions = {canonicalize_name(match[1]): match[2] for match in found}
    assert len(versions) == len(found), "a package is pinned twice"
    return versions


def test_every_package_has_one_version_and_checksums():
    assert len(entries()) > 100


def test_every_dependency_is_pinned_to_a_version_that_it_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pinned = entries()
    groups = [project["project"]["dependencies"], *project["project"]["optional-dependencies"].values()]
    for requirement in map(
        Requirement, [*(name for group in groups for name in group), *project["build-system"]["requires"]]
    ):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_dependencies_of_dependencies_are_pinned_too():
    """What an installer would otherwise choose on the day."""
    pinned, asked, seen = entries(), ["advkd"], set()
    while asked:
        name = asked.pop()
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # for another system
            continue
        for requirement in map(Requirement, needs):
            one = canonicalize_name(requirement.name)
            if (requirement.marker is None or requirement.marker.evaluate({"extra": ""})) and one not in seen:
                seen.add(one)
                asked.append(one)
                assert one in pinned, f"{name} needs {one}"


def test_whatever_is_installed_is_checked_against_the_lock():
    """Nothing is installed by a command that would take another file, or another index."""
    commands = [line for line in (ROOT / "Makefile").read_text().splitlines() if re.search("pip (install|sync)", line)]
    assert len(commands) == 3
    for command in commands:
        assert "--require-hashes" in command or "--no-deps --no-build-isolation --editable ." in command
    for file in ("Makefile", "environment.yml", "requirements.lock", ".ci/run"):
        assert not re.search("index-url|find-links|trusted-host", (ROOT / file).read_text()), file
