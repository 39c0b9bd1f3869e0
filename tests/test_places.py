"""Where the files that come with the package are found: in the working folder first."""

from pathlib import Path

import pytest

from advkd import places
from advkd.errors import UserError
from advkd.settings import catalog, config, config_files
from checkouts import ROOT, copy_checkout

GROUP = "aikd/cifar100/preact_resnet18/aikd"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty working folder, with a package that brings the files of this checkout along."""
    monkeypatch.setattr(places, "SHIPPED", ROOT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_checkout_of_the_package_is_found_from_its_own_place():
    assert places.PACKAGE == ROOT / "src/advkd" and places.IN_CHECKOUT


def test_a_file_of_the_working_folder_takes_the_place_of_the_packages(elsewhere):
    name = Path("config/scales/smoke.yaml")
    assert places.find(name) == ROOT / name
    name.parent.mkdir(parents=True)
    name.symlink_to("nowhere")
    assert places.find(name) == name, "a link to nothing is told, not passed over"
    Path("config/scales/mine.yaml").touch()
    found = places.find_all(Path("config/scales"), "*.yaml")
    assert name in found and Path("config/scales/mine.yaml") in found and ROOT / "config/scales/paper.yaml" in found
    assert [path.name for path in found] == sorted({path.name for path in found})


def test_an_absolute_path_is_returned_as_it_is(elsewhere):
    assert places.find(elsewhere / "nothing") == elsewhere / "nothing"


def test_settings_and_published_numbers_are_read_from_the_package(elsewhere, monkeypatch):
    user = config.user(anywhere=True)
    resolved = config.resolve(f"{GROUP}/seed0", user)
    artifacts, cells = catalog.artifacts(), catalog.cells("aikd_table2")
    monkeypatch.chdir(ROOT)
    there = config.resolve(f"{GROUP}/seed0", config.user())
    assert (resolved.hash, resolved.sources) == (there.hash, there.sources), "sources are named as in a checkout"
    assert (artifacts, cells) == (catalog.artifacts(), catalog.cells("aikd_table2")) and len(artifacts) > 20


def test_a_scale_of_the_working_folder_is_one_beside_the_packages(elsewhere):
    Path("config/scales").mkdir(parents=True)
    mine = (ROOT / "config/scales/smoke.yaml").read_text(encoding="utf-8")
    Path("config/scales/mine.yaml").write_text(mine, encoding="utf-8")
    assert {"mine", "paper", "smoke"} <= set(config_files.scale_names())
    plain, mine = (config.user({"scale": scale}, anywhere=True) for scale in ("smoke", "mine"))
    assert config.resolve(f"{GROUP}/seed0", mine).hash == config.resolve(f"{GROUP}/seed0", plain).hash


def test_results_need_a_project(elsewhere):
    """A command that reads or writes results says where it must be started, before it makes a folder anywhere."""
    with pytest.raises(UserError, match=r"config/config.yaml is missing: .*advkd init"):
        config.user()
    copy_checkout(elsewhere / "checkout")
    assert config.user(file=elsewhere / "checkout/config/config.yaml") == config.user(anywhere=True)
