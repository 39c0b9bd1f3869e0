"""What is in the wheel and in the sdist, and what pyproject.toml and the table of extras say about it."""

import subprocess
import tarfile
import tomllib
import zipfile
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from advkd import extras
from checkouts import ROOT

CORE = {"numpy", "pillow", "pyyaml", "safetensors", "torch", "tqdm"}
COMMAND_LINE = {"argcomplete", "rich", "rich-argparse"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def tracked(*places: str) -> set[str]:
    """Return the files of the repository below some places."""
    done = subprocess.run(["git", "ls-files", "-z", *places], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in done.stdout.split("\0") if name}


def test_the_wheel_brings_everything_along(built):
    names = set(zipfile.ZipFile(built[1]).namelist())
    shipped = {name.removeprefix("advkd/shipped/") for name in names if name.startswith("advkd/shipped/")}
    assert shipped == tracked("Snakefile", "config", "paper", "profiles", "workflow") and len(shipped) > 50
    source = {name.removeprefix("src/") for name in tracked("src")}
    assert {name for name in names if ".dist-info/" not in name} == source | {
        f"advkd/shipped/{name}" for name in shipped
    }


def test_the_sdist_has_what_a_checkout_needs(built):
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    left_out = {name.partition("/")[0] for name in tracked() - names}
    assert left_out <= {".ci", ".github", ".snakemake-workflow-catalog.yml", "Dockerfile", ".dockerignore",
                        "benchmarks", "examples", "notebooks", "results"}  # fmt: skip


def requirements(*groups: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for group in groups for line in group}


def test_the_core_is_counted():
    assert requirements(PROJECT["dependencies"]) == CORE | COMMAND_LINE


def test_the_table_of_extras_names_the_modules_of_their_packages():
    """Commands look in this table for the extra that brings a missing module."""
    modules: dict[str, set[str]] = {}
    for module, packages in metadata.packages_distributions().items():
        for package in packages:
            modules.setdefault(canonicalize_name(package), set()).add(module)
    optional = PROJECT["optional-dependencies"]
    for extra, named in extras.MODULES.items():
        packages = requirements(optional[extra]) - {"advkd"}
        for package in packages:
            assert modules[package] & set(named), f"{extra}: no module of {package}"
        for module in named:
            assert any(module in modules[package] for package in packages), f"{extra}: no package has {module}"
    assert set(optional) - {"all", "dev", "docs"} == set(extras.MODULES)
    contained = {extra for line in optional["all"] for extra in Requirement(line).extras}
    assert contained | {"metrics"} == set(extras.MODULES), "`all` has every extra"
